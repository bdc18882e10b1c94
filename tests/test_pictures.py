"""What a notebook shows draws the numbers that it was given, for every text and in every theme."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean
from xml.etree import ElementTree

import numpy as np
import pytest

from glassgpt import pictures
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import TrainState
from glassgpt.pictures.frame import number
from glassgpt.pictures.model import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from glassgpt.pictures.samples import BINS
from glassgpt.pictures.trace import MAX_HEADS, MAX_POSITIONS
from glassgpt.trace import trace
from support import small_params

MODEL = ModelConfig(vocab_size=27)
HARMFUL = "<script>alert('x')</script> \" & <b>"
TEXTS = ["emma", HARMFUL, "नमस्ते", "שלום עולם", "", "one\n two"]
NOVELTIES = ["seen", "new", "in file", "new", "empty", None]
DEEP = ModelConfig(vocab_size=7, n_layer=2, n_embd=6, n_head=3, block_size=4)
LABELS = ["a", "<script>", "क", "◌ि", "ש", "␣international", "BOS"]
DOCUMENT = [6, 0, 2, 3, 1, 6]
"""Longer than the context: four predictions count."""


def losses(n: int) -> list[float]:
    return [2 + math.cos(i) + 1 / (1 + i) for i in range(n)]


def model_of(n: int, steps: int = 1000, name: str = "names") -> str:
    return pictures.model_html(name, MODEL, TrainConfig(steps=steps), n, 4383, losses(n))


def samples_of(texts: list[str] = TEXTS) -> str:
    return pictures.samples_html(texts, NOVELTIES, [-1.25 * i for i in range(len(texts))])


def traced() -> tuple[dict[str, np.ndarray], str]:
    seen = trace(DEEP, TrainState.fresh(small_params(DEEP, seed=3)), DOCUMENT)
    return seen.values, pictures.trace_html(DOCUMENT, LABELS, seen.values, seen.loss)


def long_trace(positions: int, layers: int, heads: int) -> str:
    values = {
        f"layer{i}.attn_weights": np.tril(np.ones((heads, positions, positions)))
        / np.arange(1, positions + 1)[:, None]
        for i in range(layers)
    }
    values["probs"] = np.full((positions, 7), 1 / 7)
    values["loss"] = np.full((positions, 1), math.log(7))
    return pictures.trace_html([6, *[0] * positions], LABELS, values, math.log(7))


EVERY = {
    "model": model_of(1000, name=HARMFUL),
    "untrained": model_of(0),
    "samples": samples_of(),
    "no samples": pictures.samples_html([], [], []),
    "trace": traced()[1],
    "long trace": long_trace(40, 3, 5),
}
every = pytest.mark.parametrize("html", EVERY.values(), ids=EVERY.keys())


def element(html: str) -> ElementTree.Element:
    """The picture as a tree; it is written so that it is XML as well."""
    return ElementTree.fromstring(html)


def having(tree: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [e for e in tree.iter() if name in (e.get("class") or "").split()]


def words(tree: ElementTree.Element) -> str:
    return "".join(tree.itertext())


class Tags(HTMLParser):
    """Every start tag as a browser finds it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@every
def test_a_picture_stands_alone_and_runs_nothing(html: str) -> None:
    tags = Tags(html).found
    assert {tag for tag, _ in tags} <= {
        *("div", "style", "p", "b", "i", "bdi", "span", "svg", "g", "path", "text", "title"),
        *("circle", "figure", "figcaption", "details", "summary", "table", "thead", "tbody"),
        *("tr", "th", "td"),
    }
    names = {name for _, attrs in tags for name in attrs}
    assert not {n for n in names if n.startswith("on") or n in ("href", "src", "id")}
    for word in ("http", "<script", "url(", "@import", "javascript"):
        assert word not in html.lower()
    element(html)  # well-formed


@every
def test_the_style_reaches_nothing_else_and_knows_both_themes(html: str) -> None:
    style = element(html).find("style").text
    flat = re.sub(r"@media[^{]*\{((?:[^{}]*\{[^{}]*\})*)\s*\}", r"\1", style)
    selectors = [s for rule in re.findall(r"([^{}]+)\{", flat) for s in rule.split(",")]
    assert len(selectors) > 30
    for selector in selectors:
        assert re.search(r"(^|\s)\.glassgpt(\s|$)", selector.strip()), selector
    themes = ("prefers-color-scheme: dark", "data-jp-theme-light", ".vscode-dark", "data-theme")
    assert all(theme in style for theme in themes)
    used = {name for e in element(html).iter() for name in (e.get("class") or "").split()}
    assert {name for name in used if f".{name}" not in style} == set()


