"""A prepared corpus on the disk, mapped into memory: opened at once, whatever its size.

corpus.json      what it is: docs/corpora.md has every key
tokenizer.json   as in a run directory
tokens.bin       BOS d1 BOS d2 BOS … BOS
index.bin        where each BOS stands in tokens.bin
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassgpt.errors import DataError, RunError
from glassgpt.files.atomic import open_regular
from glassgpt.files.records import read_json, refusing
from glassgpt.scale.corpus.facts import FORMAT, Facts, dtype_for
from glassgpt.text import Tokenizer
from glassgpt.text.stored import read_tokenizer

CORPUS, TOKENS, INDEX = "corpus.json", "tokens.bin", "index.bin"
POSITION_BYTES = 8

TokenIds = NDArray[np.uint16] | NDArray[np.uint32]


class Corpus:
    """Documents as token ids, read from the disk when they are asked for."""

    def __init__(self, path: Path, facts: Facts, tokenizer: Tokenizer) -> None:
        """`open_corpus` is the way to get one."""
        self.path, self.facts, self.tokenizer = path, facts, tokenizer
        self.name = path.resolve().name
        self.sha256 = facts.tokens_sha256
        self.num_documents, self.num_tokens = facts.num_documents, facts.num_tokens
        size = facts.token_bytes
        self.map = _mapped(path / TOKENS, self.num_tokens, size, "tokens")
        self.tokens: TokenIds = np.frombuffer(self.map, f"<u{size}")
        positions = _mapped(path / INDEX, self.num_documents + 1, POSITION_BYTES, "positions")
        self.index: NDArray[np.uint64] = np.frombuffer(positions, f"<u{POSITION_BYTES}")
        first, last = int(self.index[0]), int(self.index[-1])
        if (first, last) != (0, self.num_tokens - 1):
            raise RunError(
                f"{path / INDEX} goes from {first:,} to {last:,}, not from 0 to "
                f"{self.num_tokens - 1:,}: it is damaged or of another corpus"
            )

    def document(self, number: int) -> TokenIds:
        """The ids of a document with BOS at both ends, read-only, counted from 0.

        Raises IndexError beyond the last, RunError for a damaged index, DataError for ids that are
        outside the vocabulary.
        """
        if not 0 <= number < self.num_documents:
            raise IndexError(f"document {number} of {self.num_documents}")
        start, end = self.index[number : number + 2].tolist()
        return self.slice(start, end)

    def slice(self, start: int, end: int) -> TokenIds:
        """The tokens from `start` to `end`, both included; they must lie in one document."""
        if not 0 <= start < end < self.num_tokens:
            raise damaged_index(self.path, start, end)
        ids = self.tokens[start : end + 1]
        largest = int(ids.max())
        if largest >= self.tokenizer.vocab_size:
            raise DataError(
                f"{self.path / TOKENS} has the token {largest} from {start:,} to {end:,}; the "
                f"vocabulary ends at {self.tokenizer.bos}: it is damaged or of another tokenizer"
            )
        return ids


def is_corpus(path: Path) -> bool:
    """Whether there is a prepared corpus, be it whole or not."""
    return (path / CORPUS).is_file()


def open_corpus(path: Path) -> Corpus:
    """Open a prepared corpus and check all that can be without reading it.

    Raises RunError with one line for what is missing, damaged, newer or no corpus at all.
    """
    if not path.is_dir():
        there = "is not a directory" if path.exists() else "does not exist"
        raise RunError(f"{path} {there}; a corpus is made with: glassgpt datasets prepare")
    if not (path / CORPUS).exists():
        raise RunError(
            f"{path} is not a corpus: it has no {CORPUS}; "
            "one is made with: glassgpt datasets prepare"
        )
    value = read_json(path / CORPUS, FORMAT)
    with refusing(path / CORPUS):
        for key in ("format", "version", "made_by"):
            value.pop(key)
        facts = Facts.from_dict(value)
    tokenizer = read_tokenizer(path)
    if facts.token_bytes < np.dtype(dtype_for(tokenizer.vocab_size)).itemsize:
        raise RunError(
            f"{path / CORPUS}: {facts.dtype} is too small for {tokenizer.vocab_size:,} tokens"
        )
    return Corpus(path, facts, tokenizer)


def damaged_index(path: Path, start: int, end: int) -> RunError:
    return RunError(
        f"{path / INDEX} is damaged: it has a document from {start:,} to {end:,}, "
        "and a document ends after its beginning"
    )


def _mapped(path: Path, number: int, item_bytes: int, what: str) -> mmap.mmap:
    with refusing(path):
        handle = open_regular(path)
    try:
        size, wanted = os.fstat(handle).st_size, number * item_bytes
        if size != wanted:
            raise RunError(
                f"{path} has {size:,} bytes; {number:,} {what} of {item_bytes} bytes are "
                f"{wanted:,}: it is {'cut short' if size < wanted else 'of another corpus'}"
            )
        return mmap.mmap(handle, size, access=mmap.ACCESS_READ)
    except (OSError, ValueError, OverflowError) as error:
        raise RunError(f"cannot map {path} into memory: {error}") from None
    finally:
        os.close(handle)
