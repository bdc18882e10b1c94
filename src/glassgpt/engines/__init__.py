"""Engines by name, loaded only when one is asked for."""

from __future__ import annotations

import importlib
import importlib.util

from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import AdamConfig, Engine, TrainState
from glassgpt.errors import EngineError

_CLASSES = {
    "scalar": ("glassgpt.engines.scalar", "ScalarEngine"),
    "numpy": ("glassgpt.engines.numpy", "NumpyEngine"),
}

NAMES = tuple(_CLASSES)
DEFAULT = "numpy"


def available() -> list[str]:
    """The engines that can be used here."""
    return list(NAMES)


def check(name: str, dtype: str) -> None:
    """Raise EngineError unless there is an engine of this name that computes in this dtype."""
    if name not in _CLASSES:
        raise EngineError(f"there is no engine {name!r}; there are: {', '.join(NAMES)}")
    if dtype not in ("float64", "float32") or (name == "scalar" and dtype != "float64"):
        raise EngineError(f"the {name} engine does not compute in {dtype!r}")


def create(
    name: str, config: ModelConfig, state: TrainState, training: TrainConfig, dtype: str = "float64"
) -> Engine:
    """Build the engine of this name around a state.

    Raises EngineError for a name or a dtype that does not exist.
    """
    check(name, dtype)
    module, class_name = _CLASSES[name]
    adam = AdamConfig(training.beta1, training.beta2, training.eps)
    options = {} if name == "scalar" else {"dtype": dtype}
    engine: Engine = getattr(importlib.import_module(module), class_name)(
        config, state, adam, **options
    )
    return engine
