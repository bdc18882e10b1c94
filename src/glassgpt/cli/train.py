"""`glassgpt train`."""

from __future__ import annotations

import shlex
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from glassgpt.cli import common, jobs
from glassgpt.cli import steps as loop
from glassgpt.cli.material import names_corpus
from glassgpt.config import check_normalization

ALLOWED_WITH_RESUME = (
    *("resume", "data", "steps", "samples", "save_every", "as_json"),
    *("device", "parallel", "compile_", "micro_batch"),
)

EXAMPLES = common.examples(
    "glassgpt train hindi",
    "glassgpt train my-list.txt --steps 5000 -o runs/mine",
    "glassgpt train names --n-embd 64 --n-layer 2 --lr 0.003",
    "glassgpt train --resume runs/mine",
    "cat list | glassgpt train - --json",
    "torchrun --nproc-per-node 2 -m glassgpt train names --engine torch --batch-size 64",
)
MACHINE = "With --engine torch"
"""Heading of the options that say where and how to work, not what."""


def train(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Argument(
            help="A data set (see glassgpt datasets), a file, - for a pipe, or a prepared corpus."
        ),
    ] = "english",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Run directory to make; runs/DATA by default."),
    ] = None,
    engine: common.EngineOption = None,
    dtype: Annotated[
        str, typer.Option(help="float64; float32 where the engine can; bfloat16 with torch.")
    ] = "float64",
    steps: Annotated[int, typer.Option(help="Updates; the rate falls to 0 over them.")] = 1000,
    n_layer: Annotated[int, typer.Option(help="Blocks of attention and MLP.")] = 1,
    n_embd: Annotated[int, typer.Option(help="Width of the residual stream.")] = 16,
    n_head: Annotated[int, typer.Option(help="Attention heads; they divide n_embd.")] = 4,
    block_size: Annotated[
        int | None,
        typer.Option(help="Longest context.", show_default="suits the data: 16, 32 or 128"),
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
    samples: Annotated[
        int | None,
        typer.Option(
            help="How many to print at the end.",
            show_default="20, and fewer where the context is longer than 32",
        ),
    ] = None,
    seed: common.SeedOption = 42,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Go on with a run that was stopped; with --steps, train it to that step.",
        ),
    ] = None,
    save_every: Annotated[
        float,
        typer.Option(
            help="Seconds between checkpoints; more for a large model: 2% of the time at most."
        ),
    ] = 5.0,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=MACHINE)
    ] = "auto",
    micro_batch: Annotated[
        int | None,
        typer.Option(
            help="Documents a process takes at once; gradients of the rest are added up.",
            show_default="its whole share",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    parallel: Annotated[
        str,
        typer.Option(
            help="Under torchrun: ddp, each has the model; fsdp, each a part; auto, by size.",
            rich_help_panel=MACHINE,
        ),
    ] = "auto",
    compile_: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            help="torch.compile: a minute at the start, faster steps.",
            show_default="on a GPU, for a million parameters or more",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Train a GPT from scratch on a list, one item a line, and let it invent 20 more."""
    started = time.perf_counter()
    from glassgpt import engines
    from glassgpt.engines import Placement
    from glassgpt.errors import ConfigError, RunError
    from glassgpt.evaluation import MAX_DOCUMENTS, model_loss
    from glassgpt.processes import current
    from glassgpt.sampling import SampleConfig, generate

    choose, processes = SampleConfig(temperature), current()
    if samples is not None and not 0 <= samples <= 1_000_000:
        raise ConfigError(f"samples is {samples}; it must be from 0 to 1,000,000")
    if not 0 <= save_every < threading.TIMEOUT_MAX:
        raise ConfigError(f"save_every is {save_every:g}; it must be a number of seconds")
    given = _given(context)
    placement = Placement(device, parallel, compile_, micro_batch, processes)  # type: ignore[arg-type] # it checks
    source = data if "data" in given else None
    if resume is None and processes.restarts:  # torchrun starts again what had begun
        resume, source = jobs.interrupted(output), data if names_corpus(data) else None
    elif resume is not None:
        refused = [shown for name, shown in given.items() if name not in ALLOWED_WITH_RESUME]
        if refused:
            raise ConfigError(
                f"{', '.join(refused)} cannot go with --resume: the recipe is the run's own "
                "(--steps, --samples, --save-every, --json, and --device and the like can)"
            )
    if resume is None:
        form = check_normalization(normalize) if normalize else None
        engine_name = common.engine_name(engine)
        engines.check(engine_name, dtype, placement)
        numbers: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "seed": seed}
        numbers |= {"beta1": beta1, "beta2": beta2, "eps": eps, "init_std": init_std}
        numbers |= {"val_fraction": val_fraction}
        shape = {"n_layer": n_layer, "n_embd": n_embd, "n_head": n_head}
        job = jobs.begin(
            *(data, form, numbers, lr, shape, block_size),
            *(output, engine_name, dtype, temperature, processes),
        )
    else:
        job = jobs.resume(
            *(resume, steps if "steps" in given else None, placement),
            source=source,
        )
        choose = SampleConfig(job.info.temperature)
    run, info, writer, tokenizer = job.run, job.info, job.writer, job.run.tokenizer
    needed = samples != 0 or run.num_documents > run.num_train
    done = loop.train_job(job, choose, save_every, placement, needed)
    writer.close()
    if not processes.first:
        raise typer.Exit(done.status)
    model, losses, status = done.model, done.losses, done.status

    held_out, drawn = None, []
    if model and not status:
        held_out = model_loss(model, run.held_out_ids(MAX_DOCUMENTS))
        n = common.how_many(run.model) if samples is None else samples
        drawn = [generate(model, tokenizer, job.rng, choose) for _ in range(n)]
    bins = common.bins_of(drawn, run, len(losses))
    if as_json:
        common.print_json(
            {
                "run": None if job.lost else str(writer.path),
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
                "finished": [s.finished for s in drawn],
                "train_seconds": done.seconds,
                "seconds": time.perf_counter() - started,
                "processes": processes.world,
                "throughput": done.throughput and done.throughput.to_dict(),
            }
        )
    elif not status:
        remarks = ["" if s.finished else "cut" for s in drawn]
        rows = zip(drawn, bins, remarks, strict=True)
        common.print_samples([(s.text, b, remark) for s, b, remark in rows])
        if drawn:
            shares = f": {common.bin_summary(bins)}" if run.documents else ""
            number = common.count(len(drawn), "sample")
            common.say(f"{number} at temperature {choose.temperature:g}{shares}")
        if "cut" in remarks:
            common.say(common.cut_note(run.model))
        if done.throughput:
            common.say(str(done.throughput))
        if held_out:
            common.say(f"held-out loss {held_out.nats:.4f} nats a {common.unit(tokenizer)}")
        if not job.lost:
            _next_steps(writer.path, drawn[0].text if drawn else "", job.again)
    if job.lost:
        sys.stdout.flush()  # the samples come before what went wrong
        raise RunError(job.lost)
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


def _next_steps(path: Path, text: str, again: str) -> None:
    begin = text[:2] if text[:2].isprintable() and " " not in text[:2] else ""
    place = shlex.quote(str(path))
    common.say(f"saved in {path}; go on with:")
    prompt = f" --prompt {shlex.quote(begin)}" if begin.strip() else ""
    common.say(f"  glassgpt sample {place}{prompt}")
    common.say(f"  glassgpt eval {place}" + (f" --corpus {again}".rstrip() if again else ""))
    if not again:
        common.say(f"  glassgpt explain {place} {shlex.quote(text)}".removesuffix(" ''"))
