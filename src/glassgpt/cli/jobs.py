"""What `glassgpt train` works on: a run that begins, or one that goes on where it was left."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassgpt.cli import common
from glassgpt.cli.material import attach_corpus, open_material
from glassgpt.config import Normalization, TrainConfig
from glassgpt.errors import ConfigError
from glassgpt.scale.torch.processes import Processes

if TYPE_CHECKING:
    from glassgpt.engines.base import TrainState
    from glassgpt.runs.directory import DataKind, RunInfo
    from glassgpt.runs.saver import Writer
    from glassgpt.scale.torch.placement import Placement
    from glassgpt.training import Run


@dataclass(slots=True)
class Job:
    """A run, where it stands, and where it is kept."""

    run: Run
    info: RunInfo
    state: TrainState
    rng: random.Random
    """Ready for the samples."""
    writer: Writer
    losses: list[float]
    """Of the steps made before."""
    data: dict[str, Any]
    """What is known of the data, for --json."""
    resumed_at: int | None = None
    again: str = ""
    """What the command that resumes must name, beside the run."""
    lost: str = ""
    """Why the last state could not be saved in its place, and where it is instead."""

    @property
    def fingerprint(self) -> str:
        """Equal where several processes work on the same."""
        facts = (self.run.model, self.run.training, self.run.num_train, self.info, self.state.step)
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def let_go(self) -> None:
        """Forget the state it began with, once an engine has its own: it can be gigabytes."""
        from glassgpt.engines.base import TrainState

        self.state = TrainState({}, {}, {}, self.state.step)


def begin(
    source: str,
    form: Normalization | None,
    numbers: dict[str, Any],
    lr: float | None,
    shape: dict[str, int],
    block_size: int | None,
    output: Path | None,
    engine: str,
    dtype: str,
    temperature: float,
    processes: Processes,
) -> Job:
    """Read the data, draw the weights, make the run directory with a checkpoint of step 0.

    Of several processes only the first makes it.

    Args:
        lr, block_size: None takes what suits the data.
    """
    from glassgpt.runs.directory import RunInfo
    from glassgpt.runs.saver import NoWriter
    from glassgpt.runs.writer import RunWriter

    TrainConfig(**numbers, learning_rate=0.01 if lr is None else lr)  # before the data is read
    material = open_material(source, form)
    training = TrainConfig(**numbers, learning_rate=material.learning_rate if lr is None else lr)
    context = material.block_size if block_size is None else block_size
    run, state, rng = material.begin(training, context, shape)
    common.say(material.report(run))
    kind: DataKind = "corpus" if run.windows else "list"
    info = RunInfo(material.name, material.sha256, engine, dtype, temperature, kind)
    writer: Writer = NoWriter(output or common.RUNS)
    if processes.first:
        writer = RunWriter.create(output or common.new_run_path(material.name), run, info)
        writer.save(state, [])
    data = material.to_dict(run)
    return Job(run, info, state, rng, writer, [], data, again=material.again)


def interrupted(output: Path | None) -> Path | None:
    """The run that torchrun starts again, as --max-restarts has told it to; None if none is there.

    Raises ConfigError where it cannot be known which one it is.
    """
    from glassgpt.runs.directory import MODEL

    if output is None:
        raise ConfigError("torchrun has started this anew; to go on, the command must say -o RUN")
    return output if (output / MODEL).exists() else None


def resume(path: Path, steps: int | None, placement: Placement, source: str | None) -> Job:
    """Open a run to go on with it; with `steps`, to another end than the one it was planned for.

    Args:
        source: the corpus, of a run on one.
    """
    from glassgpt import engines
    from glassgpt.runs.directory import load
    from glassgpt.runs.saver import NoWriter
    from glassgpt.runs.writer import RunWriter
    from glassgpt.training import initial_params, replay

    path = common.run_path(path)
    writer: Writer
    if placement.processes.first:
        writer, saved = RunWriter.resume(path)
    else:
        writer, saved = NoWriter(path), load(path)
    run, done = saved.run, saved.state.step
    engines.check(saved.info.engine, saved.info.dtype, **placement.options)
    if source is None and saved.info.data_kind == "list":
        rng, again = replay(run)[1], ""
    else:
        how = f"glassgpt train CORPUS --resume {path}"
        rng, again = attach_corpus(saved, source, how)
        initial_params(run.model, rng, run.training.init_std)  # the samples come after them
    common.say(f"{path}: {run.num_documents:,} documents, at step {done} of {run.training.steps}")
    if steps is not None and steps != run.training.steps:
        if steps < done:
            raise ConfigError(f"--steps is {steps}; {path} is at step {done} already")
        writer.replan(steps)
        run.training = replace(run.training, steps=steps)
        if done < steps:
            rate = run.training.learning_rates(done, done + 1)[0]
            common.say(
                f"  planned anew: the learning rate falls from {rate:g} to 0 at step {steps}"
            )
    elif done == run.training.steps:
        common.say(f"  it is finished; to train on, say --steps {2 * done}")
    data = {
        "name": saved.info.data_name,
        "sha256": saved.info.data_sha256,
        "documents": run.num_documents,
        "held_out": len(run.windows[1] if run.windows else run.held_out),
        "characters": len(run.tokenizer.chars),
        "normalize": run.tokenizer.normalize,
    }
    return Job(run, saved.info, saved.state, rng, writer, saved.losses, data, done, again)
