"""The documents name files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support import ROOT, SRC

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "*/README.md", "notebooks/*.md", "deploy/*")
    for path in ROOT.glob(pattern)
)
FILE = re.compile(r"`([\w.-]+(?:/[\w.*-]+)*(?:/|\.(?:py|c|h|md|ts|tsx|toml|in|sh)))`")
"""A file with an ending of ours, or a folder with a stroke at its end, in backticks."""

FOLDERS = (ROOT, SRC, SRC / "engines" / "native", ROOT / "tests", ROOT / "conformance")
"""Where the documents begin their paths."""

MADE = ("build/", "dist/", "runs/english/")
"""Folders that are made by using the program."""


def named(path: Path) -> list[str]:
    """The files that a document names, but for those with a NAME of the reader's choice."""
    found: list[str] = FILE.findall(path.read_text(encoding="utf-8"))
    return [name for name in found if "NAME" not in name and not name.startswith(MADE)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_files_it_names_are_there(path: Path) -> None:
    places = (*FOLDERS, path.parent, path.parent / "src")
    gone = [name for name in named(path) if not any(list(f.glob(name)) for f in places)]
    assert not gone


def test_the_reading_order_is_read() -> None:
    assert {"reference.py", "engines/base.py", "runs/directory.py"} <= set(
        named(ROOT / "README.md")
    )
