# ruff: noqa: E501
"""What the command line says: true, in the words the user typed, with a hint that works."""

from __future__ import annotations

import gzip
import io
import shlex
import sys
from pathlib import Path

import pytest

from glassgpt.cli.commands import data_names, engine_names, run_names
from support import Command


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("train ten --lr inf", "--lr is inf; it must be a number above 0 and below 1e300"),
        ("train ten --lr 1e300", "--lr is 1e+300; it must be a number above 0 and below 1e300"),
        (
            "train ten --init-std -1",
            "--init-std is -1.0; it must be a number from 0 to below 1e300",
        ),
        ("train ten --n-head 3", "--n-head is 3; it must divide --n-embd, which is 16"),
        ("train ten --samples -1", "--samples is -1; it must be from 0 to 1,000,000"),
        ("train ten --save-every -1", "--save-every is -1; it must be a number of seconds"),
        ("train ten --device cpu", "--device is for the torch engine; this is native"),
        (
            "train ten --engine numpy --micro-batch 2 --no-compile",
            "--compile, --micro-batch are for",
        ),
        (
            "train ten --temperature 1e7",
            "--temperature is 10000000.0; it must be from 0 (always the most likely token) to 1,000,000",
        ),
        ("sample -n -1", "-n is -1; it must be from 0 to 1,000,000"),
        ("eval --documents 0", "--documents is 0; it must be at least 1"),
        ("train ENGLISH", "no data set of that name; did you mean english?"),
        ("train hindu", "did you mean hindi?"),
        (
            "train ''",
            "the name of the data is empty; give a file, - for a pipe, or one of the data",
        ),
        (
            "train https://example.org/n.txt",
            "is an address; download it first: curl -L https://example.org/n.txt -o list.txt, then: "
            "glassgpt train list.txt",
        ),
        ("train tab.tsv", "tab.tsv, line 2: control character U+0009, a tab; a document must be "),
        ("train tab.tsv", "; keep one column: cut -f1 tab.tsv | glassgpt train -"),
        (
            "train 'a list.gz'",
            "is compressed; unpack it first: zcat 'a list.gz' | glassgpt train -",
        ),
        ("train ten --steps 1.5", "'1.5' is not a whole number; write it as in 1000 or 1e3"),
        ("train ten --steps many", "'many' is not a whole number"),
    ],
)
def test_messages_use_the_words_of_the_command(
    glassgpt: Command, arguments: str, says: str
) -> None:
    Path("tab.tsv").write_text("emma\nava\t3\n")
    Path("a list.gz").write_bytes(gzip.compress(b"emma\nava\n"))
    status, out, err = glassgpt(*shlex.split(arguments))
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("steps", ["20", "2e1", "2_0"])
def test_whole_numbers_as_people_write_them(glassgpt: Command, steps: str) -> None:
    status, _, err = glassgpt("train", "ten", "--steps", steps, "-o", "run")
    assert status == 0
    assert "step 20/20" in err


def test_diverging_at_once_is_not_blamed_on_the_learning_rate(glassgpt: Command) -> None:
    status, _, err = glassgpt("train", "ten", "--init-std", "1e200", "-o", "run")
    assert status == 1
    assert "the loss is " in err
    assert "try a smaller --init-std (it is 1e+200)" in err
    _, _, err = glassgpt("train", "ten", "--lr", "1e200", "-o", "other")
    assert "try a smaller --lr (it is 1e+200)" in err


def test_the_system_refusing_is_not_damage(
    glassgpt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    glassgpt("train", "ten", "--steps", "1", "-o", "run")
    from glassgpt.runs import state as statefile

    def refuse(path: Path) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(statefile, "open_regular", refuse)
    _, _, err = glassgpt("sample", "run")
    assert "cannot read run/model.safetensors: Permission denied" in err
    assert "damaged" not in err


# --- explain --------------------------------------------------------------------------------------


def test_explain_takes_the_run_as_an_option(glassgpt: Command) -> None:
    glassgpt("train", "ten", "--steps", "2", "-o", "runs/ten")
    status, out, _ = glassgpt("explain", "emma", "--run", "runs/ten")
    assert status == 0
    assert "mean loss" in out
    assert glassgpt("explain", "runs/ten", "emma")[1] == out == glassgpt("explain", "emma")[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("runs/ten", "runs/ten is a run; give a word, too: glassgpt explain --run runs/ten WORD"),
        ("emma ava", "explain takes one text; quote it: glassgpt explain 'emma ava'"),
        ("emma ava --run ten", "quote it: glassgpt explain --run ten 'emma ava'"),
    ],
)
def test_explain_shows_a_command_that_works(glassgpt: Command, arguments: str, says: str) -> None:
    glassgpt("train", "ten", "--steps", "2", "-o", "runs/ten")
    status, _, err = glassgpt("explain", *arguments.split())
    assert status == 2
    assert says in err


def test_the_hints_work_for_words_that_begin_with_a_dash(glassgpt: Command) -> None:
    Path("dash.txt").write_text("-a\n-b\n-c\n")
    settings = ["--steps", "300", "--temperature", "0", "--samples", "1"]
    _, _, err = glassgpt("train", "dash.txt", *settings)
    hints = [line.split() for line in err.splitlines() if line.startswith("  glassgpt ")]
    assert hints[-1][:5] == ["glassgpt", "explain", "--run", "runs/dash", "--"]
    for hint in hints:
        assert glassgpt(*hint[1:])[0] == 0, hint


# --- keyboard, help, completion -------------------------------------------------------------------


def test_a_list_typed_at_the_keyboard_is_announced(
    glassgpt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Keyboard(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Keyboard(io.BytesIO(b"emma\nava\n")))
    _, _, err = glassgpt("train", "-", "--steps", "1", "-o", "run")
    assert err.startswith("reading a list from the keyboard, one item per line; Ctrl-")


@pytest.mark.parametrize(
    "command",
    ["", "train", "sample", "eval", "explain", "export", "serve", "explore", "bench", "datasets"]
    + [f"datasets {name}" for name in ("list", "show", "download", "prepare")],
)
def test_help_is_readable(glassgpt: Command, command: str) -> None:
    status, out, _ = glassgpt(*command.split(), "--help")
    assert status == 0
    for unreadable in ("<bool>", "[[", "]]", "Of the", "greedy"):
        assert unreadable not in out


def test_completion_knows_data_sets_engines_and_runs(glassgpt: Command) -> None:
    assert [name for name, _ in data_names("h")] == ["hindi"]
    assert list(engine_names("n")) == ["numpy", "native"]
    glassgpt("train", "ten", "--steps", "1")
    assert list(run_names("ru")) == ["runs/ten"]
