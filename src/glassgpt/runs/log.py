"""`losses.f64`: the loss of every step, before its update, as float64, little-endian: 8 bytes each.

    np.fromfile("losses.f64", "<f8")

A training appends to it and, where it is resumed, cuts off the steps that were not saved. The rest
of what there is to know about a step follows from other files: its documents from their order, its
learning rate from the schedule in `config.json`.

Runs of version 0.1.0 have `log.jsonl` instead, an object a line with `step`, `documents`, `loss`
and `learning_rate`; it is still read.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from glassgpt.config import TrainConfig
from glassgpt.errors import ConfigError, RunError
from glassgpt.files.atomic import open_regular
from glassgpt.files.records import refusing

NUMBER = np.dtype("<f8")

Schedule = list[tuple[int, int]]
"""(s, n): from step s (counted from 0) on, the learning rate falls as in a run of n steps."""


@dataclass(slots=True)
class Log:
    """What is known of the steps that were saved."""

    losses: list[float] = field(default_factory=list)
    """Of every step made, before its update."""
    learning_rates: list[float] = field(default_factory=list)
    """Of every step made: what it was, whatever is planned for the steps to come."""


def to_bytes(losses: Sequence[float]) -> bytes:
    return np.array(losses, NUMBER).tobytes()


def append(path: Path, end: int, content: bytes) -> int:
    """Write after byte `end`, cutting off what stands there; the new end. Raises OSError.

    What is cut off belongs to steps that were never saved: those of a process that was killed, or
    of an attempt to save that failed.
    """
    with os.fdopen(open_regular(path, os.O_RDWR), "r+b") as file:
        file.seek(end)
        file.truncate()
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def read(path: Path, steps: int, sha256: str | None) -> list[float]:
    """The losses of the first so many steps; what stands after them is ignored.

    Raises RunError, also where they do not have this checksum.
    """
    with refusing(path), os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size // NUMBER.itemsize
        if size < steps:
            raise RunError(f"{path} ends at step {size}, the model is at step {steps}")
        raw = file.read(steps * NUMBER.itemsize)
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise RunError(f"{path} is damaged: its checksum is not the one in model.safetensors")
    losses = np.frombuffer(raw, NUMBER)
    if not np.isfinite(losses).all():
        raise RunError(f"{path} is damaged: it holds numbers that are not finite")
    return list(map(float, losses))


def check_schedule(value: Any) -> Schedule:
    """A schedule as read from JSON. Raises ConfigError."""
    match value:
        case [[0, _], *_] if all(
            isinstance(pair, list) and [type(n) for n in pair] == [int, int] and pair[1] > 0
            for pair in value
        ):
            starts = [start for start, _ in value]
            if all(a < b for a, b in itertools.pairwise(starts)):
                return [(start, steps) for start, steps in value]
    raise ConfigError("schedule must be a list of [first step, planned steps] that begins at 0")


def learning_rates(schedule: Schedule, training: TrainConfig, made: int) -> list[float]:
    """The learning rate of each of the steps made."""
    rates: list[float] = []
    for number, (start, steps) in enumerate(schedule):
        stop = schedule[number + 1][0] if number + 1 < len(schedule) else made
        rates += replace(training, steps=steps).learning_rates(start, min(stop, made))
    return rates


def find_schedule(rates: Sequence[float], training: TrainConfig) -> Schedule:
    """The schedule that gave these learning rates; for version 0.1.0, which recorded only them.

    Raises RunError where there is none.
    """
    schedule: Schedule = []
    done = 0
    while done < len(rates):
        at = min(done + 1, len(rates) - 1)  # the rate of step 0 tells nothing
        left = rates[at] / training.learning_rate
        steps = round(at / (1 - left)) if at > 0 and left < 1 else training.steps
        plan = replace(training, steps=max(1, steps)).learning_rates(done, len(rates))
        same = next((i for i, rate in enumerate(plan) if rate != rates[done + i]), len(plan))
        if same == 0:
            raise RunError(
                f"the learning rate of step {done + 1} in log.jsonl does not fit the schedule"
            )
        schedule.append((done, max(1, steps)))
        done += same
    if not schedule or schedule[-1][1] != training.steps:
        schedule.append((done, training.steps))
    return schedule


def read_lines(path: Path, steps: int) -> Log:
    """The first so many lines of a `log.jsonl`; what stands after them is ignored.

    Raises RunError.
    """
    log = Log()
    with refusing(path), os.fdopen(open_regular(path), "rb") as file:
        for number in range(1, steps + 1):
            line = file.readline()
            if not line:
                raise RunError(f"{path} ends at step {number - 1}, the model is at step {steps}")
            loss, rate = _record(path, number, line)
            log.losses.append(loss)
            log.learning_rates.append(rate)
    return log


def _record(path: Path, number: int, line: bytes) -> tuple[float, float]:
    try:
        record = json.loads(line)
        step, loss, rate = record["step"], record["loss"], record["learning_rate"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise RunError(f"{path}, line {number} is damaged") from None
    numbers = isinstance(loss, float) and isinstance(rate, float)
    if step != number or not numbers or not math.isfinite(loss) or not math.isfinite(rate):
        raise RunError(f"{path}, line {number} is not the record of step {number}")
    if not line.endswith(b"\n"):
        raise RunError(f"{path}, line {number} is cut off")
    return loss, rate
