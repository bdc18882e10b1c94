"""`glassgpt eval`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from glassgpt.cli import common
from glassgpt.cli.commands import whole

if TYPE_CHECKING:
    from glassgpt.evaluation import Loss
    from glassgpt.runs.directory import SavedRun

EXAMPLES = common.examples(
    "glassgpt eval",
    "glassgpt eval runs/hindi --temperatures 0.3,0.7,1.2 --json",
    "glassgpt eval runs/books --corpus books",
)


def evaluate(
    run: common.RunArgument = None,
    documents: Annotated[
        int,
        typer.Option(parser=whole, help="Largest number of documents to measure each loss on."),
    ] = 1000,
    temperatures: Annotated[
        str, typer.Option(help="Temperatures to write samples at, with commas between them.")
    ] = "0.1,0.5,1",
    n: Annotated[int, typer.Option("-n", parser=whole, help="Samples per temperature.")] = 200,
    seed: common.SeedOption = 42,
    corpus: Annotated[
        str | None,
        typer.Option(help="Directory of the corpus, for a run on a corpus.", show_default=False),
    ] = None,
    engine: common.EngineOption = None,
    as_json: common.JsonOption = False,
) -> None:
    """Measure the loss on seen and unseen documents, beside n-grams, and how much is copied."""
    from glassgpt import evaluation
    from glassgpt.errors import ConfigError
    from glassgpt.fit import attach_corpus

    if documents < 1:
        raise ConfigError(f"documents is {documents}; it must be at least 1", "documents")
    if not 1 <= n <= 1_000_000:
        raise ConfigError(f"n is {n}; it must be from 1 to 1,000,000", "n")
    try:
        degrees = [float(t) for t in temperatures.split(",")]
    except ValueError:
        raise ConfigError(
            f"--temperatures is {temperatures!r}; it must be numbers with commas between them"
        ) from None
    saved = common.open_run(run)
    how = f"glassgpt eval {saved.path} --corpus CORPUS"
    if data := common.corpus_of(saved, corpus, how):
        attach_corpus(saved, data)
    model, tokenizer = common.engine_for(saved, engine), saved.run.tokenizer
    measured = evaluation.evaluate(saved.run, saved.state.step, model, documents)
    rows, split = measured.rows, measured.split
    sides = {"train": split.train[-documents:], "held_out": split.held_out}
    encoded = {k: v for k, v in sides.items() if v}
    known = evaluation.Known.of(saved.run, saved.state.step)
    counted = {
        t: evaluation.novelty_counts(model, known, t, n, seed)
        for t in degrees
        if known.in_file  # a run on a corpus does not store the texts to compare with
    }
    bits_a_byte = {k: _bits_a_byte(rows["this model"][k], v, saved) for k, v in encoded.items()}
    if as_json:
        common.print_json(
            {
                "run": str(saved.path),
                "steps": saved.state.step,
                "loss": {
                    name: {k: asdict(v) | {"bits": v.bits} for k, v in row.items()}
                    for name, row in rows.items()
                },
                "bits_a_byte": bits_a_byte,
                "novelty": [
                    {"temperature": t, "samples": n, "distinct": c.distinct, "cut": c.cut}
                    | {name: c.bins[name] for name in ("seen", "in file", "new", "empty")}
                    for t, c in counted.items()
                ],
            }
        )
        return

    from rich.table import Column, Table

    console = common.stdout()
    sizes = {k: next(iter(rows.values()))[k] for k in encoded}
    console.print(
        f"{saved.path}: step {saved.state.step}, "
        + ", ".join(f"{v.documents:,} {k.replace('_', '-')} documents" for k, v in sizes.items())
    )
    columns = [Column(k.replace("_", "-"), justify="right") for k in encoded]
    table = Table(f"nats a {common.unit(tokenizer)} (bits)", *columns, box=None)
    for name, row in rows.items():
        table.add_row(name, *(f"{v.nats:.4f} ({v.bits:.4f})" for v in row.values()))
    common.print_table(table)
    if tokenizer.alphabet is None:
        shown = ", ".join(f"{v:.4f} ({k.replace('_', '-')})" for k, v in bits_a_byte.items())
        console.print(f"this model needs {shown} bits for a byte of text")
    if "held_out" not in encoded:
        console.print(
            "training has read every document, so none is held out (see train --val-fraction)"
        )
    else:
        console.print("the n-grams are counted on the same documents that the model was trained on")
    if len(split.train) == evaluation.MAX_LEARNED:
        console.print(f"  (the last {evaluation.MAX_LEARNED:,} windows of it)")
    if not counted:
        return
    console.print()
    headings = ("temperature", "new", "in the file", "seen", "empty", "distinct", "cut")
    table = Table(*(Column(h, justify="right") for h in headings), box=None)
    for t, c in counted.items():
        shares = (f"{c.bins[name] / n:.0%}" for name in ("new", "in file", "seen", "empty"))
        table.add_row(f"{t:g}", *shares, f"{c.distinct} of {n}", f"{c.cut / n:.0%}")
    common.print_table(table)
    if any(c.cut for c in counted.values()):
        console.print(common.cut_note(saved.run.model))


def _bits_a_byte(loss: Loss, documents: Sequence[Sequence[int]], saved: SavedRun) -> float:
    """The whole surprise over the length of the text: what other tokenizers can be compared by.

    The end of a document counts as one more byte, as in a file of lines.
    """
    from glassgpt.text.byte_pairs import BytePairTokenizer

    tokenizer, block = saved.run.tokenizer, saved.run.model.block_size
    if isinstance(tokenizer, BytePairTokenizer):
        sizes = [len(piece) for piece in tokenizer.pieces]
    else:
        sizes = [len(char.encode()) for char in tokenizer.chars]
    sizes.append(1)  # BOS
    return loss.bits * loss.characters / sum(sizes[i] for d in documents for i in d[1 : block + 1])
