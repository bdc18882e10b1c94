"""Which run a command takes, and what it says of that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from glassgpt.runs.directory import RunInfo
from glassgpt.runs.writer import RunWriter
from support import Command


@pytest.fixture
def untrained(glassgpt: Command, begun: Callable[..., tuple]) -> Callable[[], None]:
    """Makes runs/untrained, whose only checkpoint is that of step 0."""

    def untrained() -> None:
        run, state, _ = begun(steps=3)
        writer = RunWriter.create(Path("runs/untrained"), run, RunInfo("ten", "0" * 64, "numpy"))
        writer.save(state, [])
        writer.close()

    return untrained


@pytest.fixture
def runs(glassgpt: Command, untrained: Callable[[], None]) -> Command:
    """Two runs: `ten`, and one that was saved later but made no step."""
    glassgpt("train", "ten", "--steps", "3", "--samples", "0")
    untrained()
    return glassgpt


@pytest.mark.parametrize(
    "command", ["sample -n 1", "eval -n 1 --documents 5", "export -o -", "sample -n 1 --json"]
)
def test_a_run_that_made_no_step_is_no_default(runs: Command, command: str) -> None:
    status, out, err = runs(*command.split())
    assert status == 0
    assert err.splitlines()[0] == "runs/ten, step 3: the latest run"
    assert "the latest run" not in out


def test_explain_serve_and_explore_choose_in_the_same_way(
    runs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = []
    monkeypatch.setattr("glassgpt.server.running.serve", lambda saved, *_: served.extend(saved))
    monkeypatch.setattr("glassgpt.server.sitefiles.is_built", lambda: True)
    for command in (["explain", "emma"], ["serve"], ["explore"]):
        status, _, err = runs(*command)
        assert (status, err) == (0, "runs/ten, step 3: the latest run\n")
    assert [saved.path for saved in served] == [Path("runs/ten")] * 2


def test_where_no_run_made_a_step(glassgpt: Command, untrained: Callable[[], None]) -> None:
    untrained()
    status, _, err = glassgpt("sample")
    assert status == 1
    assert err.startswith("glassgpt: no run in runs/ has made a step yet; name one")
    assert glassgpt("sample", "untrained", "-n", "1")[0] == 0


def test_a_damaged_latest_run_is_not_passed_over(runs: Command) -> None:
    runs("train", "ten", "--steps", "2", "-o", "runs/last", "--samples", "0")
    Path("runs/last/model.safetensors").write_bytes(b"no model")
    status, _, err = runs("sample")
    assert status == 1
    assert err.startswith("glassgpt: runs/last/model.safetensors is damaged")


def test_a_run_is_known_by_its_name_in_runs(runs: Command) -> None:
    _, out, err = runs("sample", "ten", "-n", "1", "--json")
    assert (json.loads(out)["run"], err) == ("runs/ten", "")
    assert runs("train", "--resume", "ten", "--steps", "5", "--samples", "0")[0] == 0
    _, out, _ = runs("explain", "ten", "emma", "--json")
    assert json.loads(out)["run"] == "runs/ten"


def test_a_path_that_exists_comes_before_a_name(runs: Command) -> None:
    Path("ten").mkdir()
    status, _, err = runs("sample", "ten")
    assert (status, err) == (1, "glassgpt: ten/config.json is missing\n")
    assert runs("sample", "nowhere")[2] == "glassgpt: there is no run 'nowhere'\n"
