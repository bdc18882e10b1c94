"""What the notebooks share: training by name, showing the reference, holding the text to its word.

Everything real happens in `glassgpt`; this file only saves the notebooks from repeating it.
"""

from __future__ import annotations

import inspect
import os
import random
import textwrap
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from IPython.display import Markdown, display

import glassgpt
from glassgpt.evaluation import model_loss
from glassgpt.sampling import Sample, SampleConfig, generate

SHORT = os.environ.get("GLASSGPT_SHORT") == "1"
"""Set in the tests: fewer steps and seeds. Figures of the text are then not claimed."""


def short(full: Any, brief: Any) -> Any:
    """`full` for a reader, `brief` in a short run."""
    return brief if SHORT else full


def claim(measured: float, stated: float, tolerance: float) -> None:
    """A figure that the text states: it must be what this run measures."""
    if not SHORT and not abs(measured - stated) <= tolerance:
        raise AssertionError(f"the text says {stated}, this run measures {measured}")


# --- a trained model in one line ---


class Fitted:
    """A trained model with the words of the course: held-out documents, nats, samples."""

    def __init__(self, model: glassgpt.Model) -> None:
        self.model = model
        self.run, self.engine = model.saved.run, model.engine
        self.tokenizer, self.losses = model.tokenizer, model.losses

    @cached_property
    def held_out(self) -> list[list[int]]:
        """The encoded documents that training never saw."""
        return [self.tokenizer.encode(document) for document in self.run.held_out]

    def loss(self, documents: Iterable[str] | None = None) -> float:
        """Nats a character, on the held-out documents or on these."""
        encoded = self.held_out
        if documents is not None:
            encoded = [self.tokenizer.encode(document) for document in documents]
        measured = model_loss(self.engine, encoded)
        assert measured is not None
        return measured.nats

    def samples(
        self,
        n: int,
        temperature: float = 0.5,
        top_k: int | None = None,
        prompt: str = "",
        seed: int = 0,
    ) -> list[Sample]:
        rng, config = random.Random(seed), SampleConfig(temperature, top_k)
        return [generate(self.engine, self.tokenizer, rng, config, prompt) for _ in range(n)]

    def next_probs(self, prompt: str) -> dict[str, float]:
        """The model's own distribution (temperature 1) of the character after a prompt."""
        return self.model.next(prompt)


def fit(
    data: str | Sequence[str] = "english",
    steps: int = 1000,
    seed: int = 42,
    held_out: float = 0.2,
    **options: Any,
) -> Fitted:
    """Train on a data set or a list, with the recipe that suits it; a share is held out."""
    model = glassgpt.train(data, steps=steps, seed=seed, val_fraction=held_out, **options)
    return Fitted(model)


# --- on the page ---


def show(*things: Any) -> None:
    """The source of functions or classes, read from the file itself."""
    for thing in things:
        source = textwrap.dedent(inspect.getsource(thing)).rstrip()
        name = inspect.getmodule(thing).__name__.replace(".", "/") + ".py"
        display(Markdown(f"*{name}*\n```python\n{source}\n```"))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows as a table; numbers are right-aligned and floats have three digits."""
    rows = [list(row) for row in rows]
    numeric = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    lines = [header, ["--:" if number else ":--" for number in numeric]]
    lines += [[f"{x:.3f}" if isinstance(x, float) else f"{x}" for x in row] for row in rows]
    display(Markdown("\n".join("| " + " | ".join(line) + " |" for line in lines)))
