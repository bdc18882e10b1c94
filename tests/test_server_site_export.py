"""The explorer with one model in it, as files for a static host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glassgpt.errors import RunError
from glassgpt.modelfile import model_json
from glassgpt.server.security import FOREVER, HEADERS
from glassgpt.server.site_export import export, header_files
from serving import saved


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "built"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html>")
    (site / "assets" / "index-1.js").write_text("export {};")
    return site


def test_the_site_has_the_explorer_the_model_and_the_headers(site: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "public"
    files = {path.relative_to(target).as_posix() for path in export(saved(), target, site)}
    assert files == {"index.html", "assets/index-1.js", "model.json", *header_files()}
    assert (target / "model.json").read_text() == model_json(saved(), documents=True)


@pytest.mark.parametrize("name", ["_headers", "vercel.json", ".htaccess", "nginx-headers.conf"])
def test_every_header_file_has_every_header(name: str) -> None:
    content = header_files()[name]
    if name == "vercel.json":
        rules = json.loads(content)["headers"]
        assert {h["key"]: h["value"] for h in rules[0]["headers"]} == HEADERS
    for header, value in HEADERS.items():
        assert header in content
        assert value in content
    assert FOREVER in content or name == "nginx-headers.conf"


def test_nothing_is_overwritten(site: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="exists already"):
        export(saved(), site, site)
    with pytest.raises(RunError, match="exists already"):
        export(saved(), site / "index.html", site)


def test_without_the_explorer_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="the explorer is not built here"):
        export(saved(), tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()
