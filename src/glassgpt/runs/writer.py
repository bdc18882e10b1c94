"""Writing a run directory: started once, added to while training goes on, left whole by any kill.

`directory.py` describes the files and reads them.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from glassgpt import __version__
from glassgpt.engines.base import TrainState
from glassgpt.errors import DivergedError, RunError
from glassgpt.files.atomic import leftovers, write_atomically
from glassgpt.files.locks import NAME as LOCK
from glassgpt.files.locks import RunLock
from glassgpt.files.records import VERSION, read_json, write_json
from glassgpt.runs import log as runlog
from glassgpt.runs.directory import (
    CONFIG,
    DOCUMENTS,
    FILES,
    LOSSES,
    MODEL,
    OLD_LOG,
    RunInfo,
    SavedRun,
    load,
)
from glassgpt.runs.state import to_safetensors
from glassgpt.text.stored import NAME as TOKENIZER
from glassgpt.text.stored import tokenizer_json
from glassgpt.training import Chunk, Run


class RunWriter:
    """Makes a run directory, or goes on with one, and keeps it up to date.

    Nobody else can write there until `close`, or until this process ends.
    """

    def __init__(self, path: Path, run: Run, info: RunInfo, lock: RunLock) -> None:
        """`create` and `resume` are the ways to get one."""
        self.path, self.run, self.info = path, run, info
        self.step: int | None = None
        """The step of the checkpoint that is on the disk."""
        self.schedule: runlog.Schedule = [(0, run.training.steps)]
        self._lock = lock
        self._new_directory = False
        self._sha256: dict[str, str] = {}  # of the files that never change
        self._losses = hashlib.sha256()  # of those saved

    @classmethod
    def create(cls, path: Path, run: Run, info: RunInfo) -> Self:
        """Begin a new run.

        Raises RunError, and changes nothing, where there is something already. What a start that
        was killed before its first checkpoint left behind does not count: it is replaced.
        """
        contents = {TOKENIZER: tokenizer_json(run.tokenizer)}
        if info.data_kind == "list":
            contents[DOCUMENTS] = ("\n".join(run.documents) + "\n").encode()
        try:
            _refuse_taken(path)
            new = not path.exists()
            path.mkdir(parents=True, exist_ok=True)
            writer = cls(path, run, info, RunLock(path))
            writer._new_directory = new
            writer._sha256 = {
                name: hashlib.sha256(raw).hexdigest() for name, raw in contents.items()
            }
            try:
                _refuse_taken(path)  # once more: only now can nobody else be starting here
                _remove_ours(path)
                writer._write_config()
                for name, raw in (contents | {LOSSES: b""}).items():
                    write_atomically(path / name, raw)
            except OSError:
                writer._undo()
                raise
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror}") from None
        return writer

    @classmethod
    def resume(cls, path: Path) -> tuple[Self, SavedRun]:
        """Go on with a run where its last checkpoint left it. Raises RunError."""
        if _is_unfinished(path):
            raise RunError(
                f"{path} was stopped before its first checkpoint, so there is nothing to resume; "
                f"start again with the same command (-o {path})"
            )
        if not (path / MODEL).is_file():
            load(path)  # says what is wrong, and nothing is written to what is no run
        try:
            lock = RunLock(path)
            try:
                return cls._go_on(path, lock)
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror}") from None

    @classmethod
    def _go_on(cls, path: Path, lock: RunLock) -> tuple[Self, SavedRun]:
        for name in FILES:
            for leftover in leftovers(path, name):
                leftover.unlink()
        saved = load(path)
        writer = cls(path, saved.run, saved.info, lock)
        writer.step = saved.state.step
        writer._losses.update(runlog.to_bytes(saved.losses))
        kept = [name for name in (TOKENIZER, DOCUMENTS) if (path / name).exists()]
        writer._sha256 = {n: hashlib.sha256((path / n).read_bytes()).hexdigest() for n in kept}
        writer.schedule = saved.schedule or writer._update(saved)
        (path / OLD_LOG).unlink(missing_ok=True)
        return writer, saved

    def _update(self, saved: SavedRun) -> runlog.Schedule:
        """Bring a run of version 0.1.0 up to date; it is one until config.json is replaced."""
        schedule = runlog.find_schedule(saved.learning_rates, saved.run.training)
        write_atomically(self.path / LOSSES, runlog.to_bytes(saved.losses))
        self._write_model(saved.state, self._losses.hexdigest())
        self.schedule = schedule
        self._write_config()
        return schedule

    def replan(self, steps: int) -> None:
        """From here on train to this step, the learning rate falling to 0 there. Raises RunError.

        The rate of step s becomes `learning_rate * (1 - (s - 1) / steps)`, as if so many had been
        planned from the start; those of the steps already made stay in the log.
        """
        self.run.training = replace(self.run.training, steps=steps)
        made = self.step or 0
        self.schedule = [(start, n) for start, n in self.schedule if start < made] + [(made, steps)]
        try:
            self._write_config()
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}") from None

    def save(self, state: TrainState, chunks: Sequence[Chunk]) -> None:
        """Write the log of these steps, then put the state in place.

        Raises RunError where it cannot, DivergedError rather than save what could not be read.
        """
        if not all(
            np.isfinite(a).all() for x in (state.params, state.m, state.v) for a in x.values()
        ):
            raise DivergedError(
                f"training diverged: after step {state.step} not all weights are finite; "
                f"try a smaller learning rate than {self.run.training.learning_rate:g}"
            )
        try:
            raw = runlog.to_bytes([loss for chunk in chunks for loss in chunk.losses])
            runlog.append(self.path / LOSSES, (self.step or 0) * runlog.NUMBER.itemsize, raw)
            digest = self._losses.copy()
            digest.update(raw)
            self._write_model(state, digest.hexdigest())
        except OSError as error:
            message = self._lost(state.step, error)
            if self.step is None:
                self._undo()
            raise RunError(message) from None
        self.step, self._losses = state.step, digest

    def rescue(self, state: TrainState, losses: Sequence[float], why: RunError) -> str:
        """Save the run in a temporary directory instead; a message that says where, or why not.

        Args:
            losses: of all steps.
        """
        try:
            place = Path(tempfile.mkdtemp(prefix="glassgpt-")) / self.path.name
            other = RunWriter.create(place, self.run, self.info)
            other.schedule = self.schedule
            other._write_config()
            other.save(state, [Chunk(0, list(losses), [])])
            other.close()
        except (OSError, RunError) as error:
            return f"{why}; and not in a temporary directory either: {error}"
        return f"{why}; step {state.step} is saved in {place} instead"

    def close(self) -> None:
        """Let others write to the directory."""
        self._lock.release()

    def _write_model(self, state: TrainState, losses_sha256: str) -> None:
        parts = to_safetensors(self.run.model, state, self.info.dtype, losses_sha256)
        write_atomically(self.path / MODEL, parts)

    def _lost(self, step: int, error: OSError) -> str:
        if not self.path.is_dir():
            return f"cannot save step {step}: the directory {self.path} is gone"
        if self.step is None:
            return f"cannot write {self.path}: {error.strerror}"
        kept = f"the checkpoint of step {self.step} is intact"
        return f"cannot save step {step} in {self.path}: {error.strerror}; {kept}"

    def _write_config(self) -> None:
        run, info = self.run, self.info
        value = {
            "format": "glassgpt-run",
            "version": VERSION,
            "made_by": f"glassgpt {__version__}",
            "model": run.model.to_dict(),
            "training": run.training.to_dict(),
            "num_train": run.num_train,
            "data": {"name": info.data_name, "sha256": info.data_sha256, "kind": info.data_kind},
            "engine": info.engine,
            "dtype": info.dtype,
            "temperature": info.temperature,
            "schedule": [list(pair) for pair in self.schedule],
            "sha256": self._sha256,
        }
        write_json(self.path / CONFIG, value)

    def _undo(self) -> None:
        """Leave nothing of a start that failed."""
        try:
            _remove_ours(self.path)
            (self.path / LOCK).unlink(missing_ok=True)
            if self._new_directory:
                self.path.rmdir()
        except OSError:
            pass  # the disk that refused to be written to may refuse this, too
        self.close()


def _is_unfinished(path: Path) -> bool:
    """Whether a directory holds nothing but what we write before the first checkpoint."""
    if not path.is_dir():
        return False
    half_written = {p.name for name in FILES for p in leftovers(path, name)}
    ours = {LOCK, OLD_LOG, *FILES, *half_written} - {MODEL}
    found = {p.name for p in path.iterdir()}
    if not found or not found <= ours:
        return False
    if any((path / n).exists() and (path / n).stat().st_size for n in (LOSSES, OLD_LOG)):
        return False
    if not found.isdisjoint(FILES):  # config.json comes first, and must be one of ours
        try:
            read_json(path / CONFIG, "glassgpt-run")
        except RunError:
            return False
    return True


def _refuse_taken(path: Path) -> None:
    if (path / MODEL).exists():
        raise RunError(
            f"{path} exists already and holds a run; resume it (glassgpt train --resume "
            f"{path}), choose another directory, or remove it"
        )
    if path.exists() or path.is_symlink():
        empty = path.is_dir() and not any(path.iterdir())
        if not empty and not _is_unfinished(path):
            raise RunError(f"{path} exists already; choose another directory, or remove it")


def _remove_ours(path: Path) -> None:
    """Remove all files of ours but the lock."""
    # config.json last: without it the others would not be known.
    for name in (OLD_LOG, *reversed(FILES)):
        for file in (*leftovers(path, name), path / name):
            file.unlink(missing_ok=True)
