"""What an index page and a build are told: versions, links, the built explorer."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from types import ModuleType

import pytest

from support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_floors_that_are_tried_are_those_of_the_project() -> None:
    lines = (ROOT / "requirements" / "floors.txt").read_text(encoding="utf-8").splitlines()
    tried = [line.replace("==", ">=") for line in lines if not line.startswith("#")]
    assert tried == PROJECT["dependencies"]


def test_what_is_claimed_is_there() -> None:
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert (ROOT / "src" / "glassgpt" / "py.typed").is_file()
    assert PROJECT["authors"] and PROJECT["urls"]


@pytest.mark.parametrize("repository", [None, "https://example.org/glassgpt/"])
def test_no_link_of_the_index_page_is_relative(hooks: ModuleType, repository: str | None) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = hooks.index_page(readme, repository)
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert links and all(link.startswith("https://") for link in links)
    picture = "https://example.org/glassgpt/raw/HEAD/web/public/og.png"
    assert (picture in page) == (repository is not None)


def test_nobody_is_told_to_install_a_package_that_is_not_published() -> None:
    """Somebody else could take the name: only a checkout is installed from."""
    told = re.compile(r"pip install [^\n]*\bglassgpt\b|with pip it is")
    folders = ("src", "docs", "notebooks", "deploy", "web/src")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    files += [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    kinds = {".py", ".md", ".ipynb", ".ts", ".tsx", ""}
    for path in files:
        if path.is_file() and path.suffix in kinds:
            assert not told.search(path.read_text(encoding="utf-8")), path
