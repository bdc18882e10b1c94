"""`glassgpt export`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassgpt.cli import common
from glassgpt.errors import ConfigError, RunError

if TYPE_CHECKING:
    from glassgpt.engines.base import Params
    from glassgpt.runs.directory import SavedRun

EXAMPLES = common.examples(
    "glassgpt export runs/hindi --to json -o hindi.json",
    "glassgpt export runs/english --to site -o public",
    "glassgpt export runs/english --trace 0,10,100,1000 -o trace.json",
)


def export(
    run: common.RunArgument = None,
    to: Annotated[
        str,
        typer.Option(
            help="Format: json (for the explorer), safetensors, or site (the explorer itself)."
        ),
    ] = "json",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write; - for standard output (json)."),
    ] = None,
    documents: Annotated[
        bool,
        typer.Option("--with-documents", help="Include the documents and all losses in the JSON."),
    ] = False,
    trace: Annotated[
        str | None,
        typer.Option(
            help="Write the history of the training instead, with the weights at these steps."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite what is there already.")
    ] = False,
) -> None:
    """Write a trained model, or the history of its training, as one self-contained file."""
    from glassgpt.runs import directory as checkpoint
    from glassgpt.runs import export as modelfile

    if to not in ("json", "safetensors", "site"):
        raise ConfigError(f"--to is {to!r}; it must be json, safetensors or site")
    if trace is not None and to != "json":
        raise ConfigError("a --trace is JSON; leave out --to")
    default = {"json": "model.json", "safetensors": "model.safetensors", "site": "site"}[to]
    path = output or Path("trace.json" if trace is not None else default)
    if str(path) == "-" and to != "json":
        raise ConfigError(f"--to {to} cannot go to standard output; give -o a name")
    if to != "site" and str(path) != "-" and not force:
        _refuse_taken(path)
    saved = common.open_run(run)
    texts = "--with-documents" if documents else "--trace" if trace is not None else "--to site"
    if saved.info.data_kind == "corpus" and (documents or trace is not None or to == "site"):
        raise ConfigError(f"{texts} needs the documents; {saved.path} was trained on a corpus")
    if to == "site":
        _site(saved, path, force)
        return
    if trace is not None:
        snapshots = _snapshots(saved, trace)
        content = modelfile.trace_json(saved, snapshots).encode()
    elif to == "json":
        content = modelfile.model_json(saved, documents).encode()
    else:
        _write(path, checkpoint.to_safetensors(saved.run.model, saved.state, saved.info.dtype))
        return
    if str(path) == "-":
        print(content.decode(), end="")
        return
    _write(path, content)


def _refuse_taken(path: Path) -> None:
    from glassgpt.files.atomic import is_stream

    if path.exists() and not path.is_dir() and not is_stream(path):
        raise RunError(f"{path} exists already; choose another name, or overwrite it with --force")


def _write(path: Path, content: bytes | Iterable[bytes | memoryview]) -> None:
    from glassgpt.files.atomic import write_atomically

    try:
        size = write_atomically(path, content)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from None
    common.say(f"wrote {path} ({size:,} bytes)")


def _site(saved: SavedRun, target: Path, force: bool) -> None:
    from glassgpt.server import site_export

    files = site_export.export(saved, target, force)
    size = sum(path.stat().st_size for path in files)
    common.say(f"wrote {target} ({len(files)} files, {size:,} bytes): a site for any static host")


def _snapshots(saved: SavedRun, steps: str) -> dict[int, Params]:
    """Train again from the start, keeping the weights after the steps asked for."""
    from glassgpt import engines
    from glassgpt.training import replay

    try:
        wanted = sorted({int(step) for step in steps.split(",")})
    except ValueError:
        raise ConfigError(f"--trace is {steps!r}; it must be steps with commas between") from None
    if not 0 <= wanted[0] <= wanted[-1] <= saved.state.step:
        raise ConfigError(f"--trace is {steps!r}; the run has the steps 0 to {saved.state.step}")
    run, (state, _) = saved.run, replay(saved.run)
    model = engines.create(saved.info.engine, run.model, state, run.training, saved.info.dtype)
    snapshots, done = {}, 0
    for step in wanted:
        batches = [[run.tokenizer.encode(d) for d in run.batch(s)] for s in range(done, step)]
        losses = model.train(batches, saved.learning_rates[done:step])
        if losses != saved.losses[done:step]:
            raise RunError(
                f"training again from step {done} to {step} gave other numbers than losses.f64: "
                "was the run made on another machine or with another version?"
            )
        snapshots[step], done = model.state().params, step
    return snapshots
