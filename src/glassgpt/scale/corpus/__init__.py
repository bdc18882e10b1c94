"""Corpora larger than memory, in a prepared form that is read where it lies: docs/corpora.md."""

from glassgpt.scale.corpus.corpus import Corpus, is_corpus, open_corpus
from glassgpt.scale.corpus.preparing import prepare
from glassgpt.scale.corpus.windows import Windows, split

__all__ = [
    "Corpus",
    "Windows",
    "is_corpus",
    "open_corpus",
    "prepare",
    "split",
]
