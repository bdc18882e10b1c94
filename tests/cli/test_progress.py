"""What a run prints while it trains: the same lines on every machine where nobody watches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from glassgpt import engines
from glassgpt.cli.progress import Display
from glassgpt.engines.base import BaseEngine
from glassgpt.training import Chunk
from support import ROOT, Command


def printed(tmp_path: Path, *arguments: str) -> str:
    """Both streams of a `glassgpt` in a directory of its own, as a pipe receives them."""
    command = [sys.executable, "-m", "glassgpt", *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, **streams, cwd=tmp_path, text=True, check=True).stdout


def test_the_readme_shows_what_make_run_prints(tmp_path: Path) -> None:
    assert "glassgpt train english\n" in (ROOT / "Makefile").read_text()  # is what it runs
    if engines.notice():
        pytest.skip("a machine without the kernel prints one more line")
    blocks = (ROOT / "README.md").read_text().split("```\n")
    shown = next(block for block in blocks if block.startswith("english: "))
    assert printed(tmp_path, "train", "english") == shown


@pytest.mark.parametrize("seconds", [1e-6, 1e-4, 10.0])
def test_the_lines_do_not_depend_on_the_speed(
    glassgpt: Command, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Chunks of a step or of very many: lines at every tenth of the run, each with a text."""
    monkeypatch.setattr(BaseEngine, "chunk_seconds", seconds)
    _, _, err = glassgpt("train", "ten", "--steps", "200", "--engine", "numpy", "-o", "run")
    lines = [line for line in err.splitlines() if line.startswith("step ")]
    assert [line.split()[1] for line in lines] == [f"{step}/200" for step in range(20, 201, 20)]
    assert (
        lines
        == """\
step  20/200  loss 1.884 (smoothed 2.343)  sielia
step  40/200  loss 1.282 (smoothed 1.842)  ava
step  60/200  loss 0.827 (smoothed 1.487)  ava
step  80/200  loss 0.578 (smoothed 1.219)  eva
step 100/200  loss 0.468 (smoothed 1.016)  harper
step 120/200  loss 0.444 (smoothed 0.863)  ava
step 140/200  loss 0.420 (smoothed 0.746)  emma
step 160/200  loss 0.400 (smoothed 0.657)  mia
step 180/200  loss 0.392 (smoothed 0.588)  mia
step 200/200  loss 0.386 (smoothed 0.537)  ava""".splitlines()
    )


@pytest.mark.parametrize(
    ("steps", "marks"),
    [(1, [1]), (3, [1, 2, 3]), (25, [3, 5, 8, 10, 13, 15, 18, 20, 23, 25])],
)
def test_short_runs_have_a_line_for_each_step(steps: int, marks: list[int]) -> None:
    assert Display(steps, None).marks == marks


def test_an_empty_text_is_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(1, lambda step: "") as display:
        display.update(Chunk(0, [2.5], [0.01]))
    assert capsys.readouterr().err == "step 1/1  loss 2.500 (smoothed 2.500)  (empty)\n"
    with Display(1, None) as display:  # several processes draw no text
        display.update(Chunk(0, [2.5], [0.01]))
    assert capsys.readouterr().err == "step 1/1  loss 2.500 (smoothed 2.500)\n"


@pytest.mark.parametrize(
    ("rate", "shown"), [(0.01, "0.0100"), (0.00003, "3.00e-05"), (0.0, "0.00")]
)
def test_a_small_learning_rate_is_not_shown_as_zero(
    rate: float, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with Display(9, lambda step: "") as display:
        display.update(Chunk(0, [2.5], [rate]))
        assert display.progress
        [task] = display.progress.tasks
    assert task.fields["rate"] == shown
