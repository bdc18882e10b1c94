"""Engines by name, loaded only when one is asked for."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import AdamConfig, Engine, Params, TrainState
from glassgpt.errors import EngineError

__all__ = ["DEFAULT", "DTYPES", "NAMES", "available", "check", "create", "notice"]


@dataclass(frozen=True, slots=True)
class _Entry:
    module: str
    name: str
    dtypes: tuple[str, ...]
    options: tuple[str, ...] = ()
    """By keyword, beside the dtype."""


_ENGINES = {
    "scalar": _Entry("glassgpt.engines.scalar", "ScalarEngine", ("float64",)),
    "numpy": _Entry("glassgpt.engines.numpy", "NumpyEngine", ("float64", "float32")),
    "native": _Entry(
        "glassgpt.engines.native.engine",
        "NativeEngine",
        ("float64", "float32"),
        ("threads", "level"),
    ),
    "torch": _Entry(
        "glassgpt.scale.torch.engine",
        "TorchEngine",
        ("float64", "float32", "bfloat16"),
        ("device", "parallel", "compile", "micro_batch", "processes"),
    ),
}

NAMES = tuple(_ENGINES)

DTYPES = {name: entry.dtypes for name, entry in _ENGINES.items()}
"""What each engine computes in."""

DEFAULT: str
"""The fastest engine that can be used here."""


def __getattr__(name: str) -> str:
    if name == "DEFAULT":  # found out when it is first needed: it means loading the kernel
        return "numpy" if _native().unavailable() else "native"
    raise AttributeError(name)


def _native() -> ModuleType:
    return importlib.import_module(_ENGINES["native"].module)


TORCH_MODEL = "glassgpt.scale.torch.model"


def unavailable(name: str) -> str:
    """Why an engine cannot be used here; empty where it can."""
    if name == "native":
        reason: str = _native().unavailable()
        return reason and f"{reason}; use numpy"
    if name == "torch" and importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed; pip install torch (in a checkout: make torch)"
    return ""


def available() -> list[str]:
    """The engines that can be used here."""
    return [name for name in NAMES if not unavailable(name)]


def notice() -> str:
    """One line where the default engine is not the fastest one; empty otherwise."""
    reason = _native().unavailable()
    return f"{reason}: the numpy engine takes over" if reason else ""


def check(name: str, dtype: str, **options: Any) -> None:
    """Raise EngineError unless there is an engine of this name that computes in this dtype.

    With options, also where the engine does not have them or could not do it so on this machine.
    """
    if name not in _ENGINES:
        raise EngineError(f"there is no engine {name!r}; there are: {', '.join(NAMES)}")
    if dtype not in DTYPES[name]:
        known = ", ".join(DTYPES[name])
        raise EngineError(f"the {name} engine does not support {dtype!r}; it supports {known}")
    if reason := unavailable(name):
        raise EngineError(f"there is no {name} engine here: {reason}")
    others = [option for option in options if option not in _ENGINES[name].options]
    if "processes" in others:
        raise EngineError(f"the {name} engine runs in one process; torchrun needs --engine torch")
    if others:
        owner = next((f"the {n}" for n in NAMES if others[0] in _ENGINES[n].options), "no")
        verb = "is" if len(others) == 1 else "are"
        raise EngineError(f"{', '.join(others)} {verb} for {owner} engine; this is {name}", *others)
    if options:
        _class(name).check(dtype, **options)


def create(
    name: str,
    config: ModelConfig,
    state: TrainState,
    training: TrainConfig,
    dtype: str = "float64",
    **options: Any,
) -> Engine:
    """Build the engine of this name around a state.

    Args:
        options: of the engine, by keyword; of native `threads`, of torch the fields of its
            `Placement`. The numbers are the same for any, beyond rounding.

    Raises EngineError for a name, a dtype or an option that is not there.
    """
    check(name, dtype, **options)
    adam = AdamConfig(training.beta1, training.beta2, training.eps)
    engine: Engine = _class(name)(config, state, adam, dtype=dtype, **options)
    return engine


def to_torch(config: ModelConfig, params: Params) -> Any:
    """A PyTorch module with these weights. Raises EngineError where PyTorch is not installed."""
    check("torch", "float32")
    return importlib.import_module(TORCH_MODEL).language_model(config, params)


def _class(name: str) -> Any:
    return getattr(importlib.import_module(_ENGINES[name].module), _ENGINES[name].name)
