"""A bar for a training, in a terminal or in a notebook; nothing where it is not asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from glassgpt.training import Chunk


@contextmanager
def shown(steps: int, wanted: bool) -> Iterator[Callable[[Chunk], None]]:
    """Gives what is to be called with every chunk of the training."""
    if not wanted:
        yield lambda chunk: None
        return
    display = _notebook_display()
    if display is None:
        yield from _terminal(steps)
        return
    yield from _notebook(steps, display)


def _terminal(steps: int) -> Iterator[Callable[[Chunk], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("step"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("loss {task.fields[loss]}", markup=False),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        task = progress.add_task("", total=steps, loss="…")
        yield lambda chunk: progress.update(
            task, completed=chunk.start + len(chunk.losses), loss=f"{chunk.losses[-1]:.3f}"
        )


def _notebook(steps: int, display: Any) -> Iterator[Callable[[Chunk], None]]:
    """An HTML progress element that is replaced in place; it needs no widgets."""
    from IPython.display import HTML  # type: ignore[import-not-found, unused-ignore]

    def picture(done: int, loss: str) -> Any:
        return HTML(  # type: ignore[no-untyped-call, unused-ignore]
            f'<progress max="{steps}" value="{done}"></progress> '
            f"step {done:,} of {steps:,}, loss {loss}"
        )

    handle = display(picture(0, "…"), display_id=True)

    def update(chunk: Chunk) -> None:
        done = chunk.start + len(chunk.losses)
        handle.update(picture(done, f"{chunk.losses[-1]:.3f}"))

    yield update


def _notebook_display() -> Any:
    """IPython's `display` where this runs in a notebook; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or shell.__class__.__name__ != "ZMQInteractiveShell":
        return None
    from IPython.display import display  # type: ignore[import-not-found, unused-ignore]

    return display
