"""`glassgpt explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from glassgpt.cli import common

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from glassgpt.checkpoint import SavedRun
    from glassgpt.trace import Trace

EXAMPLES = common.examples(
    "glassgpt explain runs/english emma",
    "glassgpt explain runs/hindi अंशु --json",
)
LEVELS = "▁▂▃▄▅▆▇█"


def explain(
    run: Annotated[str, typer.Argument(help="A run directory; with one word only: the word.")],
    word: Annotated[str | None, typer.Argument(help="The text to read.")] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Read one word aloud: tokens, embeddings, attention, probabilities, loss at each position."""
    from pathlib import Path

    from glassgpt.errors import DataError
    from glassgpt.trace import trace

    saved = common.open_run(Path(run) if word is not None else None)
    text = run if word is None else word
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
