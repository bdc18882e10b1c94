"""Time several things fairly: in turn, round after round; a noisy moment hits them alike."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Work:
    """Something to time: what `prepare(n)` returns does n times `units` units of work."""

    prepare: Callable[[int], Callable[[], object]]
    units: float
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds a unit of work."""

    best: float
    """Least wall time: what the machine can do where nobody else wants it."""
    median: float
    """Of the wall times: what it did."""
    cpu: float
    """Least processor time, all threads together."""
    rounds: int


@dataclass(slots=True)
class _Measured:
    call: Callable[[], object]
    units: float
    work: Work
    spent: float
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def interleaved(
    works: Sequence[Work], rounds: int, round_seconds: float, limit_seconds: float
) -> list[Timing]:
    """Warm up, then time each work once a round.

    Args:
        round_seconds: fast work is repeated to take about as long as this.
        limit_seconds: slow work drops out after the round in which it has taken so long in all.
    """
    measured = [_warm_up(work, round_seconds) for work in works]
    for number in range(rounds):
        for one in measured:
            if number == 0 or one.spent < limit_seconds:
                with _few_cores(one.work.threads):
                    wall, cpu = _seconds(one.call)
                one.spent += wall
                one.wall.append(wall / one.units)
                one.cpu.append(cpu / one.units)
    return [
        Timing(min(m.wall), statistics.median(m.wall), min(m.cpu), len(m.wall)) for m in measured
    ]


def _warm_up(work: Work, round_seconds: float) -> _Measured:
    call = work.prepare(1)
    with _few_cores(work.threads):
        first, _ = _seconds(call)
        # The first call loads code, memory and caches; only slow work is judged by it.
        second = first if first > 10 * round_seconds else _seconds(call)[0]
    times = max(1, round(round_seconds / max(second, 1e-7)))
    return _Measured(work.prepare(times), times * work.units, work, first)


def _seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


@contextlib.contextmanager
def _few_cores(threads: int) -> Iterator[None]:
    """Keep a single thread on one core, where the system lets us choose."""
    if threads > 1 or sys.platform != "linux":
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
