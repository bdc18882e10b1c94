"""A terminal of 40 columns: lines wrap, and no word or number is lost."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from glassgpt import benchmark
from support import Command

COMMANDS = (
    *("", "train", "sample", "eval", "explain", "export", "serve", "explore", "bench"),
    *("datasets", "datasets list", "datasets show", "datasets download", "datasets prepare"),
)
Shown = Callable[[int, str], str]


@pytest.fixture
def shown(glassgpt: Command, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Standard output of a command in a terminal of so many columns."""

    def run(columns: int, command: str) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        status, out, err = glassgpt(*command.split())
        assert status == 0, err
        return out

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_not_cut(command: str, shown: Shown) -> None:
    narrow, wide = shown(40, f"{command} --help"), shown(200, f"{command} --help")
    assert not re.search(r"…|[\w,:]\.\.\.", narrow)
    option = re.compile(r"--[a-z][a-z-]*")
    assert set(option.findall(wide)) <= set(option.findall(narrow))


@pytest.mark.parametrize("command", ["datasets", "datasets show hindi -n 3", "eval"])
def test_tables_are_not_cut(command: str, shown: Shown) -> None:
    if command == "eval":
        shown(80, "train ten --steps 3 --samples 0")
    assert sorted(shown(40, command).split()) == sorted(shown(200, command).split())


def test_the_table_of_the_benchmark_is_not_cut(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"width": 64, "engine": "scalar", "dtype": "float64", "best_us": 1_242_766.4}
    rows = [row | {"median_us": 1_312_345.6, "names_a_second": 1_139_081.2}]
    monkeypatch.setattr(benchmark, "measure", lambda names, rounds: rows)
    assert {"64", "scalar", "float64", "1,242,766", "1,312,346", "1,139,081"} <= set(
        shown(40, "bench").split()
    )


@pytest.mark.parametrize("command", ["train ten", "sample", "eval"])
def test_a_seed_below_zero_is_named_as_it_was_typed(command: str, glassgpt: Command) -> None:
    status, _, err = glassgpt(*command.split(), "--seed", "-1")
    assert status == 2
    assert err.startswith("glassgpt: --seed is -1; it must be a whole number")
