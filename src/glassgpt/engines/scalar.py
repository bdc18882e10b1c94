"""The reference behind the seam: every number a `Value`, nothing vectorised."""

from __future__ import annotations

import gc
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from glassgpt import reference
from glassgpt.config import ModelConfig
from glassgpt.engines.base import (
    AdamConfig,
    BaseEngine,
    Document,
    Params,
    TrainState,
    check_documents,
    check_feed,
    check_state,
    flat,
    tensors,
)


class WatchedGPT(reference.GPT):
    """The reference, with a window into a pass over a document."""

    _seen: defaultdict[str, list[reference.Vector]] | None = None

    def see(self, name: str, x: reference.Vector) -> reference.Vector:
        if self._seen is not None:
            self._seen[name].append(x)
        return x

    def intermediates(self, token_ids: Sequence[int]) -> dict[str, list[reference.Vector]]:
        """Name -> what was computed under it, position by position and, within one, head by head.

        "mean_loss" has the loss of the document, whose `backward()` gives all of them gradients.
        """
        self._seen = seen = defaultdict[str, list[reference.Vector]](list)
        try:
            loss = self.loss(token_ids)
        finally:
            self._seen = None
        return {**seen, "mean_loss": [[loss]]}


@contextmanager
def collector_resting() -> Iterator[None]:
    """Without Python's cyclic garbage collector.

    The graph of a step has no cycles, so it is freed as soon as nothing refers to it. The collector
    would only trace its thousands of nodes again and again: five sixths of the time of a step.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class ScalarEngine(BaseEngine):
    """`reference.GPT` and `reference.Adam`, with arrays going in and coming out.

    The reference makes a step for each document; batches, and a loss that is not finite, are dealt
    with here.
    """

    def __init__(
        self, config: ModelConfig, state: TrainState, adam: AdamConfig, *, dtype: str = "float64"
    ) -> None:
        check_state(config, state)
        self.config = config
        self.model = WatchedGPT(
            config.vocab_size, config.n_layer, config.n_embd, config.n_head, config.block_size
        )
        self.adam = reference.Adam(self.model.parameters(), adam.beta1, adam.beta2, adam.eps)
        self.adam.t = state.step
        self.adam.m, self.adam.v = flat(state.m).tolist(), flat(state.v).tolist()
        for parameter, data in zip(self.adam.params, flat(state.params).tolist(), strict=True):
            parameter.data = data

    def train(
        self, batches: Sequence[Sequence[Document]], learning_rates: Sequence[float]
    ) -> list[float]:
        losses: list[float] = []
        for batch, learning_rate in zip(batches, learning_rates, strict=True):
            losses.append(self._backward(batch))
            if not math.isfinite(losses[-1]):
                self._zero_grad()  # nothing of it may reach a later step
                break
            self.adam.step(learning_rate)
        return losses

    def loss_and_grads(self, batch: Sequence[Document]) -> tuple[float, Params]:
        loss = self._backward(batch)
        grads = self._arrays(p.grad for p in self.adam.params)
        self._zero_grad()
        return loss, grads

    def _backward(self, batch: Sequence[Document]) -> float:
        """Mean loss of a batch's documents; its gradient is added to that of every parameter."""
        check_documents(self.config, batch)
        total = 0.0
        with collector_resting():
            for document in _lists(batch):
                loss = self.model.loss(document) * (1 / len(batch))
                loss.backward()
                total += loss.data
                del loss  # and with it the graph
        return total

    def _zero_grad(self) -> None:
        for p in self.adam.params:
            p.grad = 0.0

    def surprises(self, documents: Sequence[Document]) -> list[NDArray[np.float64]]:
        check_documents(self.config, documents)
        result = []
        with collector_resting():
            for document in _lists(documents):
                losses = self.model.intermediates(document)["loss"]
                result.append(np.array([loss.data for [loss] in losses]))
        return result

    def session(self) -> ScalarSession:
        return ScalarSession(self.config, self.model)

    def state(self) -> TrainState:
        adam = self.adam
        params = self._arrays(p.data for p in adam.params)
        return TrainState(params, self._arrays(adam.m), self._arrays(adam.v), adam.t)

    def _arrays(self, numbers: Iterable[float]) -> Params:
        return tensors(self.config, np.fromiter(numbers, np.float64))


class ScalarSession:
    """The reference's own KV cache, which keeps growing by a row a token."""

    def __init__(self, config: ModelConfig, model: reference.GPT) -> None:
        self.config, self.model, self.cache = config, model, model.new_cache()
        self.position = 0

    def feed(self, token_id: int) -> NDArray[np.float64]:
        check_feed(self.config, token_id, self.position)
        self.position += 1
        return np.array([x.data for x in self.model.forward(token_id, self.cache)])


def _lists(documents: Sequence[Document]) -> list[list[int]]:
    """Windows of a corpus are arrays; the reference reads lists."""
    return [d.tolist() if isinstance(d, np.ndarray) else list(d) for d in documents]
