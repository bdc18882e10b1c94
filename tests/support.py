"""What test modules need before pytest hands out fixtures: vectors, engines, comparisons."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgpt import engines
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.datasets import REGISTRY
from glassgpt.datasets.download import cache_path
from glassgpt.engines.base import Engine, Params, TrainState
from glassgpt.training import initial_params

Result = tuple[int, str, str]
Command = Callable[..., Result]
"""Runs `glassgpt` with arguments; its exit status, standard output and standard error."""

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "glassgpt"
CONFORMANCE = ROOT / "conformance"
RECIPES = sorted(path.stem for path in CONFORMANCE.glob("recipe_*.json"))

SMALL = ModelConfig(vocab_size=5, n_layer=1, n_embd=4, n_head=2, block_size=6)
"""A model that costs next to nothing; BOS is 4."""


@functools.cache
def vectors(name: str) -> dict[str, Any]:
    """A conformance file; read-only, for it is shared."""
    return json.loads((CONFORMANCE / f"{name}.json").read_text(encoding="utf-8"))


def arrays(tensors: Mapping[str, Any]) -> Params:
    return {name: np.array(matrix, np.float64) for name, matrix in tensors.items()}


def skip_without(name: str) -> None:
    """Skip the test, and say why, where this engine cannot run."""
    if reason := engines.unavailable(name):
        pytest.skip(f"there is no {name} engine here: {reason}")


def build(
    name: str,
    config: ModelConfig,
    state: Params | TrainState,
    training: TrainConfig | None = None,
    dtype: str = "float64",
) -> Engine:
    """An engine around its own copy of these weights; skips the test where it cannot run here."""
    state = state if isinstance(state, TrainState) else TrainState.fresh(state)
    skip_without(name)
    return engines.create(name, config, state.copy(), training or TrainConfig(), dtype)


def small_params(config: ModelConfig = SMALL, seed: int = 0, std: float = 0.5) -> Params:
    return initial_params(config, random.Random(seed), std)


PRECISIONS = [
    (name, dtype)
    for name in engines.NAMES
    for dtype in ("float64", "float32")
    if dtype in engines.DTYPES[name]
]


def assert_close(
    actual: Mapping[str, Any], expected: Mapping[str, Any], tolerance: float, scaled: bool = False
) -> None:
    """The same names in the same order, and no number further off than the tolerance.

    Args:
        scaled: take the tolerance times the largest number of each tensor, where that is above 1.
    """
    assert list(actual) == list(expected)
    for name, want in expected.items():
        got, want = np.asarray(actual[name]), np.asarray(want)
        assert got.shape == want.shape, name
        unit = max(1.0, float(np.max(np.abs(want), initial=0.0))) if scaled else 1.0
        off = float(np.max(np.abs(got - want), initial=0.0))
        assert off <= tolerance * unit, f"{name} is off by {off:.3g}"


def furthest(actual: Sequence[float], expected: Sequence[float]) -> float:
    """The largest absolute difference of two lists of the same length; NaN counts as infinite."""
    assert len(actual) == len(expected)
    return float(np.nan_to_num(np.abs(np.subtract(actual, expected)), nan=np.inf).max())


def names_file() -> Path:
    """The 32,033-name file, from a checkout's neighbour or the user's cache; skips without it."""
    for path in (ROOT.parent / "shared" / "data" / "names.txt", cache_path(REGISTRY["names"])):
        if path.exists():
            return path
    pytest.skip("names.txt is not here; `glassgpt datasets download names` fetches it")
