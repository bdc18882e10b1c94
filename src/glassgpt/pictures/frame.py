"""The box that every picture is drawn in, and how it writes numbers and foreign text."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path


@cache
def _style() -> str:
    lines = Path(__file__).with_name("style.css").read_text(encoding="utf-8").split("\n")
    return "".join(f"{line.strip()}\n" for line in lines if line)


def frame(title: str, *parts: str) -> str:
    """A box with a title and its own style sheet. All of it is HTML already."""
    body = "\n".join(part for part in parts if part)
    return (
        f'<div class="glassgpt" dir="ltr"><style>{_style()}</style>'
        f'<p class="gg-title">{title}</p>\n{body}</div>'
    )


def escaped(text: str) -> str:
    """Text for an element or for an attribute in double quotes."""
    return html.escape(text, quote=True)


def isolated(text: str) -> str:
    """Text of any script, which keeps its own direction and does not turn what stands beside it."""
    return f'<bdi dir="auto">{escaped(text)}</bdi>'


def number(value: float, digits: int = 2) -> str:
    """A coordinate in as few characters as possible: 0.50 is `.5`, -0.0 is `0`."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    if text == "-0":
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def counted(count: int, noun: str) -> str:
    """`1 sample`, `1,000 samples`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
