"""Samples: what the model wrote, and whether it stands in the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from glassgpt.pictures.frame import counted, escaped, frame, isolated

MAX_SHOWN = 200

BINS: dict[str | None, tuple[str, str, str]] = {
    "new": ("new", "--blue", '<circle cx="6" cy="6" r="6"'),
    "in file": ("in the file, not seen", "--yellow", '<path d="M6 0L12 12H0z"'),
    "seen": ("seen in training", "--red", '<path d="M0 0h12v12H0z"'),
    "empty": ("empty", "--hair", '<path d="M0 5h12v3H0z"'),
    None: ("not compared with the data", "--hair", '<path d="M6 0l6 6-6 6-6-6z"'),
}
"""What a bin is called, its colour and its shape; the keys are those of `Novelty`."""


def samples_html(
    texts: Sequence[str], bins: Sequence[str | None], log_probs: Sequence[float]
) -> str:
    """Samples with their bins, as HTML.

    Args:
        texts: what was written.
        bins: the `Novelty` of each; None where there is nothing to compare with.
        log_probs: of each, in nats, at temperature 1.
    """
    rows = list(zip(texts, bins, log_probs, strict=True))
    counts = Counter(bins)
    listed = [
        b for b in BINS if counts[b] or (b in ("new", "in file", "seen") and not counts[None])
    ]
    key = "".join(f"<span>{_mark(b)}<b>{counts[b]:,}</b> {BINS[b][0]}</span>" for b in listed)
    chips = "".join(
        f'<span class="gg-chip" role="listitem" style="--shade:var({BINS[b][1]})" '
        f'title="{BINS[b][0]}; log-probability {_signed(log_prob)} nats">{_mark(b)}'
        f"{isolated(text) if text else '<i>empty</i>'}</span>"
        for text, b, log_prob in rows[:MAX_SHOWN]
    )
    table = "".join(
        f"<tr><td>{isolated(text) if text else '<i>empty</i>'}</td><td>{BINS[b][0]}</td>"
        f'<td class="gg-number">{_signed(log_prob)}</td></tr>'
        for text, b, log_prob in rows[:MAX_SHOWN]
    )
    left_out = len(rows) - MAX_SHOWN
    return frame(
        counted(len(rows), "sample"),
        f'<div class="gg-key">{key}</div>',
        f'<div class="gg-chips" role="list">{chips}</div>' if rows else "",
        f'<p class="gg-note">{left_out:,} more are not shown.</p>' if left_out > 0 else "",
        "<details><summary>Log-probabilities as a table</summary><table><thead><tr>"
        '<th scope="col">sample</th><th scope="col">bin</th>'
        '<th scope="col" class="gg-number">log p (nats)</th>'
        f"</tr></thead><tbody>{table}</tbody></table></details>"
        if rows
        else "",
    )


def _mark(b: str | None) -> str:
    """A circle, a triangle, a square: told apart without their colours."""
    words, colour, shape = BINS[b]
    return (
        f'<svg class="gg-mark" viewBox="0 0 12 12" role="img" aria-label="{escaped(words)}">'
        f'{shape} fill="var({colour})"/></svg>'
    )


def _signed(log_prob: float) -> str:
    return f"{log_prob:.2f}".replace("-", "−")
