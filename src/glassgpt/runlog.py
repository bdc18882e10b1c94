"""`log.jsonl`: a line a step, appended to while a run trains, cut where a run is resumed."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from glassgpt.errors import RunError
from glassgpt.files import open_regular
from glassgpt.training import Chunk, Run


@dataclass(slots=True)
class Log:
    """What the log says of the steps that were saved."""

    losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    end: int = 0
    """Bytes up to the end of the last of these lines."""


def lines(run: Run, chunk: Chunk) -> bytes:
    """The lines of a chunk; floats are the shortest decimals that give back the same bits."""
    quote = json.JSONEncoder(ensure_ascii=False).encode  # dumps() would make one a document
    rows = enumerate(zip(chunk.losses, chunk.learning_rates, strict=True), chunk.start)
    return "".join(
        f'{{"step": {step + 1}, "documents": [{", ".join(map(quote, run.batch(step)))}], '
        f'"loss": {loss!r}, "learning_rate": {rate!r}}}\n'
        for step, (loss, rate) in rows
    ).encode()


def append(path: Path, end: int, parts: Iterable[bytes]) -> int:
    """Write after byte `end`, cutting off what stands there; the new end. Raises OSError.

    What is cut off belongs to steps that were never saved: those of a process that was killed, or
    of an attempt to save that failed.
    """
    with os.fdopen(open_regular(path, os.O_RDWR), "r+b") as file:
        file.seek(end)
        file.truncate()
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def read(path: Path, steps: int) -> Log:
    """The first so many lines; whatever stands after them is of no account. Raises RunError."""
    log = Log()
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            for number in range(1, steps + 1):
                line = file.readline()
                if not line:
                    raise RunError(
                        f"{path} ends at step {number - 1}, the model is at step {steps}"
                    )
                loss, rate = _record(path, number, line)
                log.losses.append(loss)
                log.learning_rates.append(rate)
                log.end += len(line)
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
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
