"""A list in memory: its documents, what was found in it, and how it is split."""

from __future__ import annotations

import hashlib
import random
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from glassgpt.config import Normalization
from glassgpt.datasets.documents import DataKind, Documents, TextDocuments, hold_out
from glassgpt.datasets.registry import Recipe
from glassgpt.errors import DataError
from glassgpt.text import Tokenizer
from glassgpt.text.characters import CharTokenizer, describe_character, normalized


@dataclass(frozen=True, slots=True)
class Report:
    """What reading found. Duplicates are kept: they are part of the data."""

    lines: int
    empty: int
    duplicates: int
    characters: int
    longest: int
    bom: bool
    crlf: bool

    def over_long(self, documents: list[str], block_size: int) -> int:
        """Documents whose end is never seen: more than block_size predictions, BOS included."""
        if self.longest < block_size:
            return 0
        return sum(len(document) + 1 > block_size for document in documents)


@dataclass
class Dataset:
    """A list: documents in the order of the file, in their normal form."""

    name: str
    documents: list[str]
    normalize: Normalization
    report: Report
    recipe: Recipe
    sha256: str
    """Of the bytes read."""
    kind: DataKind = "list"

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return CharTokenizer.from_documents(self.documents, self.normalize)

    def split(
        self, block_size: int, val_fraction: float, rng: random.Random
    ) -> tuple[TextDocuments, TextDocuments]:
        """See `documents.Data`."""
        order = list(self.documents)
        rng.shuffle(order)
        train, held_out = hold_out(order, val_fraction)
        return TextDocuments(train, self.tokenizer), TextDocuments(held_out, self.tokenizer)

    def describe(self, train: Documents, held_out: Documents, block_size: int) -> dict[str, Any]:
        """See `documents.Data`."""
        r = self.report
        return {
            "name": self.name,
            "sha256": self.sha256,
            "documents": len(self.documents),
            "held_out": len(dict.fromkeys(held_out.texts)),
            "lines": r.lines,
            "empty": r.empty,
            "duplicates": r.duplicates,
            "over_long": r.over_long(self.documents, block_size),
            "characters": r.characters,
            "bom": r.bom,
            "crlf": r.crlf,
            "normalize": self.normalize,
        }


def from_texts(
    texts: Iterable[str],
    normalize: Normalization = "none",
    name: str = "a list",
    tokenizer: Tokenizer | None = None,
) -> Dataset:
    """A list that is in memory already; empty texts are left out, white space at the ends, too.

    Args:
        tokenizer: one with a larger alphabet than the texts have.

    Raises DataError where no text is left, or one has a line end or another control character.
    """
    lines = [text.strip() for text in texts]
    documents = [normalized(line, normalize) for line in lines if line]
    if not documents:
        raise DataError(f"{name} has no texts; there must be at least one")
    for number, document in enumerate(documents, 1):
        if wrong := next((c for c in document if unicodedata.category(c) in ("Cc", "Cs")), ""):
            raise DataError(
                f"{name}, text {number}: control character {describe_character(wrong)}; "
                "a document is one line of plain text"
            )
    raw = ("\n".join(documents) + "\n").encode()
    report = Report(
        lines=len(lines),
        empty=len(lines) - len(documents),
        duplicates=len(documents) - len(set(documents)),
        characters=len(set().union(*documents)),
        longest=max(map(len, documents)),
        bom=False,
        crlf=False,
    )
    sha256 = hashlib.sha256(raw).hexdigest()
    data = Dataset(name, documents, normalize, report, Recipe(normalize=normalize), sha256)
    if tokenizer is not None:
        data.tokenizer = tokenizer
    return data
