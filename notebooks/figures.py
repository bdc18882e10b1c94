"""The look of the plots, and the drawings that more than one notebook needs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

BLACK, RED, BLUE, YELLOW, GREY = "#121212", "#D02020", "#1040C0", "#F0C020", "#A0A0A0"
COLOURS = [BLUE, RED, YELLOW, BLACK, GREY]
HEAT = LinearSegmentedColormap.from_list("heat", ["#FFFFFF", YELLOW, RED, BLACK])
SIGNED = LinearSegmentedColormap.from_list("signed", [RED, "#FFFFFF", BLUE])

plt.rcParams.update(
    {
        "axes.edgecolor": BLACK,
        "axes.linewidth": 2,
        "axes.prop_cycle": plt.cycler(color=COLOURS),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "figure.constrained_layout.use": True,
        "figure.dpi": 88,
        "font.size": 10,
        "legend.frameon": False,
        "lines.linewidth": 2,
        "svg.hashsalt": "glassgpt",
        "xtick.major.width": 2,
        "ytick.major.width": 2,
    }
)


def new(columns: int = 1, rows: int = 1, width: float = 7.5, height: float = 3.2) -> Any:
    """A figure and its axes."""
    return plt.subplots(rows, columns, figsize=(width, height))


def present(figure: Figure, words: str) -> None:
    """Show a figure; the words say the same to who cannot see it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    plt.close(figure)
    display(Image(buffer.getvalue(), alt=words))


def smoothed(losses: Sequence[float], keep: float = 0.98) -> list[float]:
    """A running mean that forgets: each value keeps 98 % of the one before."""
    mean, out = losses[0], []
    for loss in losses:
        mean = keep * mean + (1 - keep) * loss
        out.append(mean)
    return out


def bars(axes: Axes, values: Mapping[str, float], colour: str = BLUE, form: str = "{:.2f}") -> None:
    """Horizontal bars, the first on top, each with its number."""
    names, numbers = list(values), list(values.values())
    axes.barh(names, numbers, color=colour, edgecolor=BLACK, linewidth=1.5)
    axes.invert_yaxis()
    for i, number in enumerate(numbers):
        axes.text(max(number, 0), i, " " + form.format(number), va="center", fontsize=9)
    axes.margins(x=0.15)


def heat(
    axes: Axes,
    matrix: Any,
    columns: Sequence[str],
    rows: Sequence[str],
    title: str = "",
    numbers: bool = False,
    signed: bool = False,
) -> None:
    """A matrix as coloured cells; white is 0."""
    matrix = np.asarray(matrix, float)
    top = np.nanmax(np.abs(matrix)) or 1.0
    low, colours = (-top, SIGNED) if signed else (0, HEAT)
    axes.imshow(matrix, cmap=colours, vmin=low, vmax=top, aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.set_title(title)
    if numbers:
        for (y, x), value in np.ndenumerate(matrix):
            if np.isnan(value):
                continue
            dark = abs(value) > 0.55 * top
            axes.text(
                x, y, f"{value:.2f}", ha="center", va="center", fontsize=8,
                color="white" if dark else BLACK,
            )  # fmt: skip


def graph(result: Any, names: Mapping[int, str], grads: bool = True) -> Figure:
    """The graph behind a `Value`: inputs on the left, the result on the right.

    `names` maps `id(value)` to what stands in its box; on each edge is the local gradient.
    """
    depth: dict[Any, int] = {}

    def measure(value: Any) -> int:
        if value not in depth:
            depth[value] = 1 + max((measure(v) for v in value.inputs), default=-1)
        return depth[value]

    measure(result)
    columns: dict[int, list[Any]] = {}
    for value, column in depth.items():
        columns.setdefault(column, []).append(value)
    tallest = max(map(len, columns.values()))
    place = {
        value: (2.6 * column, (tallest - len(values)) / 2 + i)
        for column, values in columns.items()
        for i, value in enumerate(values)
    }
    figure, axes = plt.subplots(figsize=(2.1 * len(columns), 0.5 + 1.0 * tallest))
    for value in depth:
        x, y = place[value]
        drawn: dict[Any, int] = {}
        for other, local in zip(value.inputs, value.local_grads, strict=True):
            drawn[other] = n = drawn.get(other, -1) + 1
            twice = list(value.inputs).count(other) > 1
            x0, y0 = place[other]
            bend = (0.28 - 0.56 * n) if twice else 0.0
            axes.annotate(
                "", (x - 0.45, y), (x0 + 0.45, y0),
                arrowprops={
                    "arrowstyle": "-|>", "color": BLUE, "lw": 1.8,
                    "connectionstyle": f"arc3,rad={bend}",
                },
            )  # fmt: skip
            axes.text(
                (x + x0) / 2, (y + y0) / 2 + (0.62 * -bend * 2 if twice else -0.12),
                f"{local:g}", color=BLUE, ha="center", va="center", fontsize=9,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
        text = f"{names.get(id(value), '')}\n{value.data:.4g}"
        if grads:
            text += f"\ngrad {value.grad:.4g}"
        face = YELLOW if value is result else "white"
        axes.text(
            x, y, text, ha="center", va="center", fontsize=9,
            bbox={"boxstyle": "square,pad=0.5", "facecolor": face, "edgecolor": BLACK, "lw": 2},
        )  # fmt: skip
    axes.set_xlim(-1.1, 2.6 * (len(columns) - 1) + 1.1)
    axes.set_ylim(tallest - 0.35, -0.65)
    axes.axis("off")
    return figure
