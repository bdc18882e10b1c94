"""A trace: what each head looks at, and what the model expected where each token came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from glassgpt.pictures.frame import counted, escaped, frame, isolated, number

Array = NDArray[np.float64]

MAX_POSITIONS = 24
MAX_HEADS = 12
TOP = 5
"""Tokens that have a bar."""


def trace_html(
    token_ids: Sequence[int], labels: Sequence[str], values: Mapping[str, Array], loss: float
) -> str:
    """What a model computed for one document of T predictions, as HTML.

    Args:
        token_ids: of the document, BOS at both ends; T + 1 of them count.
        labels: the vocabulary as people read it, a label a token id.
        values: of a `Trace`: `layer{i}.attn_weights` (n_head, T, T), `probs` (T, vocab_size) and
            `loss` (T, 1) are drawn.
        loss: the mean of `loss`, in nats.
    """
    predictions = len(values["probs"])
    read = [labels[i] for i in token_ids[: min(predictions, MAX_POSITIONS)]]
    heads = list(_heads(values))
    grids = "".join(_grid(*head, read) for head in heads[:MAX_HEADS])
    largest = max(float(row.max()) for row in values["probs"][: len(read)])
    cards = "".join(
        _card(t, read, labels, values["probs"][t], token_ids[t + 1], values["loss"][t, 0], largest)
        for t in range(len(read))
    )
    left_out = [
        f"{there - shown:,} of {counted(there, noun)}"
        for there, shown, noun in (
            (predictions, len(read), "position"),
            (len(heads), min(len(heads), MAX_HEADS), "head"),
        )
        if there > shown
    ]
    missing = f"Left out, to keep this small: {' and '.join(left_out)}." if left_out else ""
    return frame(
        f"Trace of {counted(predictions, 'prediction')}, loss {loss:.4f} nats",
        f'<p class="gg-note"><b>{missing}</b></p>' if missing else "",
        '<p class="gg-part">What each head looks at</p>',
        f'<div class="gg-row">{grids}</div>',
        f'<div class="gg-key gg-note"><span>share of attention: 0 {_scale()} 1</span></div>'
        '<p class="gg-note">A row belongs to the token at its left, and shows how its attention is '
        "shared among the tokens so far: each row sums to 1. Tokens to come cannot be seen.</p>",
        '<p class="gg-part">What the model expected next</p>',
        f'<div class="gg-cards">{cards}</div>',
        f'<p class="gg-note">The {TOP} most likely tokens at each position; the longest bar is '
        f"{largest:.3f}. The token that came is bold and red. The loss is the mean of −log p.</p>",
    )


def _heads(values: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    layer = 0
    while (weights := values.get(f"layer{layer}.attn_weights")) is not None:
        yield from ((f"layer {layer}, head {h}", grid) for h, grid in enumerate(weights))
        layer += 1


def _grid(name: str, weights: Array, read: Sequence[str]) -> str:
    """One head: a row a token that looks, a column a token that is looked at."""
    n = len(read)
    cell = 18 if n <= 12 else 14
    short = [label if len(label) <= 4 else f"{label[:3]}…" for label in read]
    margin = 8 + round(7.5 * max(map(len, short)))
    size = margin + cell * n + 2
    middle = [margin + cell * (i + 0.5) for i in range(n)]
    rows = "".join(
        f'<text x="{margin - 6}" y="{number(y, 1)}" dy="4" text-anchor="end">'
        f"{escaped(label)}</text>"
        for label, y in zip(short, middle, strict=True)
    )
    columns = "".join(
        f'<text x="{number(x, 1)}" y="{margin - 6}" text-anchor="middle">{escaped(label)}</text>'
        if len(label) <= 2
        else f'<text transform="translate({number(x + 4, 1)} {margin - 6}) rotate(-90)">'
        f"{escaped(label)}</text>"
        for label, x in zip(short, middle, strict=True)
    )
    stairs = "".join(f"h1V{i + 1}H0V{i}" if not i else f"M0 {i}h{i + 1}v1H0z" for i in range(n))
    cells = "".join(_row(t, weights[t], read) for t in range(n))
    looks = "; ".join(
        f"{read[t]} mostly at {read[k]}, {weights[t, k]:.2f}"
        for t, k in enumerate(weights[:n].argmax(axis=1))
    )
    return (
        f'<figure class="gg-head"><figcaption>{name}</figcaption>'
        f'<svg width="{size}" height="{size}" viewBox="0 0 {size} {size}" role="img" '
        f'aria-label="Attention of {name}: {escaped(looks)}">{rows}{columns}'
        f'<g transform="translate({margin} {margin}) scale({cell})">'
        f'<path class="gg-causal" d="M0 0{stairs}"/><g class="gg-shares">{cells}</g></g>'
        "</svg></figure>"
    )


def _row(t: int, weights: Array, read: Sequence[str]) -> str:
    said = ", ".join(f"{read[k]} {weights[k]:.2f}" for k in range(t + 1))
    cells = "".join(
        f'<path d="M{k} {t}h1v1h-1z" opacity="{number(weights[k])}"/>'
        for k in range(t + 1)
        if weights[k] >= 0.005
    )
    return f"<g><title>{escaped(f'{read[t]} looks at {said}')}</title>{cells}</g>"


def _scale() -> str:
    cells = "".join(f'<path d="M{i} 0h1v1h-1z" opacity="{i / 4:g}"/>' for i in range(5))
    return (
        '<svg class="gg-scale" viewBox="0 0 5 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="gg-causal" d="M0 0h5v1H0z"/><g class="gg-shares">{cells}</g></svg>'
    )


def _card(
    t: int,
    read: Sequence[str],
    labels: Sequence[str],
    probs: Array,
    came: int,
    cost: float,
    largest: float,
) -> str:
    """One position: what was read, the likeliest tokens, and the one that came."""
    order = np.argsort(-probs, kind="stable")
    place = int(np.flatnonzero(order == came)[0])
    shown = [*order[:TOP], *([came] if place >= TOP else [])]
    bars = "".join(
        f'<div class="gg-bar{" gg-came" if i == came else ""}">{isolated(labels[i])}'
        f'<span class="gg-track"><span style="width:{number(100 * probs[i] / largest)}%"></span>'
        f"</span><span>{_prob(probs[i])}</span></div>"
        for i in shown
    )
    before = " ".join(isolated(label) for label in read[max(0, t - 6) : t])
    return (
        f'<div class="gg-card"><p class="gg-read">{"… " if t > 6 else ""}{before} '
        f"<b>{isolated(read[t])}</b></p>{bars}"
        f'<p class="gg-cost"><b>{isolated(labels[came])}</b> came'
        f"{f', rank {place + 1} of {len(labels):,}' if place >= TOP else ''}: "
        f'<span class="gg-number">−log p = {cost:.3f}</span></p></div>'
    )


def _prob(p: float) -> str:
    return f"{p:.3f}" if p >= 0.0005 else "&lt;0.001"
