"""`glassgpt train`."""

from __future__ import annotations

import random
import shlex
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassgpt.cli import common, jobs
from glassgpt.cli.progress import Display
from glassgpt.config import check_normalization

if TYPE_CHECKING:
    from glassgpt.engines.base import Engine
    from glassgpt.sampling import SampleConfig
    from glassgpt.training import Chunk

ALLOWED_WITH_RESUME = ("resume", "steps", "samples", "save_every", "as_json")

EXAMPLES = common.examples(
    "glassgpt train hindi",
    "glassgpt train my-list.txt --steps 5000 -o runs/mine",
    "glassgpt train names --n-embd 64 --n-layer 2 --lr 0.003",
    "glassgpt train --resume runs/mine",
    "cat list | glassgpt train - --json",
)


def train(
    context: typer.Context,
    data: Annotated[
        str, typer.Argument(help="A data set (see glassgpt datasets), a file, or - for a pipe.")
    ] = "english",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Run directory to make; runs/DATA by default."),
    ] = None,
    engine: common.EngineOption = None,
    dtype: Annotated[str, typer.Option(help="float64, or float32 where the engine can.")] = (
        "float64"
    ),
    steps: Annotated[int, typer.Option(help="Updates; the rate falls to 0 over them.")] = 1000,
    n_layer: Annotated[int, typer.Option(help="Blocks of attention and MLP.")] = 1,
    n_embd: Annotated[int, typer.Option(help="Width of the residual stream.")] = 16,
    n_head: Annotated[int, typer.Option(help="Attention heads; they divide n_embd.")] = 4,
    block_size: Annotated[
        int | None, typer.Option(help="Longest context.", show_default="suits the data: 16 or 32")
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(help="First learning rate.", show_default="suits the data: 0.01 or 0.003"),
    ] = None,
    beta1: Annotated[float, typer.Option(help="Adam: memory of the gradient.")] = 0.85,
    beta2: Annotated[float, typer.Option(help="Adam: memory of its square.")] = 0.99,
    eps: Annotated[float, typer.Option(help="Adam: keeps its division finite.")] = 1e-8,
    init_std: Annotated[float, typer.Option(help="Spread of the initial weights.")] = 0.08,
    batch_size: Annotated[int, typer.Option(help="Documents a step.")] = 1,
    val_fraction: Annotated[float, typer.Option(help="Share of the documents held out.")] = 0.0,
    normalize: Annotated[
        str | None, typer.Option(help="nfc, nfd or none.", show_default="suits the data")
    ] = None,
    temperature: Annotated[float, typer.Option(help="Of the samples; 0 is greedy.")] = 0.5,
    samples: Annotated[int, typer.Option(help="How many to print at the end.")] = 20,
    seed: common.SeedOption = 42,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Go on with a run that was stopped; with --steps, train it to that step.",
        ),
    ] = None,
    save_every: Annotated[
        float, typer.Option(help="Seconds between checkpoints: a kill loses no more.")
    ] = 5.0,
    as_json: common.JsonOption = False,
) -> None:
    """Train a GPT from scratch on a list, one item a line, and let it invent 20 more."""
    started = time.perf_counter()
    from glassgpt import engines
    from glassgpt.errors import ConfigError
    from glassgpt.evaluation import MAX_DOCUMENTS, model_loss
    from glassgpt.sampling import SampleConfig, generate, novelty

    choose = SampleConfig(temperature)
    if not 0 <= samples <= 1_000_000:
        raise ConfigError(f"samples is {samples}; it must be from 0 to 1,000,000")
    if not 0 <= save_every < threading.TIMEOUT_MAX:
        raise ConfigError(f"save_every is {save_every:g}; it must be a number of seconds")
    if resume is None:
        form = check_normalization(normalize) if normalize else None
        engine_name = common.engine_name(engine)
        engines.check(engine_name, dtype)
        numbers: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "seed": seed}
        numbers |= {"beta1": beta1, "beta2": beta2, "eps": eps, "init_std": init_std}
        numbers |= {"val_fraction": val_fraction}
        shape = {"n_layer": n_layer, "n_embd": n_embd, "n_head": n_head}
        job = jobs.begin(
            *(data, form, numbers, lr, shape, block_size),
            *(output, engine_name, dtype, temperature),
        )
    else:
        given = _given(context)
        refused = [shown for name, shown in given.items() if name not in ALLOWED_WITH_RESUME]
        if refused:
            raise ConfigError(
                f"{', '.join(refused)} cannot go with --resume: the recipe is the run's own "
                "(--steps, --samples, --save-every and --json can)"
            )
        job = jobs.resume(resume, steps if "steps" in given else None)
        choose = SampleConfig(job.info.temperature)
    run, info, writer = job.run, job.info, job.writer
    tokenizer = run.tokenizer
    model = engines.create(info.engine, run.model, job.state, run.training, info.dtype)
    train_started = time.perf_counter()
    losses, status = _steps(job, model, choose, save_every)
    train_seconds = time.perf_counter() - train_started
    writer.close()

    held_out, drawn = None, []
    if not status:
        encoded = [tokenizer.encode(d) for d in run.held_out[:MAX_DOCUMENTS]]
        held_out = model_loss(model, encoded)
        drawn = [generate(model, tokenizer, job.rng, choose) for _ in range(samples)]
    seen, in_file = run.seen(len(losses)), set(run.documents)
    bins = [novelty(s.token_ids, seen, in_file, tokenizer) for s in drawn]
    if as_json:
        common.print_json(
            {
                "run": str(writer.path),
                "engine": info.engine,
                "dtype": info.dtype,
                "num_params": run.model.num_params,
                "vocab_size": run.model.vocab_size,
                "model": run.model.to_dict(),
                "training": run.training.to_dict(),
                "data": job.data,
                "resumed_at": job.resumed_at,
                "steps": len(losses),
                "stopped": bool(status),
                "losses": losses,
                "held_out_loss": held_out.nats if held_out else None,
                "temperature": choose.temperature,
                "samples": [s.text for s in drawn],
                "novelty": bins,
                "train_seconds": train_seconds,
                "seconds": time.perf_counter() - started,
            }
        )
    elif not status:
        common.print_samples([(s.text, b, "") for s, b in zip(drawn, bins, strict=True)])
        if drawn:
            common.say(
                f"{samples} samples at temperature {choose.temperature:g}: "
                f"{common.bin_summary(bins)}"
            )
        if held_out:
            common.say(f"held-out loss {held_out.nats:.4f} nats a character")
        _next_steps(writer.path, drawn[0].text if drawn else "")
    if status:
        raise typer.Exit(status)


