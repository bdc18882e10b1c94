"""`glassgpt explain`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassgpt.cli import common
from glassgpt.cli.commands import run_names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from glassgpt.runs.directory import SavedRun
    from glassgpt.trace import Trace

EXAMPLES = common.examples(
    "glassgpt explain emma",
    "glassgpt explain अंशु --run runs/hindi --json",
    "glassgpt explain --run runs/mine -- -dash",
)
LEVELS = "▁▂▃▄▅▆▇█"


def explain(
    context: typer.Context,
    text: Annotated[
        str,
        typer.Argument(
            metavar="WORD", help="The text to explain; after -- if it begins with a dash."
        ),
    ],
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="A run directory, or its name in runs/.",
            show_default="the latest run that made a step",
            autocompletion=run_names,
        ),
    ] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Show how a model reads a text: tokens, embeddings, attention, probabilities and losses."""
    from glassgpt.errors import DataError
    from glassgpt.trace import trace

    if context.args:  # explain RUN WORD, as the arguments once were
        if run is not None or len(context.args) > 1 or not _is_run(text):
            words = " ".join((text, *context.args))
            raise DataError(f"explain takes one text; quote it: {_command(words, run)}")
        text, run = context.args[0], Path(text)
    elif run is None and "/" in text and _is_run(text):
        raise DataError(f"{text} is a run; give a word, too: {_command('WORD', Path(text))}")
    saved = common.open_run(run)
    if not text.strip():
        raise DataError("there is no text to explain; give a word of at least one character")
    ids = saved.run.tokenizer.encode(text)
    result = trace(saved.run.model, saved.state, ids)
    if as_json:
        common.print_json(
            {
                "run": str(saved.path),
                "text": text,
                "tokens": [saved.run.tokenizer.token(i) for i in ids],
                "token_ids": ids,
                "loss": result.loss,
                "values": {k: v.tolist() for k, v in result.values.items()},
                "grads": {k: v.tolist() for k, v in result.grads.items()},
            }
        )
    else:
        _print(saved, text, ids, result)


def _is_run(text: str) -> bool:
    """Whether this is the path or the name of a run."""
    return any((place / text / "config.json").is_file() for place in (Path(), common.RUNS))


def _command(text: str, run: Path | None) -> str:
    place = f"--run {shlex.quote(str(run))} " if run else ""
    dash = "-- " if text.startswith("-") else ""
    return f"glassgpt explain {place}{dash}{shlex.quote(text)}"


def bars(values: NDArray[np.float64], largest: float) -> str:
    """One character a number: ▁ is -largest, █ is +largest, zero is in the middle."""
    last = len(LEVELS) - 1
    scaled = (values / (2 * largest) + 0.5) * last if largest else 0 * values + last / 2
    return "".join(LEVELS[min(last, max(0, round(float(x))))] for x in scaled)


def _print(saved: SavedRun, text: str, ids: list[int], result: Trace) -> None:
    from rich.cells import cell_len
    from rich.text import Text

    console, tokenizer, values = common.stdout(), saved.run.tokenizer, result.values
    n = len(values["loss"])
    read = [tokenizer.token(i) for i in ids[:n]]

    def pad(token: str, width: int = 4) -> str:
        return " " * (width - cell_len(token)) + token

    def heading(title: str, remark: str) -> None:
        console.print()
        console.print(Text(title, "bold").append(f"  {remark}", "dim not bold"))

    console.print(Text(text, "bold").append(f"  read by {saved.path}, step {saved.state.step}"))
    if n < len(ids) - 1:
        console.print(f"only the first {n} of {len(ids) - 1} predictions fit in block_size")
    heading("tokens", "each character and its id; BOS marks both ends")
    console.print("  ".join(f"{tokenizer.token(i)} {i}" for i in ids))

    for name, title in (("emb_norm", "embeddings"), ("logits", "logits")):
        largest = float(abs(values[name]).max())
        if name == "logits":
            remark = f"a score for each next token, from ▁ {-largest:.2f} to █ {largest:.2f}"
        else:
            remark = f"wte[token] + wpe[position], normed, from ▁ {-largest:.2f} to █ {largest:.2f}"
        heading(title, remark)
        for t, token in enumerate(read):
            console.print(f"{t:3d} {pad(token)}  {bars(values[name][t], largest)}")
        if name == "logits":
            continue
        for layer in range(saved.run.model.n_layer):
            weights = values[f"layer{layer}.attn_weights"]
            for head in range(saved.run.model.n_head):
                heading(f"attention, layer {layer}, head {head}", "percent each position takes")
                console.print(" " * 10 + "".join(pad(token) for token in read))
                for t, token in enumerate(read):
                    row = "".join(f"{100 * w:4.0f}" for w in weights[head, t, : t + 1])
                    console.print(f"{t:3d} {pad(token)}  {row}")

    heading("predictions", "the five likeliest, then the one that comes: p and -log p")
    for t, token in enumerate(read):
        probs, target = values["probs"][t], ids[t + 1]
        line = Text(f"{t:3d} {pad(token)} -> ")
        for i in (-probs).argsort(kind="stable")[:5]:
            style = "bold reverse" if i == target else ""
            line.append(f"{pad(tokenizer.token(int(i)))} {probs[i]:5.1%}", style).append(" ")
        line.append(f" {pad(tokenizer.token(target))} {probs[target]:5.1%}  loss ")
        line.append(f"{values['loss'][t, 0]:.3f}", "bold")
        console.print(line)
    console.print(f"mean loss {result.loss:.4f} nats")
