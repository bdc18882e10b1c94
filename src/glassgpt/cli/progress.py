"""A live line on a terminal, a line now and then elsewhere: always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from glassgpt.cli.common import EMPTY, say
from glassgpt.scale.torch.processes import current

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from glassgpt.training import Chunk

SAMPLE_SECONDS, SAMPLE_SHARE = 0.4, 0.02
"""On a terminal: a sample at most this often, taking at most this share of the time."""
SMOOTHING = 0.98  # of the moving average, which starts as the plain mean
REMEMBERED = 500  # losses; those further back weigh less than 1 in 20,000


class Display:
    """Step, loss, smoothed loss, learning rate, time left, and a sample that gets better."""

    def __init__(
        self,
        steps: int,
        sample: Callable[[int], str] | None,
        losses: Sequence[float] = (),
        visible: bool = True,
    ) -> None:
        """Args:
        sample: gives the text the model writes after a step; None shows none.
        losses: those of the steps made before, where a run is resumed.
        """
        self.visible = visible
        self.steps, self.sample, self.done = steps, sample, len(losses)
        self.smooth, self.weight = 0.0, 0.0
        self._smooth(losses[-REMEMBERED:])
        self.sample_at, self.text = 0.0, ""
        self.marks = sorted({-(-steps * tenth // 10) for tenth in range(1, 11)})
        """Steps after which a line is printed where nobody watches: the same on every machine."""
        self.progress: Progress | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> Self:
        if self.visible and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("step {task.completed:>{task.fields[width]}}/{task.total}"),
                BarColumn(bar_width=None),
                TextColumn("loss {task.fields[loss]}  lr {task.fields[rate]}", markup=False),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[text]}", style="bold", markup=False),
            )
            console = Console(stderr=True)
            self.progress = Progress(*columns, console=console, transient=False)
            width = len(str(self.steps))
            self.task = self.progress.add_task(
                "",
                total=self.steps,
                completed=self.done,
                width=width,
                loss="…",
                rate="…",
                text="",
            )
            with suppress(OSError):  # the terminal has gone already; training goes on to save
                self.progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.progress:
            with suppress(OSError):  # the terminal has gone
                self.progress.stop()

    def update(self, chunk: Chunk) -> None:
        if not self.visible:
            return
        self._smooth(chunk.losses)
        with suppress(OSError):
            self._draw(chunk)

    def _draw(self, chunk: Chunk) -> None:
        done = chunk.start + len(chunk.losses)
        shown = f"{chunk.losses[-1]:.3f} (smoothed {self.smooth / self.weight:.3f})"
        if self.progress and self.task is not None:
            self._look(done)
            rate = f"{chunk.learning_rates[-1]:#.3g}"
            self.progress.update(self.task, completed=done, loss=shown, rate=rate, text=self.text)
        elif done in self.marks:
            text = f"  {self.sample(done) or EMPTY}" if self.sample else ""
            say(f"step {done:>{len(str(self.steps))}}/{self.steps}  loss {shown}{text}")

    def _look(self, done: int) -> None:
        """Let the model write, unless it has just done so."""
        started = time.monotonic()
        if self.sample and (started >= self.sample_at or done == self.steps):
            self.text = self.sample(done) or EMPTY
            took = time.monotonic() - started
            self.sample_at = started + max(SAMPLE_SECONDS, took / SAMPLE_SHARE)

    def _smooth(self, losses: Sequence[float]) -> None:
        for loss in losses:
            self.smooth = SMOOTHING * self.smooth + (1 - SMOOTHING) * loss
            self.weight = SMOOTHING * self.weight + (1 - SMOOTHING)


@contextmanager
def bytes_bar(what: str, remains: bool = True) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal for bytes that come; it shows only once the first are there.

    Gives what takes (bytes so far, bytes in all; 0 where that is not known); None elsewhere.

    Args:
        remains: the bar stays on the terminal when all is there.
    """
    if not sys.stderr.isatty() or not current().first:
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=not remains)
    task = progress.add_task(what, total=None)

    def update(done: int, total: int) -> None:
        progress.start()
        progress.update(task, completed=done, total=total or None)

    try:
        yield update
    finally:
        progress.stop()
