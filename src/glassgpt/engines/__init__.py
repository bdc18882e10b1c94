"""Engines by name, loaded only when one is asked for."""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType
from typing import Any

from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import AdamConfig, Engine, TrainState
from glassgpt.errors import EngineError
from glassgpt.scale.torch.placement import Placement

__all__ = ["DEFAULT", "DTYPES", "NAMES", "Placement", "available", "check", "create", "notice"]

_CLASSES = {
    "scalar": ("glassgpt.engines.scalar", "ScalarEngine"),
    "numpy": ("glassgpt.engines.numpy", "NumpyEngine"),
    "native": ("glassgpt.engines.native.engine", "NativeEngine"),
    "torch": ("glassgpt.scale.torch.engine", "TorchEngine"),
}

NAMES = tuple(_CLASSES)

DTYPES = {
    "scalar": ("float64",),
    "numpy": ("float64", "float32"),
    "native": ("float64", "float32"),
    "torch": ("float64", "float32", "bfloat16"),
}
"""What each engine computes in."""

DEFAULT: str
"""The fastest engine that can be used here."""


def __getattr__(name: str) -> str:
    if name == "DEFAULT":  # found out when it is first needed: it means loading the kernel
        return "numpy" if _native().unavailable() else "native"
    raise AttributeError(name)


def _native() -> ModuleType:
    return importlib.import_module(_CLASSES["native"][0])


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


def check(name: str, dtype: str, placement: Placement | None = None) -> None:
    """Raise EngineError unless there is an engine of this name that computes in this dtype.

    With a placement, also where the engine could not do it there.
    """
    if name not in _CLASSES:
        raise EngineError(f"there is no engine {name!r}; there are: {', '.join(NAMES)}")
    if dtype not in DTYPES[name]:
        known = ", ".join(DTYPES[name])
        raise EngineError(f"the {name} engine does not support {dtype!r}; it supports {known}")
    if reason := unavailable(name):
        raise EngineError(f"there is no {name} engine here: {reason}")
    if placement is None:
        return
    if name == "torch":
        importlib.import_module("glassgpt.scale.torch.spread").device_for(placement, dtype)
    elif placement.processes.world > 1:
        raise EngineError(f"the {name} engine runs in one process; torchrun needs --engine torch")
    elif placement != Placement():
        names, usual = ("device", "parallel", "compile", "micro_batch"), Placement()
        given = [n for n in names if getattr(placement, n) != getattr(usual, n)]
        verb = "is" if len(given) == 1 else "are"
        raise EngineError(f"{', '.join(given)} {verb} for the torch engine; this is {name}", *given)


def create(
    name: str,
    config: ModelConfig,
    state: TrainState,
    training: TrainConfig,
    dtype: str = "float64",
    threads: int | None = None,
    placement: Placement | None = None,
) -> Engine:
    """Build the engine of this name around a state.

    Args:
        threads: that share a batch in the native engine, the numbers being the same for any; None
            for all processors.
        placement: of the torch engine.

    Raises EngineError for a name, a dtype or a device that is not there.
    """
    check(name, dtype)
    module, class_name = _CLASSES[name]
    adam = AdamConfig(training.beta1, training.beta2, training.eps)
    options: dict[str, Any] = {} if name == "scalar" else {"dtype": dtype}
    if name == "native":
        options["threads"] = threads or os.cpu_count() or 1
    if name == "torch":
        options["placement"] = placement
    engine: Engine = getattr(importlib.import_module(module), class_name)(
        config, state, adam, **options
    )
    return engine
