"""A model: its sizes, and how its loss fell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.pictures.frame import counted, frame, isolated, number

WINDOW = 100
"""Steps that the smooth line is the mean of."""
MAX_POINTS = 300
WIDTH, HEIGHT = 400, 232
LEFT, RIGHT, TOP, BOTTOM = 38, 24, 14, 38
"""Around the plot, for the labels."""


def model_html(
    name: str,
    model: ModelConfig,
    training: TrainConfig,
    step: int,
    num_documents: int,
    losses: Sequence[float],
) -> str:
    """The sizes of a model and its loss curve, as HTML.

    Args:
        name: of the data that it is trained on.
        step: updates made so far.
        num_documents: what there is to train on.
        losses: in nats, one a step from the first; may be empty.
    """
    sizes = {
        "parameters": f"{model.num_params:,}",
        _noun(model.n_layer, "layer"): f"{model.n_layer:,}",
        "width": f"{model.n_embd:,}",
        _noun(model.n_head, "head"): f"{model.n_head:,}",
        "context": f"{model.block_size:,}",
        "vocabulary": f"{model.vocab_size:,}",
        _noun(num_documents, "document"): f"{num_documents:,}",
        "steps made" if step >= training.steps else f"of {training.steps:,} steps": f"{step:,}",
    }
    facts = "".join(
        f'<div class="gg-fact"><b>{value}</b> <span>{label}</span></div>'
        for label, value in sizes.items()
    )
    curve = _curve(losses, training.steps, model.vocab_size) if len(losses) else ""
    nothing = "" if len(losses) else '<p class="gg-note">No losses are recorded.</p>'
    body = f'<div class="gg-row"><div class="gg-facts">{facts}</div>{curve}</div>'
    return frame(f"GlassGPT, trained on {isolated(name)}", body, nothing)


def _curve(losses: Sequence[float], steps: int, vocab_size: int) -> str:
    n, uniform = len(losses), math.log(vocab_size)
    stride = math.ceil(n / MAX_POINTS)
    shown = range((n - 1) % stride, n, stride)  # the last one always
    singles = [losses[i] for i in shown]
    means = [fmean(losses[max(0, i + 1 - WINDOW) : i + 1]) for i in shown]
    last_step, highest = max(n, steps), 1.06 * max(uniform, *singles, *means)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last_step

    def y(loss: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * loss / highest

    def points(values: Sequence[float]) -> list[str]:
        return [f"{_px(x(i + 1))} {_px(y(v))}" for i, v in zip(shown, values, strict=True)]

    grid = "".join(
        f'<path class="gg-grid" d="M{LEFT} {_px(y(nats))}H{_px(x(last_step))}"/>'
        + _text(LEFT - 5, y(nats), f"{nats:g}", 'text-anchor="end" dy="4"')
        for nats in _ticks(highest)
    )
    marks = "".join(
        f'<path class="gg-axis" d="M{_px(x(step))} {_px(y(0))}v4"/>'
        + _text(x(step), y(0) + 16, _short(step), 'text-anchor="middle"')
        for step in _ticks(last_step)
        if step == int(step)
    )
    end_x, end_y = x(n), y(means[-1]) + (20 if means[-1] < uniform else -10)
    side = "end" if end_x > WIDTH / 2 else "start"
    smooth = f"mean of the last {counted(min(WINDOW, n), 'step')}"
    spoken = (
        f"Loss curve. The {smooth} is {means[-1]:.3f} nats at step {n:,}; it was "
        f"{means[0]:.3f} at step {shown[0] + 1:,}. Uniform guessing costs {uniform:.3f} nats."
    )
    return (
        f'<div class="gg-curve"><svg class="gg-plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{spoken}">{grid}{marks}'
        f'<path class="gg-axis" d="M{LEFT} {TOP - 6}V{_px(y(0))}H{_px(x(last_step))}"/>'
        f'<path class="gg-dots" d="{"".join(f"M{point}h0" for point in points(singles))}"/>'
        f'<path class="gg-uniform" d="M{LEFT} {_px(y(uniform))}H{_px(x(last_step))}"/>'
        f'<path class="gg-mean" d="M{"L".join(points(means))}h0"/>'
        + _text(
            *(x(last_step), y(uniform) - 6, f"uniform: ln {vocab_size:,} = {uniform:.2f}"),
            'class="gg-said" text-anchor="end"',
        )
        + _text(end_x, end_y, f"{means[-1]:.3f}", f'class="gg-said" text-anchor="{side}"')
        + _text(LEFT - 33, TOP - 2, "nats")
        + _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "step", 'text-anchor="middle"')
        + '</svg><div class="gg-key">'
        + _key("gg-dots", "M4 5h0M13 5h0M22 5h0", f"loss of {_one_in(stride)}")
        + _key("gg-mean", "M2 5h22", f"{smooth}: {means[-1]:.3f}")
        + _key("gg-uniform", "M0 5h26", f"all {vocab_size:,} tokens equally likely")
        + "</div></div>"
    )


def _px(value: float) -> str:
    return number(value, 1)


def _text(x: float, y: float, said: str, more: str = "") -> str:
    return f'<text x="{_px(x)}" y="{_px(y)}" {more}>{said}</text>'


def _key(line: str, path: str, said: str) -> str:
    return (
        '<span><svg class="gg-line" viewBox="0 0 26 10" aria-hidden="true">'
        f'<path class="{line}" d="{path}"/></svg>{said}</span>'
    )


def _one_in(stride: int) -> str:
    return f"one step in {stride:,}" if stride > 1 else "each step"


def _noun(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _short(step: float) -> str:
    return f"{step:,.0f}" if step < 1e6 else f"{step / 1e6:g}M"


def _ticks(top: float, most: int = 5) -> Iterator[float]:
    """From 0 to `top`, one, two or five times a power of ten apart, in at most `most` steps."""
    power: float = 10.0 ** math.floor(math.log10(top / most))
    step = next(power * k for k in (1, 2, 5, 10) if power * k * most >= top)
    for i in range(math.floor(top / step) + 1):
        yield round(i * step, 12)
