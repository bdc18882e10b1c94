"""Where `glassgpt train` begins: a new run, or one that goes on where it was left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glassgpt import engines
from glassgpt.cli import common
from glassgpt.cli.fitting import MANY, describe, open_data
from glassgpt.config import ModelConfig, TrainConfig, check_normalization
from glassgpt.errors import ConfigError
from glassgpt.fit import Fit, replan, resume, start
from glassgpt.runs.directory import MODEL, RunInfo
from glassgpt.runs.saver import NoWriter, Writer
from glassgpt.runs.writer import RunWriter
from glassgpt.scale.torch.placement import Placement
from glassgpt.training import Run


def begin(
    source: str,
    normalize: str | None,
    output: Path | None,
    engine: str | None,
    placement: Placement,
    numbers: dict[str, Any],
) -> Fit:
    """Read the data, draw the weights, make the run directory; the first process alone does."""

    name = common.engine_name(engine)
    engines.check(name, numbers["dtype"], **placement.options)
    fields = {k: v for k, v in numbers.items() if k in TrainConfig.__dataclass_fields__}
    TrainConfig(**{k: v for k, v in fields.items() if v is not None})  # before the data is read
    data = open_data(source, check_normalization(normalize) if normalize else None)
    context = numbers["block_size"] or data.recipe.block_size
    shape = {k: numbers[k] for k in ("n_layer", "n_embd", "n_head")} | {"block_size": context}
    if (size := ModelConfig(data.tokenizer.vocab_size, **shape).num_params) > MANY:
        common.say(f"drawing {size:,} weights, one by one from the seed …")

    def keep(run: Run, info: RunInfo) -> Writer:
        """A new directory is made only once nothing can be wrong with the settings."""
        if not placement.processes.first:
            return NoWriter(output or common.RUNS)
        common.say(describe(run, data.describe(run.train, run.val, context)))
        return RunWriter.create(output or common.new_run_path(data.name), run, info)

    return start(data, name, keep=keep, **numbers)


def go_on(given: Path, steps: int | None, placement: Placement, source: str | None) -> Fit:
    """Open a run to go on with it; with `steps`, to another end than the one it was planned for."""

    path = common.run_path(given)
    how = f"glassgpt train CORPUS --resume {path}"
    reading = not placement.processes.first
    fit = resume(path, lambda saved: common.corpus_of(saved, source, how), reading)
    engines.check(fit.info.engine, fit.info.dtype, **placement.options)
    run, done = fit.run, len(fit.losses)
    common.say(f"{path}: {run.num_documents:,} documents, at step {done} of {run.training.steps}")
    if steps is not None and steps != run.training.steps:
        replan(fit, steps)
        if done < steps:
            rate = run.training.learning_rates(done, done + 1)[0]
            common.say(
                f"  planned anew: the learning rate falls from {rate:g} to 0 at step {steps}"
            )
    elif done == run.training.steps:
        common.say(f"  it is finished; to train on, say --steps {2 * done}")
    return fit


def interrupted(output: Path | None) -> Path | None:
    """The run that torchrun starts again, as --max-restarts has told it to; None if none is there.

    Raises ConfigError where it cannot be known which one it is.
    """

    if output is None:
        raise ConfigError("torchrun has started this anew; to go on, the command must say -o RUN")
    return output if (output / MODEL).exists() else None
