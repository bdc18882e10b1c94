"""Documents as arrays, padded to the longest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgpt.config import ModelConfig
from glassgpt.engines.base import Document

Array = NDArray[Any]
"""float64 or float32, as the engine was asked for."""


@dataclass(frozen=True, slots=True)
class Batch:
    """B documents, padded to T predictions, as N = B T rows."""

    inputs: NDArray[np.intp]
    """Token ids read, `(B, T)`."""
    targets: NDArray[np.intp]
    """Where each token to predict stands in the flattened `(N, vocab_size)` probabilities."""
    weights: Array
    """Share of each prediction in the loss, `(N,)`; 0 for padding."""
    lengths: list[int]
    """Predictions of each document."""


def pack(documents: Sequence[Document], config: ModelConfig, dtype: np.dtype[Any]) -> Batch:
    """The first block_size predictions of each document; every document weighs the same."""
    lengths = [min(len(d) - 1, config.block_size) for d in documents]
    n_time, share = max(lengths), 1 / len(documents)
    inputs = np.zeros((len(documents), n_time), np.intp)
    targets = np.zeros(inputs.shape, np.intp)
    weights = np.zeros(inputs.shape, dtype)
    for b, (document, n) in enumerate(zip(documents, lengths, strict=True)):
        inputs[b, :n], targets[b, :n] = document[:n], document[1 : n + 1]
        weights[b, :n] = share / n
    row_starts = np.arange(0, inputs.size * config.vocab_size, config.vocab_size)
    return Batch(inputs, targets.ravel() + row_starts, weights.ravel(), lengths)
