"""The explorer with one model in it, as files for a static host."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from glassgpt.cli import main
from glassgpt.engines.base import TrainState
from glassgpt.errors import RunError
from glassgpt.runs.export import model_json
from glassgpt.runs.writer import RunWriter
from glassgpt.server import sitefiles
from glassgpt.server.security import FOREVER, HEADERS
from glassgpt.server.site_export import export, header_files
from serving import saved


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    site = tmp_path / "built"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text("<!doctype html>")
    (site / "assets" / "index-1.js").write_text("export {};")
    monkeypatch.setattr(sitefiles, "SITE", site)
    return site


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    """A run directory, hardly trained."""
    path = tmp_path / "runs" / "ten"
    run = saved()
    writer = RunWriter.create(path, run.run, run.info)
    writer.save(TrainState.fresh(run.state.params), [])
    writer.close()
    return path


def glassgpt(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of a command."""
    monkeypatch.setattr(sys, "argv", ["glassgpt", *command.split()])
    with pytest.raises(SystemExit) as status:
        main()
    return int(status.value.code or 0)


def test_the_site_has_the_explorer_the_model_and_the_headers(site: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "public"
    files = {path.relative_to(target).as_posix() for path in export(saved(), target)}
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
        export(saved(), site)
    with pytest.raises(RunError, match="exists already"):
        export(saved(), site / "index.html")


@pytest.mark.parametrize("command", ["export {run} --to site -o out", "explore {run}"])
def test_without_the_explorer_there_is_one_line(
    command: str,
    site: Path,
    tmp_path: Path,
    run_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (site / "index.html").unlink()
    monkeypatch.chdir(tmp_path)
    assert glassgpt(command.format(run=run_path), monkeypatch) == 1
    line = "glassgpt: the explorer is not built here: `make web` builds it\n"
    assert capsys.readouterr().err == line
    assert not (tmp_path / "out").exists()


def test_the_command(
    site: Path, tmp_path: Path, run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert glassgpt(f"export {run_path} --to site", monkeypatch) == 0
    assert json.loads((tmp_path / "site" / "model.json").read_text())["documents"]
