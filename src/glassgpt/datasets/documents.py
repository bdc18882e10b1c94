"""What a run trains on: documents by number, wherever they are kept.

A list in memory and a corpus on the disk are the same thing to whoever trains on them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal, Protocol

from glassgpt.config import num_held_out
from glassgpt.datasets.registry import Recipe
from glassgpt.engines.base import Document
from glassgpt.errors import DataError
from glassgpt.text import Tokenizer

DataKind = Literal["list", "corpus"]


class Documents(Protocol):
    """The documents of one side of a run, in the order of training."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Document:
        """The token ids of a document, counted from 0, BOS at both ends."""

    @property
    def texts(self) -> list[str]:
        """The documents as text, in the same order; none where only token ids are at hand."""

    def will_need(self, start: int, stop: int) -> None:
        """A hint that these documents are asked for next."""


class Data(Protocol):
    """A list or a corpus as a whole."""

    name: str
    sha256: str
    """The fingerprint of the content."""
    kind: DataKind

    @property
    def tokenizer(self) -> Tokenizer: ...

    @property
    def recipe(self) -> Recipe:
        """The settings that suit it."""

    def split(
        self, block_size: int, val_fraction: float, rng: random.Random
    ) -> tuple[Documents, Documents]:
        """Shuffled: the documents to train on, and those held out. The same stream then goes on.

        Raises DataError if there is nothing to train on, or nothing to hold out where that is
        asked for.
        """

    def describe(self, train: Documents, held_out: Documents, block_size: int) -> dict[str, Any]:
        """What was read and what becomes of it; nothing found is dropped silently."""


class TextDocuments:
    """Texts in memory; each is encoded once, when it is first asked for."""

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer) -> None:
        self.texts = list(texts)
        self.encode = tokenizer.encode
        self._encoded: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, number: int, /) -> list[int]:
        ids = self._encoded.get(number)
        if ids is None:
            ids = self._encoded[number] = self.encode(self.texts[number])
        return ids

    def will_need(self, start: int, stop: int) -> None:
        pass


class AbsentDocuments:
    """Documents of which only the number is known: a run does not store those of its corpus."""

    def __init__(self, number: int) -> None:
        self.number, self.texts = number, list[str]()

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, number: int, /) -> Document:
        raise DataError("the documents of this run are in its corpus, which must be named")

    def will_need(self, start: int, stop: int) -> None:
        pass


def hold_out(order: list[str], val_fraction: float) -> tuple[list[str], list[str]]:
    """Shuffled documents in two: those to train on and the last ones, which are held out.

    Distinct texts are counted, and all copies of a text go the same way: no text is in both.
    """
    texts = list(dict.fromkeys(reversed(order)))
    last = set(texts[: num_held_out(len(texts), val_fraction)])
    return [d for d in order if d not in last], [d for d in order if d in last]
