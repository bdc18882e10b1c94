"""The reference behind the seam: every number a `Value`, nothing vectorised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from glassgpt import reference
from glassgpt.config import ModelConfig
from glassgpt.engines.base import (
    AdamConfig,
    Document,
    Params,
    TrainState,
    check_documents,
    check_feed,
    check_state,
)


class ScalarEngine:
    """`reference.GPT` and `reference.Adam`, with arrays going in and coming out."""

    def __init__(self, config: ModelConfig, state: TrainState, adam: AdamConfig) -> None:
        check_state(config, state)
        self.config = config
        self.model = reference.GPT(
            config.vocab_size, config.n_layer, config.n_embd, config.n_head, config.block_size
        )
        self.adam = reference.Adam(self.model.parameters(), adam.beta1, adam.beta2, adam.eps)
        self.adam.t = state.step
        self.adam.m, self.adam.v = _flat(state.m), _flat(state.v)
        for parameter, data in zip(self.adam.params, _flat(state.params), strict=True):
            parameter.data = data

    def train(
        self, batches: Sequence[Sequence[Document]], learning_rates: Sequence[float]
    ) -> list[float]:
        losses: list[float] = []
        for batch, learning_rate in zip(batches, learning_rates, strict=True):
            check_documents(self.config, batch)
            losses.append(reference.train_step(self.model, self.adam, _lists(batch), learning_rate))
            if not np.isfinite(losses[-1]):
                break
        return losses

    def loss_and_grads(self, batch: Sequence[Document]) -> tuple[float, Params]:
        check_documents(self.config, batch)
        loss = reference.backward_batch(self.model, _lists(batch))
        grads = self._arrays(p.grad for p in self.adam.params)
        for p in self.adam.params:
            p.grad = 0.0
        return loss, grads

    def surprises(self, documents: Sequence[Document]) -> list[NDArray[np.float64]]:
        check_documents(self.config, documents)
        result = []
        for document in _lists(documents):
            row: list[float] = []

            def see(
                name: str, values: list[reference.Value], row: list[float] = row
            ) -> list[reference.Value]:
                if name == "loss":
                    row.append(values[0].data)
                return values

            self.model.loss(document, see)
            result.append(np.array(row))
        return result

    def session(self) -> ScalarSession:
        return ScalarSession(self.config, self.model)

    def state(self) -> TrainState:
        adam = self.adam
        params = self._arrays(p.data for p in adam.params)
        return TrainState(params, self._arrays(adam.m), self._arrays(adam.v), adam.t)

    def _arrays(self, numbers: Iterable[float]) -> Params:
        flat, arrays, start = np.fromiter(numbers, np.float64), {}, 0
        for name, (n_out, n_in) in self.config.shapes.items():
            arrays[name] = flat[start : start + n_out * n_in].reshape(n_out, n_in)
            start += n_out * n_in
        return arrays


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


def _flat(arrays: Params) -> list[float]:
    return [float(x) for array in arrays.values() for x in array.flat]
