"""Checkpoints while training goes on: a thread of their own writes them, from a copy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, Self

from glassgpt.engines.base import TrainState
from glassgpt.errors import RunError
from glassgpt.training import Chunk

BURDEN = 0.02
"""Share of the time that taking the state, during which nothing is trained, may cost."""


class Writer(Protocol):
    """What keeps a run: `writer.RunWriter`."""

    path: Path
    step: int | None

    def save(self, state: TrainState, chunks: Sequence[Chunk]) -> None: ...
    def rescue(self, state: TrainState, losses: Sequence[float], why: RunError) -> str: ...
    def replan(self, steps: int) -> None: ...
    def close(self) -> None: ...


class NoWriter:
    """Keeps nothing: for a run in memory, and for the processes that are not the first."""

    def __init__(self, path: Path = Path()) -> None:
        self.path = path
        self.step: int | None = None

    def save(self, state: TrainState, chunks: Sequence[Chunk]) -> None:
        pass

    def rescue(self, state: TrainState, losses: Sequence[float], why: RunError) -> str:
        return ""

    def replan(self, steps: int) -> None:
        pass

    def close(self) -> None:
        pass


class Saver:
    """Saves when the last checkpoint is older than so many seconds and the disk is done with it.

    One save at a time, and nothing ever waits in a queue: `due` says when the newest state can be
    taken, so at most one copy of the state is around. Where a run cannot be saved, as on a full
    disk, `tell` is called with the reason, and the next save tries again with all that is not
    saved yet. Anything else that fails in the thread is raised by the next call here.
    A large state, which takes its time to copy, is saved less often: see BURDEN.
    """

    def __init__(
        self, writer: Writer, seconds: float, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._tell, self._told = tell, False
        self._waiting: list[Chunk] = []  # of saves that failed
        self._writer, self._seconds = writer, seconds
        self._next = time.monotonic() + seconds
        self._taken = 0.0
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def due(self) -> bool:
        """Whether to call `save` now. Raises what went wrong with the save before."""
        if self._thread and self._thread.is_alive():
            return False
        if self._thread:
            self._join()
            self._next = time.monotonic() + max(self._seconds, self._taken / BURDEN)
        return time.monotonic() >= self._next

    def save(self, take: Callable[[], TrainState], chunks: Sequence[Chunk]) -> None:
        """Take the state and begin to write; the chunks must not be touched any more."""
        chunks, self._waiting = [*self._waiting, *chunks], []
        started = time.monotonic()
        state = take()
        self._taken = time.monotonic() - started
        # A daemon: the second Ctrl-C does not wait for a disk. What it leaves half written has a
        # name of its own, and is removed when the run is resumed.
        self._thread = threading.Thread(target=self._work, args=(state, chunks), daemon=True)
        self._thread.start()

    def finish(self, state: Callable[[], TrainState], chunks: Sequence[Chunk]) -> None:
        """Wait for what is being written, and write what is not saved yet. Raises RunError."""
        self._join()
        chunks = [*self._waiting, *chunks]
        if chunks:
            self._writer.save(state(), chunks)

    def _work(self, state: TrainState, chunks: Sequence[Chunk]) -> None:
        try:
            self._writer.save(state, chunks)
            self._told = False
        except RunError as error:
            self._waiting = list(chunks)
            if not self._told:
                self._tell(f"{error}; training goes on, and saving is tried again")
            self._told = True
        except BaseException as error:
            self._error = error

    def _join(self) -> None:
        if self._thread:
            self._thread.join()
            self._thread = None
        if self._error:
            error, self._error = self._error, None
            raise error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        """Where training failed, what is being written is still finished, the failure reported."""
        hurry = isinstance(error, KeyboardInterrupt | GeneratorExit)
        if error is not None and self._thread and not hurry:
            self._thread.join()
