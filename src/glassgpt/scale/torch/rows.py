"""Documents as the rows of one tensor, without padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glassgpt.config import ModelConfig
from glassgpt.engines.base import Document


@dataclass(frozen=True, slots=True)
class Rows:
    """The N predictions of B documents, the longest of which has T."""

    tokens: Tensor
    """Token ids read, `(N,)` int64."""
    positions: Tensor
    """Of each in its document, `(N,)` int64."""
    targets: Tensor
    """Token ids to predict, `(N,)` int64."""
    shape: tuple[int, int]
    """B and T."""
    slots: Tensor | None
    """Where each row stands among the B T of a padded batch, `(N,)`; None where N = B T."""
    weights: Tensor
    """Share of each prediction in the loss, `(N,)`."""
    lengths: list[int]
    """Predictions of each document."""

    @property
    def inputs(self) -> tuple[Tensor, Tensor, Tensor, tuple[int, int], Tensor | None]:
        """What the model wants."""
        return self.tokens, self.positions, self.targets, self.shape, self.slots

    def to(self, device: torch.device) -> Rows:
        """On the device. From pinned memory it gets there while the host goes on."""
        if device.type == "cpu":
            return self

        def move(tensor: Tensor) -> Tensor:
            if device.type != "cuda":
                return tensor.to(device)
            return tensor.pin_memory().to(device, non_blocking=True)

        return Rows(
            *(move(self.tokens), move(self.positions), move(self.targets), self.shape),
            None if self.slots is None else move(self.slots),
            *(move(self.weights), self.lengths),
        )


def pack_rows(
    documents: Sequence[Document], shares: Sequence[float], config: ModelConfig, dtype: torch.dtype
) -> Rows:
    """The first block_size predictions of each document.

    Args:
        shares: of each document in the loss; its predictions have equal parts of it.
    """
    lengths = np.array([min(len(d) - 1, config.block_size) for d in documents])
    ends = np.cumsum(lengths)
    starts, total = ends - lengths, int(ends[-1])
    tokens, targets = np.empty(total, np.int64), np.empty(total, np.int64)
    for document, start, end, n in zip(documents, starts, ends, lengths, strict=True):
        tokens[start:end], targets[start:end] = document[:n], document[1 : n + 1]
    positions = np.arange(total) - np.repeat(starts, lengths)
    shape = (len(documents), int(lengths.max()))
    slots = None
    if total < shape[0] * shape[1]:
        slots = torch.from_numpy(positions + np.repeat(np.arange(shape[0]) * shape[1], lengths))
    weights = torch.from_numpy(np.repeat(np.asarray(shares) / lengths, lengths)).to(dtype)
    tokens_, positions_, targets_ = map(torch.from_numpy, (tokens, positions, targets))
    return Rows(tokens_, positions_, targets_, shape, slots, weights, lengths.tolist())
