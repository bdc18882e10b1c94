"""`glassgpt train`."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassgpt.cli import common
from glassgpt.cli.progress import Display
from glassgpt.config import TrainConfig, check_normalization

if TYPE_CHECKING:
    from glassgpt.checkpoint import RunWriter
    from glassgpt.datasets import Dataset
    from glassgpt.engines.base import Engine
    from glassgpt.sampling import SampleConfig
    from glassgpt.training import Chunk, Run

SAVE_SECONDS = 5.0
"""A kill or a power cut loses at most this much work."""

EXAMPLES = common.examples(
    "glassgpt train hindi",
    "glassgpt train my-list.txt --steps 5000 -o runs/mine",
    "glassgpt train names --n-embd 64 --n-layer 2 --lr 0.003",
    "cat list | glassgpt train - --json",
)


def train(
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
    as_json: common.JsonOption = False,
) -> None:
    """Train a GPT from scratch on a list, one item a line, and let it invent 20 more."""
    started = time.perf_counter()
    from glassgpt import engines
    from glassgpt.checkpoint import RunInfo, RunWriter
    from glassgpt.errors import ConfigError
    from glassgpt.evaluation import MAX_DOCUMENTS, model_loss
    from glassgpt.sampling import SampleConfig, generate, novelty
    from glassgpt.tokenizer import Tokenizer
    from glassgpt.training import begin

    choose = SampleConfig(temperature)
    if samples < 0:
        raise ConfigError(f"samples is {samples}; it must be at least 0")
    form = check_normalization(normalize) if normalize else None
    engine_name = engine or engines.DEFAULT
    engines.check(engine_name, dtype)
    numbers: dict[str, Any] = {"steps": steps, "batch_size": batch_size, "seed": seed}
    numbers |= {"beta1": beta1, "beta2": beta2, "eps": eps, "init_std": init_std}
    numbers |= {"val_fraction": val_fraction}
    TrainConfig(**numbers, learning_rate=0.01 if lr is None else lr)  # before the data is read
    loaded = _load(data, form)
    rate = loaded.recipe.learning_rate if lr is None else lr
    training = TrainConfig(**numbers, learning_rate=rate)
    tokenizer = Tokenizer.from_documents(loaded.documents, loaded.normalize)
    context = loaded.recipe.block_size if block_size is None else block_size
    run, state, rng = begin(loaded.documents, training, tokenizer, n_layer, n_embd, n_head, context)
    _report(loaded, run)

    info = RunInfo(loaded.name, loaded.sha256, engine_name, dtype, temperature)
    writer = RunWriter(output or common.new_run_path(loaded.name), run, info)
    writer.save(state, [])
    model = engines.create(engine_name, run.model, state, training, dtype)
    train_started = time.perf_counter()
    losses, stopped = _steps(run, model, writer, choose)
    train_seconds = time.perf_counter() - train_started

    held_out = model_loss(model, [tokenizer.encode(d) for d in run.held_out[:MAX_DOCUMENTS]])
    seen, in_file = run.seen(len(losses)), set(run.documents)
    drawn = [generate(model, tokenizer, rng, choose) for _ in range(samples)]
    bins = [novelty(s.token_ids, seen, in_file, tokenizer) for s in drawn]
    if as_json:
        common.print_json(
            {
                "run": str(writer.path),
                "engine": engine_name,
                "dtype": dtype,
                "num_params": run.model.num_params,
                "vocab_size": run.model.vocab_size,
                "model": run.model.to_dict(),
                "training": training.to_dict(),
                "data": _data_json(loaded, run),
                "steps": len(losses),
                "stopped": stopped,
                "losses": losses,
                "held_out_loss": held_out.nats if held_out else None,
                "temperature": temperature,
                "samples": [s.text for s in drawn],
                "novelty": bins,
                "train_seconds": train_seconds,
                "seconds": time.perf_counter() - started,
            }
        )
    else:
        common.print_samples([(s.text, b, "") for s, b in zip(drawn, bins, strict=True)])
        if drawn:
            common.say(
                f"{samples} samples at temperature {temperature:g}: {common.bin_summary(bins)}"
            )
        if held_out:
            common.say(f"held-out loss {held_out.nats:.4f} nats a character")
        _next_steps(writer.path, drawn[0].text if drawn else "")
    if stopped:
        raise typer.Exit(130)


def _load(source: str, form: Any) -> Dataset:
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


def _steps(
    run: Run, model: Engine, writer: RunWriter, choose: SampleConfig
) -> tuple[list[float], bool]:
    """Train to the end or to Ctrl-C; save now and then; return the losses and whether stopped."""
    from glassgpt.errors import DivergedError
    from glassgpt.interrupts import Interrupts
    from glassgpt.sampling import generate
    from glassgpt.training import train

    losses: list[float] = []
    unsaved: list[Chunk] = []
    saved_at, saved_step = time.monotonic(), 0
    peek = random.Random(run.training.seed)  # a stream of its own: a look must not change the run

    def sample() -> str:
        return generate(model, run.tokenizer, peek, choose).text

    with Interrupts() as interrupts, Display(run.training.steps, sample) as display:
        try:
            for chunk in train(run, model, stop=interrupts.requested):
                losses += chunk.losses
                unsaved.append(chunk)
                display.update(chunk)
                if time.monotonic() - saved_at > SAVE_SECONDS:
                    writer.save(model.state(), unsaved)
                    saved_at, saved_step, unsaved = time.monotonic(), len(losses), []
        except DivergedError as error:
            kept = f"the last good checkpoint, of step {saved_step}, is in {writer.path}"
            raise DivergedError(f"{error}; {kept}") from None
    writer.save(model.state(), unsaved)
    stopped = len(losses) < run.training.steps
    if stopped:
        common.say(f"stopped: step {len(losses)} of {run.training.steps} is saved in {writer.path}")
    return losses, stopped


def _next_steps(path: Path, text: str) -> None:
    prompt = text[:2] if text[:2].isprintable() and " " not in text[:2] else ""
    common.say(f"saved in {path}; go on with:")
    if prompt:
        common.say(f"  glassgpt sample {path} --prompt {prompt}")
    common.say(f"  glassgpt eval {path}")
    common.say(f"  glassgpt explain {path} {text}")
