"""Fixtures that several test modules share."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from glassgpt import datasets
from glassgpt.config import TrainConfig
from glassgpt.datasets import Dataset
from glassgpt.engines.base import Engine, TrainState
from glassgpt.tokenizer import Tokenizer
from glassgpt.training import Run, begin
from support import SMALL, build, names_file, small_params

# Derandomised: a run that passes here passes everywhere; no deadline: shared machines stall.
settings.register_profile("glassgpt", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("glassgpt")


@pytest.fixture
def names_path() -> Path:
    return names_file()


@pytest.fixture(scope="session")
def ten() -> Dataset:
    return datasets.load("ten")


@pytest.fixture
def begun(ten: Dataset) -> Callable[..., tuple[Run, TrainState, random.Random]]:
    """Begin a run on the ten names with these training settings."""

    def begun(**settings: object) -> tuple[Run, TrainState, random.Random]:
        tokenizer = Tokenizer.from_documents(ten.documents)
        return begin(ten.documents, TrainConfig(**settings), tokenizer)

    return begun


@pytest.fixture
def engine() -> Engine:
    """A small NumPy engine, untrained; its BOS is 4."""
    return build("numpy", SMALL, small_params())


@pytest.fixture
def tokenizer() -> Tokenizer:
    """The four characters of `engine`."""
    return Tokenizer("abcd")
