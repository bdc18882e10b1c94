"""What the commands share: consoles, opening a run, printing samples."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassgpt.cli.commands import engine_names, run_names, whole
from glassgpt.errors import DivergedError, RunError
from glassgpt.scale.torch.processes import current

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from glassgpt.config import ModelConfig
    from glassgpt.datasets.documents import Data
    from glassgpt.engines.base import Engine
    from glassgpt.evaluation import Novelty
    from glassgpt.runs.directory import SavedRun
    from glassgpt.sampling import Sample
    from glassgpt.text import Tokenizer
    from glassgpt.training import Run

RUNS = Path("runs")

RunArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN",
        help="A run directory, or its name in runs/.",
        show_default="the latest run that made a step",
        autocompletion=run_names,
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="Engine to compute with: scalar, numpy, native or torch.",
        show_default="native; numpy where the kernel is not compiled",
        autocompletion=engine_names,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def _seed(value: int) -> int:
    """Of every command alike; Python's own `random.Random(-1)` would be `random.Random(1)`."""
    from glassgpt.config import check_seed

    check_seed(value)
    return value


SeedOption = Annotated[
    int, typer.Option("--seed", parser=whole, callback=_seed, help="Random seed.")
]


def examples(*commands: str) -> str:
    """The end of a help text; an empty line keeps what follows on a line of its own."""
    return "\n\n".join(("Examples:", *(f"  {command}" for command in commands)))


