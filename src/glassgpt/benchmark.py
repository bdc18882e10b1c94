"""How fast every engine trains and writes on this machine, in training as it really is.

A step of training grows dearer as it goes on: in float32 Adam's moments of idle weights sink to
numbers that are slow to compute with. So each engine takes over a run on the English names after
some thousand steps, and makes the steps that come next: their documents, in their order, at their
learning rates. Engines take turns, so that a noisy moment of the machine meets all of them.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from glassgpt import __version__, datasets, engines
from glassgpt.config import TrainConfig
from glassgpt.engines.base import TrainState
from glassgpt.training import Run, begin

WIDTHS = (16, 64)
WARM = 5000
"""Steps before the clock starts."""
ROUND_SECONDS, CASE_SECONDS = 0.1, 2.0
"""How long an engine works in a round, about, and in all: the slow ones drop out early."""

Row = dict[str, Any]


def measure(names: tuple[str, ...], rounds: int) -> list[Row]:
    """Time these engines; a row for each width, engine and number format."""
    rows: list[Row] = []
    for turn in islice(zip_longest(*_cases(names)), rounds):
        rows = [new or old for new, old in zip_longest(turn, rows)]
    return rows


def _cases(names: tuple[str, ...]) -> Iterator[Iterator[Row]]:
    data = datasets.load("english")
    for width in WIDTHS:
        run, first, _ = begin(data, TrainConfig(steps=2 * WARM), n_embd=width)
        formats = {dtype for name in names for dtype in engines.DTYPES[name]} - {"bfloat16"}
        warm = {dtype: _warm(run, first, dtype) for dtype in formats}
        for name in names:
            for dtype in sorted(formats.intersection(engines.DTYPES[name]), reverse=True):
                yield _case(run, warm[dtype], name, dtype)


def _warm(run: Run, state: TrainState, dtype: str) -> TrainState:
    """The run after its first steps, made by the fastest engine."""
    read, rates = run.read, run.training.learning_rates(0, WARM)
    engine = engines.create(engines.DEFAULT, run.model, state, run.training, dtype)
    engine.train([read(step) for step in range(WARM)], rates)
    return engine.state()


def _case(run: Run, state: TrainState, name: str, dtype: str) -> Iterator[Row]:
    """After each round, what all rounds so far have shown of an engine."""
    engine, read = engines.create(name, run.model, state, run.training, dtype), run.read

    def train(steps: int) -> float:
        batches = [read(step) for step in range(WARM, WARM + steps)]
        rates = run.training.learning_rates(WARM, WARM + steps)
        return _seconds(lambda: engine.train(batches, rates)) / steps

    def write(texts: int) -> float:
        uniforms = np.random.default_rng(42).random(texts * run.model.block_size)
        prompt = [run.tokenizer.bos]
        return _seconds(lambda: engine.generate(prompt, uniforms, texts)) / texts

    training: list[float] = []
    writing: list[float] = []
    steps, texts = _times(train), _times(write)
    while sum(training) * steps + sum(writing) * texts < CASE_SECONDS:
        training.append(train(steps))
        writing.append(write(texts))
        yield {
            "width": run.model.n_embd,
            "engine": name,
            "dtype": dtype,
            "best_us": min(training) * 1e6,
            "median_us": statistics.median(training) * 1e6,
            "names_a_second": 1 / min(writing),
        }


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _times(work: Callable[[int], float]) -> int:
    """How often the work goes into a round, after a warm-up."""
    work(2)
    return max(10, min(1000, int(ROUND_SECONDS / work(10))))


def machine() -> dict[str, Any]:
    """What it was measured on, and how many processes wanted a processor."""
    info = Path("/proc/cpuinfo")
    cpus = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    return {
        "cpu": cpus[0] if cpus else platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "system": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "glassgpt": __version__,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load": [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }
