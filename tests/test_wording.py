"""Texts that people read are plain English: phrases that made readers stumble do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PHRASES = {
    "just so.": "Right.",
    "here it is otherwise": "Not in this case.",
    "what is promised": "Guarantees",
    "no number any more": "became NaN",
    "texts dear": "long texts expensive",
    "number can be asked": "Click a number to see how it was computed.",
    "the run of all chapters": "the shared run",
    "whom to listen to": "which positions to attend to",
    "so and so many": "many",
    "which way each weight is drawn": "which way each weight is being pushed",
    "held to [conformance": "tested against [conformance",
    "put all back": "reset all",
    "hands on all": "passes on its whole gradient",
    "blind guess": "uniform guess",
}
"""What stumbled -> what is understood at once."""
TEXTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "notebooks/*.md", "notebooks/*.ipynb", "Makefile")
    for path in ROOT.glob(pattern)
) + sorted((ROOT / "web" / "src").rglob("*.tsx"))


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_that_made_readers_stumble_is_gone(phrase: str) -> None:
    assert TEXTS
    pattern = re.compile(re.escape(phrase).replace(r"\ ", r"\s+"), re.IGNORECASE)
    found = [path.name for path in TEXTS if pattern.search(path.read_text(encoding="utf-8"))]
    assert not found, f"write {PHRASES[phrase]!r}"