def test_light_and_dark_have_the_same_colours_wherever_they_are_chosen() -> None:
    style = Path(pictures.__file__).with_name("style.css").read_text(encoding="utf-8")
    palettes = re.findall(r"\{\s*(--bg:[^}]*?color-scheme: (light|dark);)", style)
    assert [theme for _, theme in palettes] == ["light", "dark", "light", "dark"]
    plain = [" ".join(palette.split()) for palette, _ in palettes]
    assert plain[0] == plain[2]
    assert plain[1] == plain[3]
    assert plain[0] != plain[1]


@every
def test_each_drawing_is_described_or_hidden(html: str) -> None:
    tree = element(html)
    for svg in tree.iter("svg"):
        hidden, described = svg.get("aria-hidden") == "true", svg.get("aria-label")
        assert hidden != (svg.get("role") == "img" and bool(described))


@pytest.mark.parametrize("n", [1, 2, 299, 301, 1000, 12_345])
def test_the_curve_draws_the_losses(n: int) -> None:
    steps, data = max(n, 1000), losses(n)
    tree = element(model_of(n, steps))
    [plot] = having(tree, "gg-plot")
    dots = re.findall(r"M([\d.]+) ([\d.]+)h0", having(plot, "gg-dots")[0].get("d"))
    line = re.findall(r"[ML]([\d.]+) ([\d.]+)", having(plot, "gg-mean")[0].get("d"))
    assert min(n, 150) <= len(dots) == len(line) <= 300
    # The scale is read from the ticks, as a reader does; coordinates have one decimal.
    ticks = {float(e.text): float(e.get("y")) for e in plot.iter("text") if e.get("dy") == "4"}
    top = max(ticks)
    nats = top / (ticks[0] - ticks[top])
    width = WIDTH - LEFT - RIGHT
    at = [round((float(x) - LEFT) / width * steps) for x, _ in dots]
    stride = math.ceil(n / 300)
    known = list(range((n - 1) % stride + 1, n + 1, stride))
    assert max(abs(a - b) for a, b in zip(at, known, strict=True)) <= 0.06 / width * steps + 0.5
    for step, (_, single), (_, mean) in zip(known, dots, line, strict=True):
        assert (ticks[0] - float(single)) * nats == pytest.approx(data[step - 1], abs=0.2 * nats)
        smooth = fmean(data[max(0, step - 100) : step])
        assert (ticks[0] - float(mean)) * nats == pytest.approx(smooth, abs=0.2 * nats)
    level = float(having(plot, "gg-uniform")[0].get("d").split()[1].split("H")[0])
    assert (ticks[0] - level) * nats == pytest.approx(math.log(27), abs=0.2 * nats)
    last = f"{fmean(data[-100:]):.3f}"
    assert last in words(plot)
    assert f"{last} nats at step {n:,}" in plot.get("aria-label")
    assert "uniform: ln 27 = 3.30" in words(plot)
    for x, y in dots + line:
        assert LEFT <= float(x) <= WIDTH - RIGHT
        assert TOP <= float(y) <= HEIGHT - BOTTOM


def test_the_sizes_are_those_of_the_model() -> None:
    facts = [" ".join(words(e).split()) for e in having(element(model_of(300)), "gg-fact")]
    assert facts == [
        *("4,192 parameters", "1 layer", "16 width", "4 heads", "16 context"),
        *("27 vocabulary", "4,383 documents", "300 of 1,000 steps"),
    ]
    assert "1,000 steps made" in words(element(model_of(1000)))
    assert "No losses are recorded." in EVERY["untrained"]


def test_samples_carry_their_bin_in_words_colour_and_shape() -> None:
    tree = element(samples_of())
    chips = having(tree, "gg-chip")
    assert ["".join(bdi.text for bdi in chip.iter("bdi")) for chip in chips] == TEXTS
    assert [bdi.get("dir") for chip in chips for bdi in chip.iter("bdi")] == ["auto"] * 5
    for i, (chip, novelty) in enumerate(zip(chips, NOVELTIES, strict=True)):
        called, colour, _ = BINS[novelty]
        assert chip.get("title") == f"{called}; log-probability {-1.25 * i:.2f} nats".replace(
            "-0.00", "−0.00"
        ).replace(" -", " −")
        assert colour in chip.get("style")
        assert chip.find("svg").get("aria-label") == called
    key = " ".join(words(having(tree, "gg-key")[0]).split())
    assert key.startswith("2 new1 in the file, not seen1 seen in training1 empty1 not compared")
    shapes = [shape.split('"')[1] for _, _, shape in BINS.values()]
    assert len(set(shapes)) == len(BINS)
    cells = [words(row) for row in tree.find(".//tbody")]
    assert cells[1] == f"{HARMFUL}new−1.25"