def _given(context: typer.Context) -> dict[str, str]:
    """What was written on the command line: each parameter, and how its user knows it."""
    shown = {
        p.name: p.opts[-1] if p.opts[0] != p.name else p.name.upper()
        for p in context.command.params
        if p.name
    }
    return {
        name: shown[name]
        for name in context.params
        if (source := context.get_parameter_source(name)) and source.name == "COMMANDLINE"
    }


def _steps(
    job: jobs.Job, model: Engine, choose: SampleConfig, save_every: float
) -> tuple[list[float], int]:
    """Train to the end or to Ctrl-C, saving now and then.

    Returns the losses and the exit status: 0, or that of the signal that ended it.
    """
    from glassgpt.errors import DivergedError
    from glassgpt.interrupts import Interrupts
    from glassgpt.sampling import generate
    from glassgpt.saving import Saver
    from glassgpt.training import train

    run, writer, losses = job.run, job.writer, list(job.losses)
    resume_line = f"glassgpt train --resume {shlex.quote(str(writer.path))}"
    unsaved: list[Chunk] = []
    peek = random.Random(run.training.seed)  # a stream of its own: a look must not change the run

    def sample() -> str:
        return generate(model, run.tokenizer, peek, choose).text

    with Interrupts() as interrupts:
        try:
            display = Display(run.training.steps, sample, job.losses)
            with Saver(writer, save_every) as saver:
                with display:
                    for chunk in train(run, model, len(losses), interrupts.requested):
                        losses += chunk.losses
                        unsaved.append(chunk)
                        display.update(chunk)
                        if saver.due():
                            saver.save(model.state(), unsaved)
                            unsaved = []
                saver.finish(model.state, unsaved)
        except DivergedError as error:
            kept = f"the last good checkpoint, of step {writer.step}, is in {writer.path}"
            raise DivergedError(f"{error}; {kept}") from None
        except KeyboardInterrupt:  # the second one
            common.say(f"stopped at once, at the checkpoint of step {writer.step}; {resume_line}")
            raise typer.Exit(interrupts.status) from None
        if not interrupts.requested():
            return losses, 0
        saved = f"stopped: step {len(losses)} of {run.training.steps} is saved"
        common.say(f"{saved}; go on with: {resume_line}")
        return losses, interrupts.status


def _next_steps(path: Path, text: str) -> None:
    prompt = text[:2] if text[:2].isprintable() and " " not in text[:2] else ""
    common.say(f"saved in {path}; go on with:")
    if prompt:
        common.say(f"  glassgpt sample {path} --prompt {prompt}")
    common.say(f"  glassgpt eval {path}")
    common.say(f"  glassgpt explain {path} {text}")
