"""The C kernel behind the seam: the same numbers, as fast as the machine allows.

kernel.c does all the work; this file checks what goes in, passes arrays across through ctypes
(which lets other Python threads run meanwhile), and keeps Ctrl-C alive. It chooses the best build
of the kernel that this processor can run.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Sequence
from ctypes import c_double, c_int, c_void_p
from itertools import chain, groupby
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassgpt.config import ModelConfig
from glassgpt.engines.base import (
    AdamConfig,
    BaseEngine,
    Document,
    Params,
    Texts,
    TrainState,
    check_documents,
    check_feed,
    check_generate,
    check_state,
    damaged,
    flat,
    tensors,
)
from glassgpt.engines.native.build import DTYPES
from glassgpt.engines.native.library import (
    PATIENCE,
    available,
    interruptible,
    levels,
    load,
    unavailable,
)
from glassgpt.errors import EngineError

__all__ = ["NativeEngine", "NativeSession", "available", "levels", "unavailable"]

SLOWEST = 5e8
"""Floating-point operations a second that any machine can be trusted to do, to guess how long."""


class NativeEngine(BaseEngine):
    """kernel.c around one model.

    `threads` share a batch, by default as many as there are processors; the numbers do not depend
    on it. `level` is one of `levels()`, by
    default the best. Raises EngineError where that is not there.
    """

    def __init__(
        self,
        config: ModelConfig,
        state: TrainState,
        adam: AdamConfig,
        *,
        dtype: str = "float64",
        threads: int | None = None,
        level: str | None = None,
    ) -> None:
        check_state(config, state)
        if dtype not in DTYPES:
            raise EngineError(f"the native engine does not support {dtype}")
        reason, there = unavailable(), levels(dtype)
        if reason or (level or there[-1]) not in there:
            raise EngineError(f"no native engine: {reason or f'level {level} is not there'}")
        self.config, self.adam, self.threads = config, adam, threads or os.cpu_count() or 1
        self.dtype, self.level = np.dtype(dtype), level or there[-1]
        self._library = load(self.level, dtype)
        self._handle = self._library.glass_create(
            config.vocab_size, config.n_layer, config.n_embd, config.n_head, config.block_size
        )
        if not self._handle:
            raise MemoryError(f"no memory for {config.num_params:,} parameters")
        weakref.finalize(self, self._library.glass_free, self._handle)
        self._lock = threading.Lock()
        vectors = [flat(arrays) for arrays in (state.params, state.m, state.v)]
        self._library.glass_import(self._handle, *map(_pointer, vectors), state.step)

    def train(
        self, batches: Sequence[Sequence[Document]], learning_rates: Sequence[float]
    ) -> list[float]:
        if len(batches) != len(learning_rates):
            raise ValueError(f"{len(batches)} batches, but {len(learning_rates)} learning rates")
        losses: list[float] = []
        for size, group in groupby(batches, key=len):  # nearly always a single group
            documents = [document for batch in group for document in batch]
            rates = learning_rates[len(losses) : len(losses) + len(documents) // max(size, 1)]
            losses += self._train(documents, size, rates)
            if losses and not np.isfinite(losses[-1]):
                break
        return losses

    def _train(
        self, documents: Sequence[Document], size: int, learning_rates: Sequence[float]
    ) -> list[float]:
        if size == 0:
            raise ValueError("a batch needs at least one document")
        tokens, offsets = self._flatten(documents)
        rates, losses = np.array(learning_rates, np.float64), np.empty(len(learning_rates))
        adam = self.adam

        def call(stop: Any) -> int:
            with self._lock:
                done: int = self._library.glass_train(
                    *(self._handle, _pointer(tokens), _pointer(offsets), len(rates), size),
                    *(_pointer(rates), adam.beta1, adam.beta2, adam.eps, _pointer(losses)),
                    *(self.threads, stop),
                )
            return done

        seconds = 6 * self.config.num_params * (len(tokens) + len(rates)) / SLOWEST
        done = _checked(interruptible(call) if seconds > PATIENCE else call(None))
        made: list[float] = losses[:done].tolist()
        return made

    def loss_and_grads(self, batch: Sequence[Document]) -> tuple[float, Params]:
        if not batch:
            raise ValueError("a batch needs at least one document")
        tokens, offsets = self._flatten(batch)
        loss, grads = c_double(), np.empty(self.config.num_params)
        with self._lock:
            _checked(
                self._library.glass_loss_and_grads(
                    *(self._handle, _pointer(tokens), _pointer(offsets), len(batch)),
                    *(ctypes.byref(loss), _pointer(grads)),
                )
            )
        return loss.value, tensors(self.config, grads)

    def surprises(self, documents: Sequence[Document]) -> list[NDArray[np.float64]]:
        if not documents:
            return []
        tokens, offsets = self._flatten(documents)
        ends = np.minimum(np.diff(offsets) - 1, self.config.block_size).cumsum()
        result = np.empty(ends[-1])
        with self._lock:
            _checked(
                self._library.glass_surprises(
                    *(self._handle, _pointer(tokens), _pointer(offsets), len(documents)),
                    _pointer(result),
                )
            )
        return [row.copy() for row in np.split(result, ends[:-1])]

    def session(self) -> NativeSession:
        return NativeSession(self)

    def generate(
        self,
        prompt: Sequence[int],
        uniforms: ArrayLike,
        n: int,
        temperature: float = 0.5,
        top_k: int | None = None,
    ) -> Texts:
        """As every engine's, in a single call of the kernel."""
        check_generate(self.config, prompt, n, temperature, top_k)
        numbers = np.ascontiguousarray(uniforms, np.float64).ravel()
        tokens, used = np.array(prompt, np.int32), c_int()
        out = np.empty((n, self.config.block_size), np.int32)
        lengths, log_probs = np.empty(n, np.int32), np.empty(n)
        session = self.session()
        # The kernel does not look for NaN among logits. If there is one in lm_head it shows here;
        # anywhere else it makes NaN of all logits, and so of the probability of what was written.
        if not np.isfinite([session.feed(token) for token in prompt][-1]).all():
            raise damaged()
        with self._lock:
            written = _checked(
                self._library.glass_generate(
                    *(session.handle, _pointer(tokens), len(tokens), int(tokens[0]), n),
                    *(temperature, top_k or 0, _pointer(numbers), len(numbers)),
                    *(_pointer(out), _pointer(lengths), _pointer(log_probs), ctypes.byref(used)),
                )
            )
        if not np.isfinite(log_probs[:written]).all():
            raise damaged()
        rows = zip(out[:written].tolist(), lengths[:written].tolist(), strict=True)
        texts = [row[:length] for row, length in rows]
        return Texts(texts, log_probs[:written].tolist(), used.value)

    def state(self) -> TrainState:
        vectors = [np.empty(self.config.num_params) for _ in range(3)]
        with self._lock:
            step = self._library.glass_export(self._handle, *map(_pointer, vectors))
        params, m, v = (tensors(self.config, vector) for vector in vectors)
        return TrainState(params, m, v, step)

    def _flatten(self, documents: Sequence[Document]) -> tuple[NDArray[Any], NDArray[Any]]:
        """All ids in a row, and where each document starts and the last one ends, as int32."""
        lengths = np.fromiter(map(len, documents), np.int64, len(documents))
        offsets = np.concatenate(([0], lengths.cumsum()))
        if documents and isinstance(documents[0], np.ndarray):  # windows of a corpus
            tokens = np.concatenate(documents).astype(np.int64)
        else:
            tokens = np.fromiter(chain.from_iterable(documents), np.int64, int(offsets[-1]))
        if len(tokens) > np.iinfo(np.int32).max:
            raise ValueError("too many tokens for one call")
        if lengths.min() < 2 or tokens.min() < 0 or tokens.max() >= self.config.vocab_size:
            check_documents(self.config, documents)  # says what is wrong
        return tokens.astype(np.int32), offsets.astype(np.int32)


class NativeSession:
    """A KV cache in the kernel. It reads with the weights that its engine has at that moment."""

    def __init__(self, engine: NativeEngine) -> None:
        self.engine, self.position = engine, 0
        self.handle = engine._library.glass_session(engine._handle)
        if not self.handle:
            raise MemoryError("no memory for a session")
        weakref.finalize(self, engine._library.glass_session_free, self.handle)
        self._logits = np.empty(engine.config.vocab_size)
        self._to = _pointer(self._logits)

    def feed(self, token_id: int) -> NDArray[np.float64]:
        check_feed(self.engine.config, token_id, self.position)
        self.position += 1
        with self.engine._lock:
            self.engine._library.glass_feed(self.handle, token_id, self._to)
            return self._logits.copy()


def _checked(result: int) -> int:
    if result < 0:
        raise MemoryError("no memory for documents of this length in batches of this size")
    return result


def _pointer(array: NDArray[Any]) -> c_void_p:
    return c_void_p(array.ctypes.data)
