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
from glassgpt.cli.commands import data_names, one_of, option_names, run_names, whole
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
"""Heading of the options that change the speed and not the result."""


def train(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A data set (see glassgpt datasets), a text file with one item per line, "
            "- for standard input, or a prepared corpus.",
            autocompletion=data_names,
        ),
    ] = "english",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Run directory to create.",
            show_default="runs/ and the data's name",
        ),
    ] = None,
    engine: common.EngineOption = None,
    dtype: Annotated[
        str,
        typer.Option(
            help="Floating-point format: float64, float32 (not with scalar), "
            "or bfloat16 (torch only).",
            autocompletion=one_of("float64", "float32", "bfloat16"),
        ),
    ] = "float64",
    steps: Annotated[
        int,
        typer.Option(parser=whole, help="Training steps; the learning rate falls linearly to 0."),
    ] = 1000,
    n_layer: Annotated[int, typer.Option(parser=whole, help="Number of layers.")] = 1,
    n_embd: Annotated[
        int, typer.Option(parser=whole, help="Embedding size: the width of the residual stream.")
    ] = 16,
    n_head: Annotated[
        int, typer.Option(parser=whole, help="Attention heads; must divide --n-embd.")
    ] = 4,
    block_size: Annotated[
        int | None,
        typer.Option(
            parser=whole,
            help="Context length in tokens.",
            show_default="16, 32 or 128, depending on the data",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--lr",
            help="Learning rate of the first step.",
            show_default="0.01 or 0.003, depending on the data",
        ),
    ] = None,
    beta1: Annotated[float, typer.Option(help="Adam: decay rate of the mean gradient.")] = 0.85,
    beta2: Annotated[
        float, typer.Option(help="Adam: decay rate of the mean squared gradient.")
    ] = 0.99,
    eps: Annotated[
        float, typer.Option(help="Adam: small number that prevents a division by zero.")
    ] = 1e-8,
    init_std: Annotated[
        float, typer.Option(help="Standard deviation of the initial weights.")
    ] = 0.08,
    batch_size: Annotated[int, typer.Option(parser=whole, help="Documents per step.")] = 1,
    val_fraction: Annotated[
        float, typer.Option(help="Fraction of the documents held out for validation.")
    ] = 0.0,
    normalize: Annotated[
        str | None,
        typer.Option(
            help="Unicode normal form: nfc, nfd or none.",
            show_default="depends on the data",
            autocompletion=one_of("nfc", "nfd", "none"),
        ),
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(help="Sampling temperature; 0 always picks the most likely token."),
    ] = 0.5,
    samples: Annotated[
        int | None,
        typer.Option(
            parser=whole,
            help="Number of texts to write at the end.",
            show_default="20; fewer if the context is longer than 32",
        ),
    ] = None,
    seed: common.SeedOption = 42,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            help="Continue a stopped run; with --steps, train it up to that step.",
            autocompletion=run_names,
        ),
    ] = None,
    save_every: Annotated[
        float,
        typer.Option(
            help="Seconds between checkpoints; for large models longer, so that saving takes at "
            "most 2% of the time."
        ),
    ] = 5.0,
    device: Annotated[
        str,
        typer.Option(
            help="Device: auto, cpu, cuda or mps.",
            rich_help_panel=MACHINE,
            autocompletion=one_of("auto", "cpu", "cuda", "mps"),
        ),
    ] = "auto",
    micro_batch: Annotated[
        int | None,
        typer.Option(
            parser=whole,
            help="Documents computed at once per process; their gradients are accumulated.",
            show_default="all of a process's documents",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    parallel: Annotated[
        str,
        typer.Option(
            help="With torchrun: ddp gives each process the whole model, fsdp a part of it; auto "
            "decides by the size of the model.",
            rich_help_panel=MACHINE,
            autocompletion=one_of("auto", "ddp", "fsdp"),
        ),
    ] = "auto",
    compile_: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            help="Use torch.compile: about a minute at the start, then faster steps.",
            show_default="on a GPU, for a million parameters or more",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Train a GPT from scratch on a list, one item per line, then print texts that it writes."""
    started = time.perf_counter()
    from glassgpt import engines
    from glassgpt.errors import ConfigError, RunError
    from glassgpt.evaluation import MAX_DOCUMENTS, model_loss
    from glassgpt.sampling import SampleConfig, generate
    from glassgpt.scale.torch.placement import Placement
    from glassgpt.scale.torch.processes import current

    choose, processes = SampleConfig(temperature), current()
    if samples is not None and not 0 <= samples <= 1_000_000:
        raise ConfigError(f"samples is {samples}; it must be from 0 to 1,000,000", "samples")
    if not 0 <= save_every < threading.TIMEOUT_MAX:
        raise ConfigError(
            f"save_every is {save_every:g}; it must be a number of seconds", "save_every"
        )
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
        engines.check(engine_name, dtype, **placement.options)
        numbers: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "seed": seed}
        numbers |= {"beta1": beta1, "beta2": beta2, "eps": eps, "init_std": init_std}
        numbers |= {"val_fraction": val_fraction}
        shape = {"n_layer": n_layer, "n_embd": n_embd, "n_head": n_head}
        job = jobs.begin(
            *(data, form, numbers, learning_rate, shape, block_size),
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
    shown = option_names(context)
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
        word = f"-- {shlex.quote(text)}" if text.startswith("-") else shlex.quote(text or "WORD")
        common.say(f"  glassgpt explain --run {place} {word}")