def test_many_samples_are_counted_and_cut() -> None:
    html = pictures.samples_html(["zoe"] * 1000, ["new"] * 1000, [-9.0] * 1000)
    assert "1,000</b> new" in html
    assert "800 more are not shown." in html
    assert len(having(element(html), "gg-chip")) == 200


def test_attention_is_drawn_share_for_share() -> None:
    values, html = traced()
    heads = having(element(html), "gg-head")
    assert [words(h.find("figcaption")) for h in heads] == [
        f"layer {i}, head {h}" for i in range(2) for h in range(3)
    ]
    for figure, weights in zip(
        heads, [g for i in range(2) for g in values[f"layer{i}.attn_weights"]], strict=True
    ):
        drawn, said = np.zeros((4, 4)), np.zeros((4, 4))
        for t, row in enumerate(having(figure, "gg-shares")[0]):
            looks = row.find("title").text
            assert looks.startswith(f"{LABELS[DOCUMENT[t]]} looks at ")
            shares = [float(x) for x in re.findall(r" (\d\.\d\d)(?:,|$)", looks)]
            said[t, : t + 1] = shares
            for cell in row.iter("path"):
                column, line = re.match(r"M(\d+) (\d+)h", cell.get("d")).groups()
                drawn[int(line), int(column)] = float(cell.get("opacity"))
        assert np.abs(drawn - weights).max() <= 0.005 + 1e-12
        assert np.abs(said - weights).max() <= 0.005 + 1e-12
        told = figure.find("svg").get("aria-label")
        assert f"{weights[3].max():.2f}" in told.split("; ")[3]


def test_bars_and_costs_are_those_of_the_trace() -> None:
    values, html = traced()
    tree = element(html)
    cards = having(tree, "gg-card")
    assert len(cards) == 4
    largest = values["probs"].max()
    for t, card in enumerate(cards):
        probs, came = values["probs"][t], DOCUMENT[t + 1]
        bars = having(card, "gg-bar")
        ids = [LABELS.index(bar.find("bdi").text) for bar in bars]
        assert ids[:5] == list(np.argsort(-probs, kind="stable")[:5])
        assert came in ids
        for i, bar in zip(ids, bars, strict=True):
            width = float(re.match(r"width:([\d.]+)%", bar[1][0].get("style"))[1])
            assert width * largest / 100 == pytest.approx(probs[i], abs=1e-4)
            assert bar[2].text == (f"{probs[i]:.3f}" if probs[i] >= 0.0005 else "<0.001")
            assert ("gg-came" in bar.get("class")) == (i == came)
        cost = words(having(card, "gg-cost")[0])
        assert cost.startswith(f"{LABELS[came]} came")
        assert cost.endswith(f"−log p = {-math.log(probs[came]):.3f}")
    assert f"loss {values['loss'].mean():.4f} nats" in words(tree)


def test_a_long_trace_says_what_it_leaves_out() -> None:
    html = EVERY["long trace"]
    assert "Left out, to keep this small: 16 of 40 positions and 3 of 15 heads." in html
    tree = element(html)
    assert len(having(tree, "gg-card")) == MAX_POSITIONS
    assert len(having(tree, "gg-head")) == MAX_HEADS
    assert "Left out" not in traced()[1]


def test_the_pictures_stay_small() -> None:
    assert len(EVERY["model"]) < 20_000
    assert len(model_of(100_000, 100_000)) < 20_000
    assert len(EVERY["samples"]) < 20_000
    assert len(long_trace(16, 1, 4)) < 65_000
    assert len(long_trace(256, 12, 12)) < 260_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, ".5"), (-0.25, "-.25"), (100, "100"), (-0.001, "0"), (10.2, "10.2"), (0, "0")],
)
def test_coordinates_are_short(value: float, text: str) -> None:
    assert number(value) == text
