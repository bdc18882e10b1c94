"""A complete tiny GPT with glass walls.

    import glassgpt

    model = glassgpt.train("english")
    model.sample(5, prompt="ka")
    model.next("emm")
    model.save("runs/mine")

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassgpt.answers import ModelTrace, Samples
    from glassgpt.errors import (
        ConfigError,
        DataError,
        DivergedError,
        EngineError,
        GlassError,
        RunError,
    )
    from glassgpt.evaluation import Evaluation
    from glassgpt.model import Model, load, train

__version__ = "0.1.0"

_HOME = {
    "answers": ("ModelTrace", "Samples"),
    "errors": (
        *("ConfigError", "DataError", "DivergedError", "EngineError", "GlassError", "RunError"),
    ),
    "evaluation": ("Evaluation",),
    "model": ("Model", "load", "train"),
}

__all__ = [
    "ConfigError",
    "DataError",
    "DivergedError",
    "EngineError",
    "Evaluation",
    "GlassError",
    "Model",
    "ModelTrace",
    "RunError",
    "Samples",
    "__version__",
    "load",
    "train",
]


def __getattr__(name: str) -> Any:
    home = next((module for module, names in _HOME.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'glassgpt' has no attribute {name!r}")
    return getattr(importlib.import_module(f"glassgpt.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
