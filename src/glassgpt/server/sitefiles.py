"""Where the built explorer is."""

from __future__ import annotations

from pathlib import Path

import glassgpt

SITE = Path(glassgpt.__file__).with_name("site")
MISSING = "the explorer is not built here: `make web` builds it"


def is_built(site: Path | None = None) -> bool:
    return ((site or SITE) / "index.html").is_file()
