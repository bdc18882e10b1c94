"""What a training run reads of a corpus, and in which order.

A document of more than block_size predictions is read in windows. Each has one token more than it
has predictions, so that neighbours share a token and no prediction is made twice or left out.
"""

from __future__ import annotations

import mmap
import random
from collections.abc import Iterator, MutableSequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from glassgpt.config import num_held_out
from glassgpt.scale.corpus.corpus import Corpus, TokenIds, damaged_index

PART = 1 << 20
"""Documents whose windows are worked out at a time."""

_SHIFT = 32  # a window is the number of its document, times 2**32, and its place in the document


class Windows:
    """Windows of a corpus in an order of their own; iterate, index, or take `len`.

    Memory: 4 bytes a window where each document is one window, else 8. Ten million names are
    40 MB; a billion tokens in windows of 256 are 4 million windows, 31 MB. The tokens stay on the
    disk.
    """

    def __init__(
        self, corpus: Corpus, block_size: int, order: NDArray[np.uint32] | NDArray[np.uint64]
    ) -> None:
        """`order`: numbers of documents (uint32), or of windows in documents (uint64)."""
        self.corpus, self.block_size, self._order = corpus, block_size, order
        self.texts: list[str] = []
        """None: the texts are not here."""

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, number: int) -> TokenIds:
        """The ids of a window: `(1 + predictions,)`, read-only, in the dtype of the corpus.

        Raises IndexError beyond the last, DataError for ids outside the vocabulary, RunError for
        a damaged index.
        """
        return self.corpus.slice(*self.place(number))

    def __iter__(self) -> Iterator[TokenIds]:
        return (self[i] for i in range(len(self)))

    def place(self, number: int) -> tuple[int, int]:
        """The positions of a window's first and last token in tokens.bin."""
        document, window = int(self._order[number]), 0
        if self._order.itemsize > 4:
            document, window = document >> _SHIFT, document & (1 << _SHIFT) - 1
        start, end = self.corpus.index[document : document + 2].tolist()
        start += window * self.block_size
        return start, min(start + self.block_size, end)

    def document(self, number: int) -> int:
        """The number of the document that a window is of."""
        found = int(self._order[number])
        return found >> _SHIFT if self._order.itemsize > 4 else found

    def will_need(self, start: int, stop: int) -> None:
        """Ask the system to fetch windows from the disk before they are asked for.

        Returns at once. It is a hint, and nothing where the platform does not know it.
        """
        advise = getattr(self.corpus.map, "madvise", None)
        willneed = getattr(mmap, "MADV_WILLNEED", None)
        if advise is None or willneed is None:
            return
        size, page = self.corpus.facts.token_bytes, mmap.PAGESIZE
        for number in range(max(0, start), min(stop, len(self))):
            first, last = self.place(number)
            begin = first * size // page * page
            end = min((last + 1) * size, len(self.corpus.map))
            if end > begin:
                advise(willneed, begin, end - begin)


def split(
    corpus: Corpus, block_size: int, rng: random.Random, val_fraction: float
) -> tuple[Windows, Windows]:
    """The windows to train on, and those held out, in their order.

    First the documents are shuffled, and the last `num_documents * val_fraction`, rounded down, are
    held out: those of a run on a list in memory that has no duplicates. A corpus is too large to be
    searched for them, so a text that stands in it twice can be in both parts. Then, only if a
    training document has several windows, the training windows are shuffled among themselves. The
    same random stream then goes on.

    Takes 4 bytes a document and 4 or 8 a window, and a second or so for a million of them. Raises
    DataError if nothing would be held out where that is asked for, RunError for a damaged index.
    """
    number = corpus.num_documents
    held_out = num_held_out(number, val_fraction)
    documents = np.arange(number, dtype=np.uint32)
    _shuffle(documents, rng)
    train, rest = documents[: number - held_out], documents[number - held_out :]
    windows = _windows(corpus, train, block_size)
    if windows is not train:
        _shuffle(windows, rng)
    return (
        Windows(corpus, block_size, windows),
        Windows(corpus, block_size, _windows(corpus, rest, block_size)),
    )


def _windows(
    corpus: Corpus, documents: NDArray[np.uint32], block_size: int
) -> NDArray[np.uint32] | NDArray[np.uint64]:
    """The windows of documents in their order; the documents themselves if each is one window."""
    total = sum(int(_counts(corpus, part, block_size).sum()) for part in _parts(documents))
    if total == len(documents):
        return documents
    windows, done = np.empty(total, np.uint64), 0
    for part in _parts(documents):
        counts = _counts(corpus, part, block_size)
        ends = np.cumsum(counts)
        of_part = np.repeat(part.astype(np.uint64) << np.uint64(_SHIFT), counts)
        of_part += np.arange(len(of_part), dtype=np.uint64)
        of_part -= np.repeat((ends - counts).astype(np.uint64), counts)
        windows[done : done + len(of_part)] = of_part
        done += len(of_part)
    return windows


def _parts(documents: NDArray[np.uint32]) -> Iterator[NDArray[np.uint32]]:
    return (documents[i : i + PART] for i in range(0, len(documents), PART))


def _counts(corpus: Corpus, documents: NDArray[np.uint32], block_size: int) -> NDArray[np.int64]:
    """How many windows each document has."""
    starts, ends = corpus.index[documents], corpus.index[documents + np.uint32(1)]
    if wrong := np.flatnonzero((ends <= starts) | (ends >= corpus.num_tokens)).tolist():
        raise damaged_index(corpus.path, int(starts[wrong[0]]), int(ends[wrong[0]]))
    counts: NDArray[np.int64] = -(-(ends - starts).astype(np.int64) // block_size)
    return counts


def _shuffle(order: NDArray[np.uint32] | NDArray[np.uint64], rng: random.Random) -> None:
    """As `rng.shuffle` shuffles a list of the same length, in place, without such a list."""
    rng.shuffle(cast(MutableSequence[int], order.data))
