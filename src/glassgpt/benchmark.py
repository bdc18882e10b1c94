"""Honest timings: every engine in turn, round after round, in one process on one machine."""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from glassgpt import datasets, engines
from glassgpt.config import TrainConfig
from glassgpt.engines.base import Engine
from glassgpt.tokenizer import Tokenizer
from glassgpt.training import begin

ROUND_SECONDS = 0.15
"""Each engine works about this long a round, so that slow and fast ones are timed alike."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Microseconds a training step at the default size, batch 1, on the bundled English names."""

    engine: str
    best: float
    median: float
    rounds: int


def machine() -> dict[str, str]:
    """What the timings were taken on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = models[0].partition(":")[2].strip() if models else cpu
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "system": platform.platform(),
        "python": python,
    }


def run(rounds: int) -> list[Timing]:
    """Warm up each engine, then time them interleaved, so that a noisy moment hits them alike."""
    data = datasets.load("english")
    training = TrainConfig()
    tokenizer = Tokenizer.from_documents(data.documents)
    task, state, _ = begin(data.documents, training, tokenizer)
    batches = [[tokenizer.encode(d) for d in task.batch(s)] for s in range(1000)]
    models = {n: engines.create(n, task.model, state.copy(), training) for n in engines.available()}
    counts: dict[str, int] = {}
    times: dict[str, list[float]] = {name: [] for name in models}
    for name, model in models.items():
        counts[name] = 2
        while counts[name] < len(batches):
            if _seconds(model, batches, counts[name]) > ROUND_SECONDS / 2:
                break
            counts[name] = min(counts[name] * 2, len(batches))
    for _ in range(rounds):
        for name, model in models.items():
            times[name].append(_seconds(model, batches, counts[name]) / counts[name] * 1e6)
    return [Timing(n, min(t), statistics.median(t), rounds) for n, t in times.items()]


def _seconds(model: Engine, batches: list[list[list[int]]], steps: int) -> float:
    rates = [1e-4] * steps  # small, so that the weights stay put however long the timing takes
    started = time.perf_counter()
    model.train(batches[:steps], rates)
    return time.perf_counter() - started
