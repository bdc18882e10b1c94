"""Fixtures that several test modules share."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from glassgpt import datasets
from glassgpt.cli import main
from glassgpt.config import TrainConfig
from glassgpt.datasets import Dataset
from glassgpt.engines.base import Engine, TrainState
from glassgpt.engines.native import build as _build
from glassgpt.engines.native import library as _library
from glassgpt.text.characters import CharTokenizer
from glassgpt.training import Run, begin
from support import SMALL, Command, Result, build, names_file, small_params

# Derandomised: a run that passes here passes everywhere; no deadline: shared machines stall.
settings.register_profile("glassgpt", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("glassgpt")


def pytest_configure() -> None:
    """Where the kernel was compiled from other sources, compile the ones that are tested."""
    if any(_build.LIB.glob("kernel-*")) and _library.unavailable():
        _build.build()


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
        return begin(ten, TrainConfig(**settings))

    return begun


@pytest.fixture
def engine() -> Engine:
    """A small NumPy engine, untrained; its BOS is 4."""
    return build("numpy", SMALL, small_params())


@pytest.fixture
def tokenizer() -> CharTokenizer:
    """The four characters of `engine`."""
    return CharTokenizer("abcd")


@pytest.fixture
def glassgpt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run a command in an empty directory; its exit status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["glassgpt", *map(str, arguments)])
        with pytest.raises(SystemExit) as status:
            main()
        captured = capsys.readouterr()
        code = status.value.code
        return (code if isinstance(code, int) else 0), captured.out, captured.err

    return run
