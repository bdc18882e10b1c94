"""The loop of `glassgpt train`: steps, a display, checkpoints, and a polite end on Ctrl-C."""

from __future__ import annotations

import random
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from glassgpt.cli import common, jobs
from glassgpt.cli.progress import Display
from glassgpt.scale.torch.processes import LostProcessError, Processes

if TYPE_CHECKING:
    from glassgpt.engines.base import Engine, TrainState
    from glassgpt.sampling import SampleConfig
    from glassgpt.scale.torch.placement import Placement
    from glassgpt.scale.torch.throughput import Meter, Throughput
    from glassgpt.training import Chunk

PEEK, WIDTH = 32, 40
"""Tokens of the sample that is shown while training, for a longer one would hold it up; and of
those the characters that fit the line."""


@dataclass(frozen=True, slots=True)
class Done:
    """What has come of a training."""

    losses: list[float]
    """Of all steps, those made before included."""
    status: int
    """0, or the exit status of the signal that ended it."""
    seconds: float
    throughput: Throughput | None
    """Of the torch engine; the others keep no count."""
    model: Engine | None
    """Ready to write; in the first process, and where training came to its end."""


def train_job(
    job: jobs.Job, choose: SampleConfig, save_every: float, placement: Placement, needed: bool
) -> Done:
    """Train, together with the other processes if there are any.

    Args:
        needed: whether the model is, afterwards.
    """
    from glassgpt import engines
    from glassgpt.scale.torch import throughput
    from glassgpt.scale.torch.processes import joined

    processes, run, info = placement.processes, job.run, job.info

    def engine(state: TrainState, where: Placement) -> Engine:
        return engines.create(
            info.engine, run.model, state, run.training, info.dtype, **where.options
        )

    with joined(processes, placement.on_gpus):
        processes.same(job.fingerprint, "run")
        model: Engine | None = engine(job.state, placement)
        assert model
        started = time.perf_counter()
        job.let_go()
        meter: Meter | None = throughput.Meter(model)
        assert meter
        losses, status = _steps(job, model, choose, save_every, processes, meter)
        seconds = time.perf_counter() - started
        measured = meter.read(processes)
        if processes.world > 1:
            state = model.state() if needed else None
            meter = model = None  # before the others are left
    if model is None and state and processes.first and not status:  # the first goes on alone
        model = engine(state, replace(placement, processes=Processes()))
    return Done(losses, status, seconds, measured, model)


def _steps(
    job: jobs.Job,
    model: Engine,
    choose: SampleConfig,
    save_every: float,
    processes: Processes,
    meter: Meter,
) -> tuple[list[float], int]:
    """Train to the end or to Ctrl-C, saving now and then.

    Returns the losses and the exit status: 0, or that of the signal that ended it.
    """
    from glassgpt.errors import DivergedError, RunError
    from glassgpt.runs.interrupts import Interrupts
    from glassgpt.runs.saver import Saver
    from glassgpt.training import train

    writer, losses, steps = job.writer, list(job.losses), job.run.training.steps
    resume_line = f"glassgpt train {job.again}--resume {shlex.quote(str(writer.path))}"
    unsaved: list[Chunk] = []
    # Where there are several processes, the others would wait for the sample.
    sample = _peek(job, model, choose) if processes.world == 1 else None

    with Interrupts(patient=processes.world > 1) as interrupts:
        try:
            display = Display(steps, sample, job.losses, visible=processes.first)
            with Saver(writer, save_every, common.say) as saver:
                try:
                    with display:
                        for chunk in train(
                            job.run,
                            model,
                            len(losses),
                            interrupts.requested,
                            processes.agree,
                            display.marks,
                        ):
                            losses += chunk.losses
                            unsaved.append(chunk)
                            meter.add(chunk.seconds)
                            display.update(chunk)
                            if processes.agree(saver.due()):
                                saver.save(model.state, unsaved)
                                unsaved = []
                except DivergedError:  # the state is that of the last good step
                    with suppress(DivergedError):  # unless its weights are not finite
                        saver.finish(model.state, unsaved)
                    raise
                try:
                    saver.finish(model.state, unsaved)
                except RunError as error:
                    job.lost = writer.rescue(model.state(), losses, error)
        except (DivergedError, LostProcessError) as error:
            if not processes.first:
                raise
            kept = f"the last good checkpoint, of step {writer.step}, is in {writer.path}"
            if isinstance(error, LostProcessError):
                kept += f"; go on with: {resume_line}"
            raise type(error)(f"{error}; {kept}", *error.fields) from None
        except KeyboardInterrupt:  # the second one
            common.say(f"stopped at once, at the checkpoint of step {writer.step}; {resume_line}")
            raise typer.Exit(interrupts.status) from None
        if len(losses) == steps:
            return losses, 0
        if job.lost:
            raise RunError(f"stopped: {job.lost}")
        saved = f"stopped: step {len(losses)} of {steps} is saved"
        common.say(f"{saved}; go on with: {resume_line}")
        return losses, interrupts.status


class _peek:
    """What the model would write after a step.

    The random stream of a look is its own and depends on the seed and the step alone: a look must
    not change the run, and the same step shows the same text on every machine.
    """

    def __init__(self, job: jobs.Job, model: Engine, choose: SampleConfig) -> None:
        self.tokenizer, self.model, self.choose = job.run.tokenizer, model, choose
        self.seed = job.run.training.seed

    def __call__(self, step: int) -> str:
        from itertools import islice

        from glassgpt.sampling import write

        rng = random.Random(self.seed + step)
        steps = islice(write(self.model, self.tokenizer, rng, self.choose), PEEK)
        text = self.tokenizer.decode([step.choice for step in steps])
        return " ".join(text.split())[:WIDTH]  # one line
