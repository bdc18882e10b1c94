"""The seam: what every engine does, and nothing about how.

An engine implements the whole model in its own idiom. Parameters cross the seam as an ordered
mapping from tensor name to a float64 array `[n_out, n_in]` (the names, shapes and order are
`ModelConfig.shapes`); documents cross it as lists of token ids with BOS at both ends. No engine
owns a random generator: initial weights, document order and the uniform numbers for sampling come
from outside, so that all engines see the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassgpt.config import ModelConfig
from glassgpt.engines.choosing import distribution, draw, log_softmax
from glassgpt.errors import DivergedError

Params = dict[str, NDArray[np.float64]]
Document = Sequence[int] | NDArray[np.unsignedinteger[Any]]
"""Token ids, BOS first and last, or a window of such. An engine makes the first `block_size`
predictions of it."""

CHUNK_SECONDS = 0.04
"""How long an engine may work before it reports: often enough for a live display and for Ctrl-C."""

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


def flat(arrays: Params) -> NDArray[np.float64]:
    """All tensors as one new vector, in their order."""
    return np.concatenate([array.ravel() for array in arrays.values()])


def tensors(config: ModelConfig, vector: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The tensors of a flat vector, by name; they share its memory."""
    views, start = {}, 0
    for name, (n_out, n_in) in config.shapes.items():
        views[name] = vector[start : start + n_out * n_in].reshape(n_out, n_in)
        start += n_out * n_in
    return views


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


def check_generate(
    config: ModelConfig, prompt: Sequence[int], n: int, temperature: float, top_k: int | None
) -> None:
    """Raise ValueError for what `Engine.generate` cannot do."""
    if not 1 <= len(prompt) <= config.block_size:
        raise ValueError(f"the prompt must have 1 to {config.block_size} tokens")
    if min(prompt) < 0 or max(prompt) >= config.vocab_size:
        raise ValueError(f"token ids must be from 0 to {config.vocab_size - 1}")
    if not temperature >= 0 or (top_k is not None and top_k < 1) or n < 0:
        raise ValueError("temperature must be at least 0, top_k at least 1, n at least 0")


@dataclass(frozen=True, slots=True)
class Texts:
    """What `Engine.generate` wrote."""

    token_ids: list[list[int]]
    """Of each text, without the prompt; with the BOS that ended it, unless the context was full."""
    log_probs: list[float]
    """Of each text after the prompt, at temperature 1 (nats)."""
    used: int
    """How many of the uniform numbers it took."""


class Work(Protocol):
    """What an engine has trained on so far."""

    tokens: int
    """Predictions made."""
    flops: int
    """Floating-point operations that they needed."""


class Session(Protocol):
    """One reading of a text, token by token, with a KV cache."""

    def feed(self, token_id: int) -> NDArray[np.float64]:
        """Read one more token; return the logits `(vocab_size,)` for the one after it.

        Raises ValueError once `block_size` tokens have been read, or for an unknown id.
        """


class Engine(Protocol):
    """A model in training or at work.

    Built as `Engine(config, state, adam, dtype=…)`, and whatever options it has, by keyword.
    `BaseEngine` has all that an engine need not do in its own way.
    """

    config: ModelConfig
    chunk_seconds: float
    """How long a call of `train` should take, for whoever divides a training into calls."""
    work: Work | None
    """Of the engine, if it keeps count."""

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

    def generate(
        self,
        prompt: Sequence[int],
        uniforms: ArrayLike,
        n: int,
        temperature: float = 0.5,
        top_k: int | None = None,
    ) -> Texts:
        """Write up to n texts after a prompt, whose first token is BOS.

        Each ends with BOS or a full context. Takes one of the uniform numbers in [0, 1) a token, in
        order, as `random.choices` does; the texts that they suffice for come back. Temperature 0 is
        greedy and takes none. Raises ValueError for arguments out of range, DivergedError where
        logits are not finite.
        """


class BaseEngine:
    """The parts of an engine that most engines have alike."""

    config: ModelConfig
    chunk_seconds = CHUNK_SECONDS
    work: Work | None = None

    @classmethod
    def check(cls, dtype: str, **options: Any) -> None:
        """Raise EngineError for options of this engine that cannot be had on this machine."""

    def session(self) -> Session:
        raise NotImplementedError

    def generate(
        self,
        prompt: Sequence[int],
        uniforms: ArrayLike,
        n: int,
        temperature: float = 0.5,
        top_k: int | None = None,
    ) -> Texts:
        check_generate(self.config, prompt, n, temperature, top_k)
        numbers: list[float] = np.asarray(uniforms, np.float64).ravel().tolist()
        texts: list[list[int]] = []
        log_probs: list[float] = []
        used = 0
        for _ in range(n):
            rest = iter(numbers[used : used + self.config.block_size])
            written = self._write(prompt, rest, temperature, top_k)
            if written is None:
                break
            texts.append(written[0])
            log_probs.append(written[1])
            used += len(written[0]) if temperature else 0
        return Texts(texts, log_probs, used)

    def _write(
        self,
        prompt: Sequence[int],
        uniforms: Iterator[float],
        temperature: float,
        top_k: int | None,
    ) -> tuple[list[int], float] | None:
        """One text and its log-probability; None where the uniform numbers run out."""
        session, token, written, log_prob = self.session(), prompt[-1], list[int](), 0.0
        for known in prompt[:-1]:
            session.feed(known)
        while len(prompt) + len(written) <= self.config.block_size:
            logits = session.feed(token)
            if not np.isfinite(logits).all():
                raise damaged()
            probs = distribution(logits, temperature, top_k)
            uniform = next(uniforms, None) if temperature else 0.0
            if uniform is None:
                return None
            token = draw(probs.tolist(), uniform) if temperature else int(np.argmax(probs))
            written.append(token)
            log_prob += log_softmax(logits, token)
            if token == prompt[0]:
                break
        return written, log_prob


def damaged() -> DivergedError:
    return DivergedError("the model's logits are not finite numbers: it is damaged")
