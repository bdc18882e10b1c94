"""A text cut off by the context is no news: every face compares it with beginnings, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glassgpt.runs.directory import load
from glassgpt.server.app import create_app
from serving import post
from support import Command

LONG = ["abcdefghij", "bcdefghija", "cdefghijab", "jihgfedcba"]
BLOCK = 4


@pytest.fixture
def trained(glassgpt: Command) -> Command:
    """A run on documents longer than its context, which it soon knows by heart, in `run`."""
    Path("long.txt").write_text("\n".join(LONG))
    settings = ["--block-size", str(BLOCK), "--steps", "300", "--temperature", "0.1", "-o", "run"]
    status, out, err = glassgpt("train", "long.txt", *settings)
    assert status == 0
    rows = [line.split(maxsplit=2) for line in out.splitlines()]
    assert {text for _, text, _ in rows} <= {document[:BLOCK] for document in LONG}
    assert {remark for _, _, remark in rows} == {"seen in training  cut"}
    assert "cut: the context of 4 tokens was full before the text ended" in err
    return glassgpt


def test_train_and_sample_say_that_a_text_is_cut(trained: Command) -> None:
    _, out, err = trained("sample", "run", "-n", "5")
    assert all("seen in training  log p -" in line for line in out.splitlines())
    assert all(line.endswith(", cut") for line in out.splitlines())
    assert "log p: the natural logarithm of the probability" in err
    assert "compared with the beginnings of documents" in err
    samples = json.loads(trained("sample", "run", "-n", "5", "--json")[1])["samples"]
    assert {(s["novelty"], s["finished"]) for s in samples} == {("seen", False)}
    _, out, err = trained("sample", "run", "-n", "1", "--steps")
    assert "seen in training  cut" in out
    assert "cut: the context" in err


def test_train_puts_it_into_the_json(trained: Command) -> None:
    _, out, _ = trained("train", "--resume", "run", "--json")
    result = json.loads(out)
    assert result["novelty"] == ["seen"] * 20
    assert result["finished"] == [False] * 20


def test_eval_counts_cut_texts(trained: Command) -> None:
    _, out, _ = trained("eval", "run", "-n", "20", "--temperatures", "0.1", "--json")
    assert json.loads(out)["novelty"] == [
        {"temperature": 0.1, "samples": 20, "distinct": 4, "cut": 20}
        | {"seen": 20, "in file": 0, "new": 0, "empty": 0}
    ]
    _, out, _ = trained("eval", "run", "-n", "20", "--temperatures", "0.1")
    assert out.split("distinct")[1].split()[:10] == [
        "cut",
        "0.1",
        "0%",
        "0%",
        "100%",
        "0%",
        "4",
        "of",
        "20",
        "100%",
    ]
    assert "cut: the context of 4 tokens" in out


def test_the_api_compares_a_cut_text_with_beginnings(trained: Command) -> None:
    answer = post(create_app([load(Path("run"))]), "/generate", {"n": 5, "temperature": 0.1}).json()
    assert {(s["novelty"], s["finished"]) for s in answer["samples"]} == {("seen", False)}


def test_an_empty_text_is_shown_and_is_not_new(glassgpt: Command) -> None:
    Path("list.txt").write_text("a\nb\n")
    glassgpt("train", "list.txt", "--lr", "1e-9", "--init-std", "0", "--steps", "1", "-o", "run")
    _, out, _ = glassgpt("sample", "run", "-n", "20", "--temperature", "1")
    empty = [line for line in out.splitlines() if "(empty)" in line]
    assert empty
    assert all(line.split("(empty)")[1].split()[0] == "empty" for line in empty)
    _, out, _ = glassgpt("sample", "run", "-n", "20", "--temperature", "1", "--json")
    for row in json.loads(out)["samples"]:
        assert (row["novelty"] == "empty") == (row["text"] == "")
