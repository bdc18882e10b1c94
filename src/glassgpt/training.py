"""One training run: the order of its documents, its initial weights, its steps.

The one random stream of a run, CPython's `random.Random(seed)`, first shuffles the documents, then
draws the weights tensor by tensor, row by row, and then draws the samples.
"""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from glassgpt.config import ModelConfig, TrainConfig, num_held_out
from glassgpt.engines.base import Document, Engine, Params, TrainState
from glassgpt.errors import DataError, DivergedError
from glassgpt.scale.corpus import Corpus, Windows, split
from glassgpt.text import Tokenizer


@dataclass(slots=True)
class Run:
    """Everything about a training run but the numbers it learns."""

    model: ModelConfig
    training: TrainConfig
    tokenizer: Tokenizer
    documents: list[str]
    """In the order of training; the last ones are held out."""
    num_train: int
    windows: tuple[Windows, Windows] | None = None
    """Of a run on a corpus: those trained on, in their order, and those held out. `documents` is
    empty then, and `num_train` counts windows."""

    @property
    def num_documents(self) -> int:
        """Documents, or windows of a corpus; those held out included."""
        if self.windows:
            return len(self.windows[0]) + len(self.windows[1])
        return len(self.documents) or self.num_train

    @property
    def train_documents(self) -> list[str]:
        return self.documents[: self.num_train]

    @property
    def held_out(self) -> list[str]:
        """The texts set aside by val_fraction, each once; none of them is trained on."""
        trained = set(self.train_documents) if self.num_train < len(self.documents) else ()
        return [d for d in dict.fromkeys(self.documents[self.num_train :]) if d not in trained]

    def batch(self, step: int) -> list[str]:
        """The documents of a step, counted from 0; none of a corpus, whose texts are not here."""
        if not self.documents:
            return []
        size, n = self.training.batch_size, self.num_train
        start = step * size % n
        if start + size <= n:  # nearly always; a slice is faster than its items
            return self.documents[start : start + size]
        return [self.documents[i % n] for i in range(start, start + size)]

    def reader(self) -> Callable[[int], list[Document]]:
        """Gives the token ids of a step's documents; each text is encoded once."""
        if self.windows:
            return functools.partial(self._read, self.windows[0])
        encode = functools.cache(self.tokenizer.encode)
        return lambda step: list(map(encode, self.batch(step)))

    def _read(self, windows: Windows, step: int) -> list[Document]:
        size, n = self.training.batch_size, self.num_train
        start = step * size % n
        ahead = (start + size) % n
        windows.will_need(ahead, ahead + size)  # the disk works while the engine does
        return [windows[i % n] for i in range(start, start + size)]

    def held_out_ids(self, limit: int) -> list[list[int]]:
        """Token ids of documents set aside by val_fraction, so many at most."""
        if self.windows:
            held_out = self.windows[1]
            return [held_out[i].tolist() for i in range(min(limit, len(held_out)))]
        return [self.tokenizer.encode(d) for d in self.held_out[:limit]]

    def seen(self, steps: int) -> set[str]:
        """The documents that training has read after so many steps; empty for a corpus."""
        return set(self.documents[: min(self.num_train, steps * self.training.batch_size)])


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive steps that an engine has made."""

    start: int
    """Steps made before, so that `losses[0]` is that of step `start + 1`."""
    losses: list[float]
    learning_rates: list[float]
    seconds: float = 0.0
    """That the engine took."""


def begin(
    documents: Sequence[str],
    training: TrainConfig,
    tokenizer: Tokenizer,
    n_layer: int = 1,
    n_embd: int = 16,
    n_head: int = 4,
    block_size: int = 16,
) -> tuple[Run, TrainState, random.Random]:
    """Shuffle the documents and draw the weights; the generator returned is ready for the samples.

    Raises DataError if there is nothing to train on, or nothing to hold out where that is asked
    for; ConfigError for an impossible shape.
    """
    model = ModelConfig(tokenizer.vocab_size, n_layer, n_embd, n_head, block_size)
    order = list(documents)
    if not order:
        raise DataError("there is no document to train on")
    rng = random.Random(training.seed)
    rng.shuffle(order)
    train, held_out = hold_out(order, training.val_fraction)
    params = initial_params(model, rng, training.init_std)
    run = Run(model, training, tokenizer, train + held_out, len(train))
    return run, TrainState.fresh(params), rng


def hold_out(order: list[str], val_fraction: float) -> tuple[list[str], list[str]]:
    """Shuffled documents in two: those to train on and the last ones, which are held out.

    Distinct texts are counted, and all copies of a text go the same way: no text is in both.
    """
    texts = list(dict.fromkeys(reversed(order)))
    last = set(texts[: num_held_out(len(texts), val_fraction)])
    return [d for d in order if d not in last], [d for d in order if d in last]


def begin_corpus(
    corpus: Corpus,
    training: TrainConfig,
    n_layer: int = 1,
    n_embd: int = 16,
    n_head: int = 4,
    block_size: int = 128,
) -> tuple[Run, TrainState, random.Random]:
    """As `begin`, on a corpus: its documents are shuffled, then the windows of long ones.

    Where every document fits one window this is, number for number, the run on a list of them.
    """
    model = ModelConfig(corpus.tokenizer.vocab_size, n_layer, n_embd, n_head, block_size)
    run = Run(model, training, corpus.tokenizer, [], 0)
    rng = attach(run, corpus)
    return run, TrainState.fresh(initial_params(model, rng, training.init_std)), rng


def attach(run: Run, corpus: Corpus) -> random.Random:
    """Give a run the windows of its corpus; the random stream, ready for the weights."""
    rng = random.Random(run.training.seed)
    run.windows = split(corpus, run.model.block_size, rng, run.training.val_fraction)
    run.num_train = len(run.windows[0])
    return rng


def initial_params(model: ModelConfig, rng: random.Random, std: float) -> Params:
    """Weights from N(0, std^2), drawn in the canonical order."""
    gauss = rng.gauss
    return {
        name: np.fromiter((gauss(0, std) for _ in range(n)), np.float64, n).reshape(shape)
        for name, shape in model.shapes.items()
        for n in [shape[0] * shape[1]]
    }


def replay(run: Run) -> tuple[TrainState, random.Random]:
    """What `begin` returned beside this run: all of it follows from the seed."""
    rng = random.Random(run.training.seed)
    rng.shuffle(list(run.documents))
    params = initial_params(run.model, rng, run.training.init_std)
    return TrainState.fresh(params), rng


def train(
    run: Run,
    engine: Engine,
    done: int = 0,
    stop: Callable[[], bool] = lambda: False,
    agree: Callable[[int], int] = lambda number: number,
    marks: Sequence[int] = (),
) -> Iterator[Chunk]:
    """Make the steps from `done` to the end of the schedule, a chunk at a time.

    A chunk takes about the `chunk_seconds` of the engine; `stop` is asked
    between chunks. Raises DivergedError at the first loss that is not finite, after yielding the
    good steps before it.

    Args:
        agree: where several processes train together, what the first one says: they must make the
            same chunks, and their clocks differ. Called once a chunk.
        marks: numbers of steps, in order, at which a chunk must end however fast the machine is.
    """
    read, aim = run.reader(), engine.chunk_seconds
    step, size = done, 1
    while step < run.training.steps:
        end = next((mark for mark in marks if mark > step), run.training.steps)
        count = agree(0 if stop() else min(size, end - step))
        if count == 0:
            break
        until = step + count
        rates = run.training.learning_rates(step, until)
        batches = [read(s) for s in range(step, until)]
        started = time.perf_counter()
        losses = engine.train(batches, rates)
        seconds = time.perf_counter() - started
        bad = not math.isfinite(losses[-1])
        good = losses[:-1] if bad else losses
        if good:
            yield Chunk(step, good, rates[: len(good)], seconds)
        if bad:
            raise _diverged(losses[-1], step + len(losses), run.training)
        step = until
        # Let the size at most double on the word of one measurement.
        size = max(1, min(2 * size, int(count * aim / max(seconds, 1e-9))))


def _diverged(loss: float, step: int, training: TrainConfig) -> DivergedError:
    """A loss that is not finite, and which setting to change.

    At step 1 no weight has been updated: only the initial weights can be too large.
    """
    smaller = {"init_std": training.init_std} if training.init_std > 1 or step == 1 else {}
    smaller |= {"learning_rate": training.learning_rate} if step > 1 else {}
    advice = " or ".join(f"{name} (it is {value:g})" for name, value in smaller.items())
    return DivergedError(
        f"training diverged: the loss is {loss} at step {step}; try a smaller {advice}", *smaller
    )
