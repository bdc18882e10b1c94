"""The bundled lists hold what the registry says of them."""

from __future__ import annotations

import io
import sys
import unicodedata
from pathlib import Path

import pytest

from glassgpt import datasets
from glassgpt.datasets import BUNDLED, REGISTRY, Dataset
from glassgpt.text.characters import CharTokenizer

LATIN = set("abcdefghijklmnopqrstuvwxyz")
SORTED = ["english", "hindi", "startups"]


def lines(name: str) -> list[str]:
    return REGISTRY[name].path.read_text(encoding="utf-8").splitlines()


def test_the_registry_knows_its_sets() -> None:
    assert set(BUNDLED) == {"english", "hindi", "startups", "ten"}
    assert set(REGISTRY) - set(BUNDLED) == {"names"}
    assert [entry.name for entry in REGISTRY.values()] == list(REGISTRY)


@pytest.mark.parametrize("entry", REGISTRY.values(), ids=list(REGISTRY))
def test_every_set_says_where_it_comes_from(entry: datasets.Entry) -> None:
    assert all((entry.title, entry.language, entry.source, entry.licence))
    assert bool(entry.url) == bool(entry.sha256)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_files(name: str) -> None:
    data, text = datasets.load(name), REGISTRY[name].path.read_text(encoding="utf-8")
    assert len(data.documents) == REGISTRY[name].count == data.report.lines
    assert (data.report.duplicates, data.report.empty) == (0, 0)
    assert not data.report.bom
    assert not data.report.crlf
    assert unicodedata.is_normalized("NFC", text)
    assert text.endswith("\n")
    assert [line.strip() for line in lines(name)] == lines(name)


@pytest.mark.parametrize("name", SORTED)
def test_lists_are_in_order(name: str) -> None:
    assert lines(name) == sorted(lines(name))


@pytest.mark.parametrize(("name", "least"), [("english", 2000), ("startups", 1000), ("ten", 10)])
def test_latin_lists_are_lower_case_letters(name: str, least: int) -> None:
    data = datasets.load(name)
    assert len(data.documents) >= least
    assert set().union(*data.documents) <= LATIN


@pytest.mark.parametrize("name", BUNDLED)
def test_documents_fit_the_recommended_context(name: str) -> None:
    data = datasets.load(name)
    assert data.report.over_long(data.documents, data.recipe.block_size) == 0


def test_hindi_has_the_published_vocabulary() -> None:
    data = datasets.load("hindi")
    assert (data.normalize, data.recipe.block_size, data.recipe.learning_rate) == ("nfd", 32, 0.003)
    assert len(data.documents) == 1609
    characters = set().union(*data.documents)
    assert len(characters) == 56
    assert CharTokenizer.from_documents(data.documents, "nfd").vocab_size == 57
    assert {unicodedata.name(c).split()[0] for c in characters} == {"DEVANAGARI"}
    assert len([c for c in characters if "क" <= c <= "ह"]) == 34
    assert {"\u093c", "\u094d", "\u0902"} <= characters  # nukta, virama, anusvara
    assert all(unicodedata.category(document[0]) == "Lo" for document in data.documents)


def test_nfd_takes_apart_something_in_hindi() -> None:
    """The nukta letters are why its normal form matters."""
    assert any("\u093c" in document for document in datasets.load("hindi").documents)


def test_ten_are_the_first_of_names(names_path: Path, ten: Dataset) -> None:
    """The figures hang on their order, which is not that of the larger file."""
    assert " ".join(ten.documents) == (
        "emma olivia ava sophia isabella mia charlotte amelia harper evelyn"
    )
    assert set(datasets.load(str(names_path)).documents[:10]) == set(ten.documents)


def test_names_is_the_file_the_figures_are_about(names_path: Path) -> None:
    data, entry = datasets.load(str(names_path)), REGISTRY["names"]
    assert data.sha256 == entry.sha256
    assert len(data.documents) == entry.count == 32_033
    assert len(data.documents) - data.report.duplicates == 29_494
    assert set().union(*data.documents) == LATIN


# --- names, paths, standard input -----------------------------------------------------------------


def test_a_name_brings_its_recipe_and_a_path_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "नाम.txt"
    path.write_text("क़मर\nzoë\n", encoding="utf-8")
    data = datasets.load(str(path))
    assert (data.name, data.normalize, data.recipe) == (str(path), "none", datasets.Recipe())
    assert datasets.load(str(path), "nfd").documents == ["क\u093cमर", "zoe\u0308"]
    assert datasets.load("ten", "nfd").normalize == "nfd"


def test_a_registered_name_wins_over_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ten: Dataset
) -> None:
    (tmp_path / "ten").write_text("a\nb\n")
    monkeypatch.chdir(tmp_path)
    assert datasets.load("ten") == ten
    assert datasets.load("./ten").documents == ["a", "b"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("zoë\r\nमीना".encode()), "ascii"))
    data = datasets.load("-")
    assert (data.name, data.documents) == ("standard input", ["zoë", "मीना"])
