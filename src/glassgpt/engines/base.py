"""The seam: what every engine does, and nothing about how.

An engine implements the whole model in its own idiom. Parameters cross the seam as an ordered
mapping from tensor name to a float64 array `[n_out, n_in]` (the names, shapes and order are
`ModelConfig.shapes`); documents cross it as lists of token ids with BOS at both ends. No engine
owns a random generator: initial weights, document order and the uniform numbers for sampling come
from outside, so that all engines see the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from glassgpt.config import ModelConfig

Params = dict[str, NDArray[np.float64]]
Document = Sequence[int] | NDArray[np.unsignedinteger[Any]]
"""Token ids, BOS first and last, or a window of such. An engine makes the first `block_size`
predictions of it."""

NO_PROBABILITY = 1075 * math.log(2)
"""Nats. A greater surprise is infinite in float64, as in the reference: exp(-745.13), 2^-1075, is
where p becomes 0. In float32 a healthy run can come to a p that is 0, so there the surprise has no
limit."""


@dataclass(frozen=True, slots=True)
class AdamConfig:
    """Adam's constants; the learning rate of each step comes with the step."""

    beta1: float = 0.85
    beta2: float = 0.99
    eps: float = 1e-8


@dataclass(slots=True)
class TrainState:
    """All that a training run has become: enough to go on with it, bit for bit."""

    params: Params
    m: Params
    """Adam's running mean of the gradient."""
    v: Params
    """Adam's running mean of the squared gradient."""
    step: int = 0
    """Updates made so far."""

    @classmethod
    def fresh(cls, params: Params) -> TrainState:
        """A state before its first step, around these initial weights."""
        zeros = {name: np.zeros_like(p) for name, p in params.items()}
        return cls(params, zeros, {name: z.copy() for name, z in zeros.items()})

    def copy(self) -> TrainState:
        def copied(arrays: Params) -> Params:
            return {name: array.copy() for name, array in arrays.items()}

        return TrainState(copied(self.params), copied(self.m), copied(self.v), self.step)


def check_state(config: ModelConfig, state: TrainState) -> None:
    """Raise ValueError unless every tensor has its name, shape, dtype and place in the order."""
    for arrays in (state.params, state.m, state.v):
        if list(arrays) != list(config.shapes):
            raise ValueError(f"the tensors must be {list(config.shapes)}, not {list(arrays)}")
        for name, shape in config.shapes.items():
            if arrays[name].shape != shape or arrays[name].dtype != np.float64:
                raise ValueError(
                    f"{name} must be float64 {shape}, not {arrays[name].dtype} {arrays[name].shape}"
                )


def check_documents(config: ModelConfig, documents: Sequence[Document]) -> None:
    """Raise ValueError for a document without a prediction or an id outside the vocabulary."""
    for document in documents:
        if len(document) < 2:
            raise ValueError("a document needs at least two tokens: one to read, one to predict")
        # An array, as a window of a corpus is, knows its own extremes fastest.
        if isinstance(document, np.ndarray):
            low, high = document.min(), document.max()
        else:
            low, high = min(document), max(document)
        if low < 0 or high >= config.vocab_size:
            raise ValueError(f"token ids must be from 0 to {config.vocab_size - 1}")


def check_feed(config: ModelConfig, token_id: int, position: int) -> None:
    """Raise ValueError for an id outside the vocabulary or a token beyond the context."""
    if not 0 <= token_id < config.vocab_size:
        raise ValueError(f"token ids must be from 0 to {config.vocab_size - 1}, not {token_id}")
    if position >= config.block_size:
        raise ValueError(f"the context is full: block_size is {config.block_size}")


class Session(Protocol):
    """One reading of a text, token by token, with a KV cache."""

    def feed(self, token_id: int) -> NDArray[np.float64]:
        """Read one more token; return the logits `(vocab_size,)` for the one after it.

        Raises ValueError once `block_size` tokens have been read, or for an unknown id.
        """


class Engine(Protocol):
    """A model in training or at work. Built as `Engine(config, state, adam)`."""

    config: ModelConfig

    def train(
        self, batches: Sequence[Sequence[Document]], learning_rates: Sequence[float]
    ) -> list[float]:
        """One update for each batch; return the loss of each batch before its update.

        The loss of a batch is the mean over its documents of each document's mean, so that equal
        shards average exactly. A loss that is not finite ends the call: it is the last of the
        list, and its update is not made.
        """

    def loss_and_grads(self, batch: Sequence[Document]) -> tuple[float, Params]:
        """The loss of one batch and its gradient for every tensor; nothing is updated."""

    def surprises(self, documents: Sequence[Document]) -> list[NDArray[np.float64]]:
        """-log p of each predicted token (nats), a vector for each document; forward only."""

    def session(self) -> Session:
        """Start reading from an empty context, with the parameters as they are now."""

    def state(self) -> TrainState:
        """A copy of the parameters, Adam's moments and the step count, in float64."""