def count(number: int, what: str) -> str:
    """`1 duplicate`, `2,539 duplicates`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def stdout() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, soft_wrap=True)


def print_table(table: Table) -> None:
    """Print a table; in a narrow terminal cells wrap between words, and nothing is cut."""
    from rich.cells import cell_len

    for column in table.columns:
        words = [word for cell in (column.header, *column.cells) for word in str(cell).split()]
        column.min_width = max((cell_len(word) for word in words), default=0)
        column.overflow = "fold"
    stdout().print(table)


def say(message: str) -> None:
    """A line for the person, on standard error, so that standard output stays the result.

    Of several processes only the first speaks.
    """
    if not current().first:
        return
    with contextlib.suppress(OSError):  # the person has gone, terminal and all; the work goes on
        print(message, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    try:
        print(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except ValueError:
        raise DivergedError("not all results are finite numbers; JSON cannot hold them") from None


def latest_run() -> Path:
    """The run directory in runs/ whose model was saved last; one that made no step does not count.

    A model that cannot be read does count: whoever opens it learns what is wrong with it.
    """
    from glassgpt.runs.state import read_step

    try:
        found = [directory / "model.safetensors" for directory in RUNS.iterdir()]
        models = [(path.stat().st_mtime, path) for path in found if path.is_file()]
    except FileNotFoundError:
        models = []
    except OSError as error:
        raise RunError(f"cannot read {error.filename}: {error.strerror}") from None
    for _, model in sorted(models, reverse=True):
        if read_step(model) != 0:
            return model.parent
    if models:
        raise RunError(
            f"no run in {RUNS}/ has made a step yet; name one of them, or make another with: "
            "glassgpt train"
        )
    raise RunError(f"there is no run in {RUNS}/ yet; make one with: glassgpt train")


def run_path(given: Path) -> Path:
    """A run as it was named: by its directory, or by the name that its directory has in runs/.

    A path that exists is always meant as one.
    """
    named = RUNS / given
    alone = len(given.parts) == 1 and given.name not in ("", "..")
    return named if alone and not given.exists() and named.is_dir() else given


def new_run_path(data_name: str) -> Path:
    """A new directory: runs/english, or the first of runs/english-2, runs/english-3… there is not.

    Made at once, so that of two commands that start together each has its own.
    """
    base = "stdin" if data_name == "standard input" else Path(data_name).stem
    path, number = RUNS / base, 1
    while True:
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            number += 1
            path = RUNS / f"{base}-{number}"
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror}") from None


def open_run(given: Path | None) -> SavedRun:
    """The run of this name; without one the latest, and a line that says which that is."""
    from glassgpt.runs.directory import load

    if given is not None:
        return load(run_path(given))
    saved = load(latest_run())
    say(f"{saved.path}, step {saved.state.step:,}: the latest run")
    return saved


def corpus_of(saved: SavedRun, source: str | None, how: str) -> Data | None:
    """The corpus of a run on one; None of a run on a list, which stores its documents.

    Args:
        source: the directory of the corpus.
        how: the command that names it.

    Raises ConfigError, RunError.
    """
    from glassgpt.datasets import open_corpus
    from glassgpt.errors import ConfigError

    if saved.info.data_kind == "list":
        if source is not None:
            raise ConfigError(f"{saved.path} has its documents with it; it needs no {source}")
        return None
    if source is None:
        raise ConfigError(
            f"{saved.path} was trained on the corpus {saved.info.data_name!r}, which is not in it; "
            f"say where that is: {how}"
        )
    return open_corpus(source)


def engine_name(given: str | None) -> str:
    """The engine asked for, or the default one; a line if that is not the fastest."""
    from glassgpt import engines

    if given:
        return given
    if notice := engines.notice():
        say(notice)
    return engines.DEFAULT


def engine_for(saved: SavedRun, name: str | None = None) -> Engine:
    """The engine of this name, or the default one, with the weights of the run."""
    from glassgpt import engines

    return engines.create(engine_name(name), saved.run.model, saved.state, saved.run.training)


BIN_STYLES = {"seen": "red", "in file": "yellow", "new": "green", "empty": "dim"}
BIN_LABELS = {
    "seen": "seen in training",
    "in file": "in the file, not seen",
    "new": "new",
    "empty": "empty",
}
EMPTY = "(empty)"
"""How a text without a character is shown."""


def cut_note(model: ModelConfig) -> str:
    """What `cut` beside a sample means."""
    return (
        f"cut: the context of {model.block_size} tokens was full before the text ended; "
        "it is compared with the beginnings of documents"
    )


def print_samples(rows: Sequence[tuple[str, Novelty | None, str]]) -> None:
    """Rows of (text, novelty, remark), numbered; the numbers and words carry the meaning, too."""
    from rich.cells import cell_len
    from rich.text import Text

    console = stdout()
    rows = [(text or EMPTY, novelty, remark) for text, novelty, remark in rows]
    if any("\n" in text for text, _, _ in rows):
        for number, (text, _, remark) in enumerate(rows, 1):
            console.print(Text(f"{number:3d}  {remark}".rstrip(), "bold"))
            console.print(text, end="\n\n")
        return
    width = max((cell_len(text) for text, _, _ in rows), default=0)
    for number, (text, novelty, remark) in enumerate(rows, 1):
        line = Text(f"{number:3d}  {text}{' ' * (width - cell_len(text))}  ")
        if novelty is not None:
            line.append(BIN_LABELS[novelty], BIN_STYLES[novelty])
        if remark:
            line.append(f"{'  ' if novelty else ''}{remark}", "dim")
        line.rstrip()
        console.print(line)


def how_many(model: ModelConfig) -> int:
    """Samples to draw where nobody says: 20, and of longer texts so many that it does not take
    minutes."""
    return max(1, min(20, 640 // model.block_size))


def bins_of(samples: Sequence[Sample], run: Run, steps: int) -> list[Novelty | None]:
    """The bin of each sample: see `evaluation.Known`."""
    from glassgpt.evaluation import Known

    known = Known.of(run, steps)
    return [known.novelty(s) for s in samples]


def unit(tokenizer: Tokenizer) -> str:
    """What a loss is measured by."""
    return "token" if tokenizer.alphabet is None else "character"


def bin_summary(bins: Sequence[Novelty | None]) -> str:
    """`9 new; 11 in the file, not seen; 0 seen in training`; empty ones only if there are any."""
    names = ("new", "in file", "seen", *(["empty"] if "empty" in bins else []))
    return "; ".join(f"{bins.count(name)} {BIN_LABELS[name]}" for name in names)
