"""What `glassgpt train` shows and says while a run is trained, in one process or in several."""

from __future__ import annotations

import random
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import typer

from glassgpt.cli import common
from glassgpt.cli.progress import Display, bytes_bar
from glassgpt.scale.torch.processes import LostProcessError, Processes

if TYPE_CHECKING:
    from glassgpt.config import Normalization
    from glassgpt.datasets.documents import Data
    from glassgpt.engines.base import Engine, TrainState
    from glassgpt.fit import Fit
    from glassgpt.sampling import SampleConfig
    from glassgpt.scale.torch.placement import Placement
    from glassgpt.scale.torch.throughput import Throughput
    from glassgpt.training import Run

PEEK, WIDTH = 32, 40
"""Tokens of the sample that is shown while training, for a longer one would hold it up; and of
those the characters that fit the line."""
MANY = 10_000_000
"""Weights whose drawing takes so long that something should be said."""


def open_data(source: str, form: Normalization | None) -> Data:
    """Data by its name, with a bar where it is downloaded and a word where it is typed in."""
    from glassgpt import datasets

    if source in datasets.REGISTRY and datasets.REGISTRY[source].url:
        with bytes_bar(f"downloading {source}") as progress:
            return datasets.open_data(source, form, progress)
    if source == "-" and sys.stdin.isatty():
        key = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
        common.say(f"reading a list from the keyboard, one item per line; {key} ends it")
    return datasets.open_data(source, form)


def describe(run: Run, facts: dict[str, Any]) -> str:
    """What was read, in a line or two; nothing found is dropped silently."""
    size = f"{run.model.vocab_size:,}", f"{run.model.num_params:,} parameters"
    if "windows" in facts:
        number = common.count(facts["documents"], "document")
        line = f"{facts['name']}: {number}, {facts['tokens']:,} tokens of {', '.join(size)}"
        windows = f"{run.num_train:,} windows of at most {run.model.block_size} predictions"
        more = f"; {facts['held_out']:,} more held out" if facts["held_out"] else ""
        return f"{line}\n  {windows}{more}"
    counted = (
        ("duplicates", "duplicate", " kept"),
        ("empty", "empty line", " skipped"),
        ("over_long", "document", f" cut at block_size {run.model.block_size}"),
        ("held_out", "document", " held out"),
    )
    found = {k: common.count(facts[k], what) + done for k, what, done in counted if facts[k]}
    found |= {"bom": "byte order mark removed"} if facts["bom"] else {}
    found |= {"crlf": "Windows line ends"} if facts["crlf"] else {}
    order = ("duplicates", "empty", "over_long", "bom", "crlf", "held_out")
    remarks = "; ".join(found[key] for key in order if key in found)
    line = (
        f"{facts['name']}: {facts['documents']:,} documents, {facts['characters']} characters -> "
        f"{size[0]} tokens, {size[1]}"
    )
    return line + (f"\n  {remarks}" if remarks else "")


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a training."""

    status: int
    """0, or the exit status of the signal that ended it."""
    seconds: float
    throughput: Throughput | None
    """Of the torch engine; the others keep no count."""
    model: Engine | None
    """Ready to write; in the first process, and where training came to its end."""


def run_fit(
    fit: Fit,
    choose: SampleConfig,
    save_every: float,
    placement: Placement,
    again: str,
    needed: bool,
) -> Done:
    """Train, together with the other processes if there are any.

    Args:
        again: what the command that resumes must name beside the run.
        needed: whether the model is, afterwards.
    """
    from glassgpt.scale.torch import throughput
    from glassgpt.scale.torch.processes import joined

    processes = placement.processes
    state: TrainState | None = None
    with joined(processes, placement.on_gpus):
        processes.same(fit.fingerprint, "run")
        model: Engine | None = fit.engine(**placement.options)
        assert model
        meter: throughput.Meter | None = throughput.Meter(model)
        assert meter
        started = time.perf_counter()
        status = _chunks(fit, model, choose, save_every, processes, again, meter)
        seconds = time.perf_counter() - started
        measured = meter.read(processes)
        if processes.world > 1:
            state = model.state() if needed else None
            meter = model = None  # before the others are left
    if model is None and state and processes.first and not status:  # the first goes on alone
        fit.state = state
        model = fit.engine(**replace(placement, processes=Processes()).options)
    return Done(status, seconds, measured, model)


def _chunks(
    fit: Fit,
    model: Engine,
    choose: SampleConfig,
    save_every: float,
    processes: Processes,
    again: str,
    meter: Any,
) -> int:
    """Train to the end or to Ctrl-C; the exit status: 0, or that of the signal that ended it."""
    from glassgpt.errors import DivergedError, RunError
    from glassgpt.runs.interrupts import Interrupts

    writer, steps = fit.writer, fit.run.training.steps
    resume_line = f"glassgpt train {again}--resume {shlex.quote(str(writer.path))}"
    # Where there are several processes, the others would wait for the sample.
    look = Look(fit, model, choose) if processes.world == 1 else None
    with Interrupts(patient=processes.world > 1) as interrupts:
        display = Display(steps, look, fit.losses, visible=processes.first)
        chunks = fit.chunks(
            model,
            interrupts.requested,
            processes.agree,
            display.marks,
            save_every,
            common.say,
        )
        try:
            with display:
                for chunk in chunks:
                    meter.add(chunk.seconds)
                    display.update(chunk)
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
        if fit.finished:
            return 0
        if fit.lost:
            raise RunError(f"stopped: {fit.lost}")
        saved = f"stopped: step {len(fit.losses)} of {steps} is saved"
        common.say(f"{saved}; go on with: {resume_line}")
        return interrupts.status


class Look:
    """What the model would write after a step.

    The random stream of a look is its own and depends on the seed and the step alone: a look must
    not change the run, and the same step shows the same text on every machine.
    """

    def __init__(self, fit: Fit, model: Engine, choose: SampleConfig) -> None:
        self.tokenizer, self.model, self.choose = fit.run.tokenizer, model, choose
        self.seed = fit.run.training.seed

    def __call__(self, step: int) -> str:
        text = self.tokenizer.decode(list(self._choices(random.Random(self.seed + step))))
        return " ".join(text.split())[:WIDTH]  # one line

    def _choices(self, rng: random.Random) -> Iterator[int]:
        from itertools import islice

        from glassgpt.sampling import write

        steps = islice(write(self.model, self.tokenizer, rng, self.choose), PEEK)
        return (step.choice for step in steps)
