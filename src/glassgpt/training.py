"""One training run: the order of its documents, its initial weights, its steps.

The one random stream of a run, CPython's `random.Random(seed)`, first shuffles the documents, then
draws the weights tensor by tensor, row by row, and then draws the samples.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.datasets.documents import Data, Documents, TextDocuments
from glassgpt.engines.base import Document, Engine, Params, TrainState
from glassgpt.errors import DivergedError
from glassgpt.text import Tokenizer


@dataclass(slots=True)
class Run:
    """Everything about a training run but the numbers it learns."""

    model: ModelConfig
    training: TrainConfig
    tokenizer: Tokenizer
    train: Documents
    """Those trained on, in their order."""
    val: Documents
    """Those set aside by val_fraction."""

    @classmethod
    def of_texts(
        cls,
        model: ModelConfig,
        training: TrainConfig,
        tokenizer: Tokenizer,
        texts: list[str],
        num_train: int,
    ) -> Self:
        """A run on the first `num_train` of these texts; the others are set aside."""
        train, val = texts[:num_train], texts[num_train:]
        sides = TextDocuments(train, tokenizer), TextDocuments(val, tokenizer)
        return cls(model, training, tokenizer, *sides)

    @property
    def num_train(self) -> int:
        return len(self.train)

    @property
    def num_documents(self) -> int:
        """Those set aside included; of a corpus, windows."""
        return len(self.train) + len(self.val)

    @property
    def documents(self) -> list[str]:
        """All texts, those set aside last; none of a corpus."""
        return self.train.texts + self.val.texts

    @property
    def held_out(self) -> list[str]:
        """The texts set aside, each once, and none that is trained on."""
        trained = set(self.train.texts) if len(self.val) else ()
        return [d for d in dict.fromkeys(self.val.texts) if d not in trained]

    def numbers(self, step: int) -> list[int]:
        """Which documents a step reads; steps are counted from 0."""
        size, n = self.training.batch_size, len(self.train)
        start = step * size % n
        return [i % n for i in range(start, start + size)]

    def batch(self, step: int) -> list[str]:
        """The texts that a step reads; none of a corpus."""
        texts = self.train.texts
        return [texts[i] for i in self.numbers(step)] if texts else []

    def read(self, step: int) -> list[Document]:
        """The token ids that a step reads."""
        numbers = self.numbers(step)
        ahead = (numbers[-1] + 1) % len(self.train)
        self.train.will_need(ahead, ahead + len(numbers))  # the disk works while the engine does
        return [self.train[i] for i in numbers]

    def held_out_ids(self, limit: int) -> list[Sequence[int]]:
        """Token ids of documents set aside, at most so many."""
        if texts := self.held_out:
            return [self.tokenizer.encode(d) for d in texts[:limit]]
        if self.val.texts:
            return []
        return [ids_of(self.val[i]) for i in range(min(limit, len(self.val)))]

    def seen(self, steps: int) -> set[str]:
        """The texts that training has read after so many steps; none of a corpus."""
        return set(self.train.texts[: steps * self.training.batch_size])


def ids_of(document: Document) -> list[int]:
    """A document as a list; those of a corpus are arrays."""
    return document.tolist() if isinstance(document, np.ndarray) else list(document)


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
    data: Data,
    training: TrainConfig,
    n_layer: int = 1,
    n_embd: int = 16,
    n_head: int = 4,
    block_size: int = 16,
) -> tuple[Run, TrainState, random.Random]:
    """Shuffle the documents and draw the weights; the generator returned is ready for the samples.

    Raises DataError if there is nothing to train on, or nothing to hold out where that is asked
    for; ConfigError for an impossible shape.
    """
    model = ModelConfig(data.tokenizer.vocab_size, n_layer, n_embd, n_head, block_size)
    rng = random.Random(training.seed)
    train, val = data.split(block_size, training.val_fraction, rng)
    params = initial_params(model, rng, training.init_std)
    return Run(model, training, data.tokenizer, train, val), TrainState.fresh(params), rng


def attach(run: Run, data: Data) -> None:
    """Give a run that was read without its documents, as one on a corpus is, these."""
    rng = random.Random(run.training.seed)
    run.train, run.val = data.split(run.model.block_size, run.training.val_fraction, rng)


def initial_params(model: ModelConfig, rng: random.Random, std: float) -> Params:
    """Weights from N(0, std^2), drawn in the canonical order."""
    gauss = rng.gauss
    return {
        name: np.fromiter((gauss(0, std) for _ in range(n)), np.float64, n).reshape(shape)
        for name, shape in model.shapes.items()
        for n in [shape[0] * shape[1]]
    }


def replay(run: Run, data: Data | None = None) -> tuple[TrainState, random.Random]:
    """What `begin` returned beside this run: all of it follows from the seed.

    Args:
        data: of a run on a corpus, whose windows are shuffled, too.
    """
    rng = random.Random(run.training.seed)
    if data is None:
        rng.shuffle(list(range(run.num_documents)))
    else:
        data.split(run.model.block_size, run.training.val_fraction, rng)
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
    aim = engine.chunk_seconds
    step, size = done, 1
    while step < run.training.steps:
        end = next((mark for mark in marks if mark > step), run.training.steps)
        count = agree(0 if stop() else min(size, end - step))
        if count == 0:
            break
        until = step + count
        rates = run.training.learning_rates(step, until)
        batches = [run.read(s) for s in range(step, until)]
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
