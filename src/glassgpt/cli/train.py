"""`glassgpt train`."""

from __future__ import annotations

import shlex
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from glassgpt.cli import common
from glassgpt.cli.commands import data_names, one_of, option_names, run_names, whole

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
    from glassgpt.cli.beginning import begin, go_on, interrupted
    from glassgpt.cli.fitting import run_fit
    from glassgpt.cli.results import Results
    from glassgpt.datasets import names_corpus
    from glassgpt.errors import ConfigError, RunError
    from glassgpt.sampling import SampleConfig
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
        resume, source = interrupted(output), data if names_corpus(data) else None
    elif resume is not None:
        refused = [shown for name, shown in given.items() if name not in ALLOWED_WITH_RESUME]
        if refused:
            raise ConfigError(
                f"{', '.join(refused)} cannot go with --resume: the recipe is the run's own "
                "(--steps, --samples, --save-every, --json, and --device and the like can)"
            )
    if resume is None:
        numbers: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "seed": seed}
        numbers |= {"beta1": beta1, "beta2": beta2, "eps": eps, "init_std": init_std}
        numbers |= {"val_fraction": val_fraction, "learning_rate": learning_rate}
        numbers |= {"n_layer": n_layer, "n_embd": n_embd, "n_head": n_head}
        numbers |= {"block_size": block_size, "dtype": dtype, "temperature": temperature}
        fit = begin(data, normalize, output, engine, placement, numbers)
        source = data
    else:
        fit = go_on(resume, steps if "steps" in given else None, placement, source)
        choose = SampleConfig(fit.info.temperature)
    again = f"{shlex.quote(str(source))} " if fit.info.data_kind == "corpus" else ""
    needed = samples != 0 or fit.run.num_documents > fit.run.num_train
    done = run_fit(fit, choose, save_every, placement, again, needed)
    fit.writer.close()
    if not processes.first:
        raise typer.Exit(done.status)
    results = Results(fit, done, choose, samples)
    if as_json:
        results.print_json(time.perf_counter() - started, processes.world)
    elif not done.status:
        results.print(again)
    if fit.lost:
        sys.stdout.flush()  # the samples come before what went wrong
        raise RunError(fit.lost)
    if done.status:
        raise typer.Exit(done.status)


def _given(context: typer.Context) -> dict[str, str]:
    """What was written on the command line: each parameter, and how its user knows it."""
    shown = option_names(context)
    return {
        name: shown[name]
        for name in context.params
        if (source := context.get_parameter_source(name)) and source.name == "COMMANDLINE"
    }
