"""What `glassgpt train` works on: a run that begins, or one that goes on where it was left."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassgpt.cli import common
from glassgpt.cli.progress import Display
from glassgpt.config import Normalization, TrainConfig
from glassgpt.errors import ConfigError
from glassgpt.processes import Processes

if TYPE_CHECKING:
    from glassgpt.checkpoint import RunInfo
    from glassgpt.datasets import Dataset
    from glassgpt.engines import Placement
    from glassgpt.engines.base import TrainState
    from glassgpt.saving import Writer
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

    @property
    def fingerprint(self) -> str:
        """Equal where several processes work on the same."""
        facts = (self.run.model, self.run.training, self.run.num_train, self.info, self.state.step)
        return hashlib.sha256(repr(facts).encode()).hexdigest()


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
    from glassgpt.checkpoint import RunInfo, RunWriter
    from glassgpt.saving import NoWriter
    from glassgpt.tokenizer import Tokenizer
    from glassgpt.training import begin

    TrainConfig(**numbers, learning_rate=0.01 if lr is None else lr)  # before the data is read
    loaded = _load(source, form)
    rate = loaded.recipe.learning_rate if lr is None else lr
    training = TrainConfig(**numbers, learning_rate=rate)
    tokenizer = Tokenizer.from_documents(loaded.documents, loaded.normalize)
    context = loaded.recipe.block_size if block_size is None else block_size
    run, state, rng = begin(loaded.documents, training, tokenizer, block_size=context, **shape)
    _report(loaded, run)
    info = RunInfo(loaded.name, loaded.sha256, engine, dtype, temperature)
    writer: Writer = NoWriter(output or common.RUNS)
    if processes.first:
        writer = RunWriter(output or common.new_run_path(loaded.name), run, info)
        writer.save(state, [])
    return Job(run, info, state, rng, writer, [], _data_json(loaded, run))


def interrupted(output: Path | None) -> Path | None:
    """The run that torchrun starts again, as --max-restarts has told it to; None if none is there.

    Raises ConfigError where it cannot be known which one it is.
    """
    from glassgpt.checkpoint import MODEL

    if output is None:
        raise ConfigError("torchrun has started this anew; to go on, the command must say -o RUN")
    return output if (output / MODEL).exists() else None


def resume(path: Path, steps: int | None, placement: Placement) -> Job:
    """Open a run to go on with it; with `steps`, to another end than the one it was planned for."""
    from glassgpt import engines
    from glassgpt.checkpoint import RunWriter, load
    from glassgpt.saving import NoWriter
    from glassgpt.training import replay

    writer: Writer
    if placement.processes.first:
        writer, saved = RunWriter.resume(path)
    else:
        writer, saved = NoWriter(path), load(path)
    run, done = saved.run, saved.state.step
    engines.check(saved.info.engine, saved.info.dtype, placement)
    common.say(f"{path}: {len(run.documents):,} documents, at step {done} of {run.training.steps}")
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
        "documents": len(run.documents),
        "held_out": len(run.held_out),
        "characters": len(run.tokenizer.chars),
        "normalize": run.tokenizer.normalize,
    }
    _, rng = replay(run)
    return Job(run, saved.info, saved.state, rng, writer, saved.losses, data, done)


def _load(source: str, form: Normalization | None) -> Dataset:
    from glassgpt import datasets

    if source in datasets.REGISTRY and datasets.REGISTRY[source].url:
        with Display.download(source) as progress:
            return datasets.load(source, form, progress)
    return datasets.load(source, form)


def _report(loaded: Dataset, run: Run) -> None:
    """What was read, in a line or two; nothing found is dropped silently."""
    r, documents = loaded.report, run.documents
    common.say(
        f"{loaded.name}: {len(documents):,} documents, {r.characters} characters -> "
        f"{run.model.vocab_size} tokens, {run.model.num_params:,} parameters"
    )
    cut = r.over_long(documents, run.model.block_size)
    remarks = [
        f"{common.count(r.duplicates, 'duplicate')} kept" if r.duplicates else "",
        f"{common.count(r.empty, 'empty line')} skipped" if r.empty else "",
        f"{common.count(cut, 'document')} cut at block_size {run.model.block_size}" if cut else "",
        "byte order mark removed" if r.bom else "",
        "Windows line ends" if r.crlf else "",
        f"{common.count(len(run.held_out), 'document')} held out" if run.held_out else "",
    ]
    if any(remarks):
        common.say("  " + "; ".join(filter(None, remarks)))


def _data_json(loaded: Dataset, run: Run) -> dict[str, Any]:
    r = loaded.report
    return {
        "name": loaded.name,
        "sha256": loaded.sha256,
        "documents": len(run.documents),
        "held_out": len(run.held_out),
        "lines": r.lines,
        "empty": r.empty,
        "duplicates": r.duplicates,
        "over_long": r.over_long(run.documents, run.model.block_size),
        "characters": r.characters,
        "bom": r.bom,
        "crlf": r.crlf,
        "normalize": loaded.normalize,
    }
