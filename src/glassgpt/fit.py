"""Training from data to weights: the one loop that library, command line and server share."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from glassgpt import engines
from glassgpt.config import TrainConfig
from glassgpt.datasets.documents import Data
from glassgpt.engines.base import Engine, TrainState
from glassgpt.errors import ConfigError, DivergedError, RunError
from glassgpt.runs.directory import RunInfo, SavedRun, load
from glassgpt.runs.saver import NoWriter, Saver, Writer
from glassgpt.runs.writer import RunWriter
from glassgpt.training import Chunk, Run, attach, begin, replay, train

SAVE_EVERY = 5.0
"""Seconds between checkpoints."""


class Options(TypedDict, total=False):
    """What can be chosen about a model and its training; what is left out suits the data."""

    steps: int
    """Updates; the learning rate falls linearly to 0 over them. 1,000."""
    n_layer: int
    """Layers. 1."""
    n_embd: int
    """Width of the residual stream. 16."""
    n_head: int
    """Attention heads of a layer; they divide `n_embd`. 4."""
    block_size: int | None
    """Context length in tokens. 16, or what suits the data."""
    learning_rate: float | None
    """Learning rate of the first step. 0.01, or what suits the data."""
    batch_size: int
    """Documents a step. 1."""
    seed: int
    """Random seed for the order of the documents, the weights and the samples. 42."""
    val_fraction: float
    """Share of the distinct documents that is held out. 0."""
    init_std: float
    """Standard deviation of the initial weights. 0.08."""
    beta1: float
    beta2: float
    eps: float
    """Adam's constants. 0.85, 0.99, 1e-8."""
    temperature: float
    """Default temperature of samples. 0.5."""


@dataclass(slots=True)
class Fit:
    """A run in training: where it stands, and where it is kept."""

    run: Run
    info: RunInfo
    state: TrainState
    rng: random.Random
    """Ready for the samples."""
    writer: Writer
    facts: dict[str, Any]
    """What is known of the data."""
    losses: list[float] = field(default_factory=list)
    """Of every step made, before its update."""
    resumed_at: int | None = None
    lost: str = ""
    """Why the result is not in its directory; empty where it is."""

    @property
    def fingerprint(self) -> str:
        """Equal where several processes work on the same."""
        facts = (self.run.model, self.run.training, self.run.num_train, self.info, self.state.step)
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    @property
    def finished(self) -> bool:
        return len(self.losses) == self.run.training.steps

    def engine(self, **options: Any) -> Engine:
        """The engine of the run around its state, which is then let go: it can be gigabytes."""
        info, state = self.info, self.state
        made = engines.create(
            info.engine, self.run.model, state, self.run.training, info.dtype, **options
        )
        self.state = TrainState({}, {}, {}, state.step)
        return made

    def chunks(
        self,
        engine: Engine,
        stop: Callable[[], bool] = lambda: False,
        agree: Callable[[int], int] = lambda number: number,
        marks: Sequence[int] = (),
        save_every: float = SAVE_EVERY,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Chunk]:
        """Train to the end of the schedule, or until told to stop, and save on the way.

        When it ends, all that was made is saved, or `lost` says why it is not. Raises
        DivergedError after saving the last good step.

        Args:
            stop, agree, marks: see `training.train`.
            save_every: seconds between checkpoints.
            tell: is told in a line that saving failed and will be tried again.
        """
        unsaved: list[Chunk] = []
        with Saver(self.writer, save_every, tell) as saver:
            try:
                for chunk in train(self.run, engine, len(self.losses), stop, agree, marks):
                    self.losses += chunk.losses
                    unsaved.append(chunk)
                    yield chunk
                    if agree(saver.due()):
                        saver.save(engine.state, unsaved)
                        unsaved = []
            except DivergedError:  # the state is that of the last good step
                with suppress(DivergedError):  # unless its weights are not finite
                    saver.finish(engine.state, unsaved)
                raise
            try:
                saver.finish(engine.state, unsaved)
            except RunError as error:
                self.lost = self.writer.rescue(engine.state(), self.losses, error)


def start(
    data: Data,
    engine: str | None = None,
    dtype: str = "float64",
    temperature: float = 0.5,
    keep: Callable[[Run, RunInfo], Writer] = lambda run, info: NoWriter(),
    n_layer: int = 1,
    n_embd: int = 16,
    n_head: int = 4,
    block_size: int | None = None,
    learning_rate: float | None = None,
    **training: Any,
) -> Fit:
    """Split the data, draw the weights, and keep the run at step 0.

    Args:
        engine: None takes the fastest one that is here.
        temperature: the default for sampling from the model.
        keep: makes the run's keeper, such as `RunWriter.create(path, run, info)`; by default the
            run stays in memory.
        block_size, learning_rate: None takes what suits the data.
        training: the other fields of `TrainConfig`.
    """
    recipe = data.recipe
    rate = recipe.learning_rate if learning_rate is None else learning_rate
    config = TrainConfig(learning_rate=rate, **training)
    context = recipe.block_size if block_size is None else block_size
    name = engine or engines.DEFAULT
    engines.check(name, dtype)
    run, state, rng = begin(data, config, n_layer, n_embd, n_head, context)
    info = RunInfo(data.name, data.sha256, name, dtype, temperature, data.kind)
    writer = keep(run, info)
    writer.save(state, [])
    facts = data.describe(run.train, run.val, context)
    return Fit(run, info, state, rng, writer, facts)


def resume(
    path: Path,
    corpus: Callable[[SavedRun], Data | None] = lambda saved: None,
    reading: bool = False,
) -> Fit:
    """Go on with a run where its last checkpoint left it.

    Args:
        corpus: finds the corpus of a run on one.
        reading: read it only; another process writes.
    """
    writer: Writer
    if reading:
        writer, saved = NoWriter(path), load(path)
    else:
        writer, saved = RunWriter.resume(path)
    data = corpus(saved)
    if data is not None:
        attach_corpus(saved, data)
    run = saved.run
    facts = {
        "name": saved.info.data_name,
        "sha256": saved.info.data_sha256,
        "documents": run.num_documents,
        "held_out": len(run.held_out) or (0 if run.val.texts else len(run.val)),
        "characters": len(run.tokenizer.chars),
        "normalize": run.tokenizer.normalize,
    }
    rng = replay(run, data)[1]
    step = saved.state.step
    return Fit(run, saved.info, saved.state, rng, writer, facts, list(saved.losses), step)


def replan(fit: Fit, steps: int) -> None:
    """From here on train to this step, the learning rate falling to 0 there.

    Raises ConfigError for one that has been passed already.
    """
    done = len(fit.losses)
    if steps < done:
        raise ConfigError(f"steps is {steps}; {fit.writer.path} is at step {done} already", "steps")
    fit.writer.replan(steps)
    fit.run.training = replace(fit.run.training, steps=steps)


def attach_corpus(saved: SavedRun, data: Data) -> None:
    """Give a run that was trained on a corpus its documents.

    Raises RunError for another corpus.
    """
    name = saved.info.data_name
    same = data.tokenizer.to_dict() == saved.run.tokenizer.to_dict()
    if data.sha256 != saved.info.data_sha256 or not same:
        raise RunError(f"{data.name} is not the corpus {name!r} that {saved.path} was trained on")
    trained_on = saved.run.num_train
    attach(saved.run, data)
    if saved.run.num_train != trained_on:
        raise RunError(
            f"{saved.path} trains on {trained_on:,} windows of {data.name}, where this glassgpt "
            f"finds {saved.run.num_train:,}: another version held out other documents"
        )
