"""A prepared corpus as data to train on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from glassgpt.datasets.documents import DataKind, Documents
from glassgpt.datasets.registry import Recipe
from glassgpt.scale.corpus.corpus import Corpus, open_corpus
from glassgpt.scale.corpus.windows import Windows, split

SHORT = 64
"""Tokens of a document for which the context of a name is enough."""
LONG_CONTEXT = 128


class CorpusData:
    """See `datasets.documents.Data`. A run remembers only its fingerprint."""

    kind: DataKind = "corpus"

    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.tokenizer = corpus, corpus.tokenizer
        self.name, self.sha256 = corpus.name, corpus.sha256
        short = corpus.facts.longest <= SHORT
        self.recipe = Recipe(block_size=16 if short else LONG_CONTEXT)

    def split(
        self, block_size: int, val_fraction: float, rng: random.Random
    ) -> tuple[Windows, Windows]:
        return split(self.corpus, block_size, rng, val_fraction)

    def describe(self, train: Documents, held_out: Documents, block_size: int) -> dict[str, Any]:
        return {
            "name": self.name,
            "sha256": self.sha256,
            "documents": self.corpus.num_documents,
            "tokens": self.corpus.num_tokens,
            "windows": len(train),
            "held_out": len(held_out),
            "normalize": self.tokenizer.normalize,
        }


def open_data(path: Path) -> CorpusData:
    """Raises RunError where there is no whole corpus."""
    return CorpusData(open_corpus(path))
