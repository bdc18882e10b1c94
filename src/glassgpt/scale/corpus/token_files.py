"""The two binary files of a corpus, written as the tokens come."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from glassgpt.errors import DataError
from glassgpt.scale.corpus.corpus import INDEX, POSITION_BYTES, TOKENS
from glassgpt.scale.corpus.facts import MAX_DOCUMENTS, dtype_for


class TokenFiles:
    """Appends token ids to tokens.bin, and the place of each BOS among them to index.bin."""

    def __init__(self, directory: Path, vocab_size: int) -> None:
        self.bos = vocab_size - 1
        self.dtype = dtype_for(vocab_size)
        self.num_tokens, self.num_documents, self.longest = 0, -1, 0
        self._stored = np.dtype(self.dtype).newbyteorder("<")
        self._last = 0  # the place of the last BOS
        self._hashes = hashlib.sha256(), hashlib.sha256()
        self._tokens = (directory / TOKENS).open("xb")
        self._index = (directory / INDEX).open("xb")

    def __enter__(self) -> Self:
        self.append(np.array([self.bos], np.uint32))
        return self

    def append(self, ids: NDArray[np.uint32]) -> None:
        """Add ids, shape `(n,)`; each BOS ends a document. Raises OSError where the disk is full.

        Raises DataError for more documents than a corpus can have.
        """
        places = np.flatnonzero(ids == self.bos) + self.num_tokens
        if len(places):
            lengths = np.diff(places, prepend=self._last) - 1
            self.longest = max(self.longest, int(lengths.max()))
            self._last = int(places[-1])
        self.num_tokens += len(ids)
        self.num_documents += len(places)
        if self.num_documents > MAX_DOCUMENTS:
            raise DataError(f"a corpus has at most {MAX_DOCUMENTS:,} documents")
        written = ids.astype(self._stored), places.astype(f"<u{POSITION_BYTES}")
        for file, seen, values in zip(
            (self._tokens, self._index), self._hashes, written, strict=True
        ):
            seen.update(values.data)
            file.write(values.data)

    def sha256(self) -> tuple[str, str]:
        """Of tokens.bin and of index.bin."""
        tokens, index = self._hashes
        return tokens.hexdigest(), index.hexdigest()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in (self._tokens, self._index):
            try:
                if error is None:
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                file.close()
