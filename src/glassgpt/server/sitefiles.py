"""The place of the built explorer."""

from __future__ import annotations

from pathlib import Path

import glassgpt

SITE = Path(glassgpt.__file__).with_name("site")
MISSING = "the explorer is not built here: `make web` builds it"


def is_built(site: Path | None = None) -> bool:
    return ((site or SITE) / "index.html").is_file()


def index_html(run: str, site: Path | None = None) -> str:
    """The page, with the relative address of the run that it opens in a meta element."""
    page = ((site or SITE) / "index.html").read_text(encoding="utf-8")
    return page.replace("<head>", f'<head><meta name="glassgpt-run" content="{run}">', 1)
