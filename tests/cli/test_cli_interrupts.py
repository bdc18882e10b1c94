"""Ctrl-C in commands that have nothing to save, and streams that are closed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support import Command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

HEAR = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""Whoever started the tests may ignore Ctrl-C; what is ignored would stay so."""
COMMAND = HEAR + "from glassgpt.cli import main; main()"


@pytest.mark.parametrize(
    "arguments", ["sample run -n 1000000", "eval run -n 1000000", "bench --rounds 100000"]
)
def test_ctrl_c_is_one_line_and_130(glassgpt: Command, arguments: str) -> None:
    glassgpt("train", "ten", "--steps", "2", "--samples", "0", "-o", "run")
    command = [sys.executable, "-c", COMMAND, *arguments.split()]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(3)  # so that it is at work
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert err.removeprefix("timing …\n") == "glassgpt: stopped\n"


def test_an_interrupt_that_python_swallows_comes_again() -> None:
    """In a destructor an exception can only be printed: there it would be forgotten."""
    program = (
        HEAR
        + """
import os, time
from glassgpt.runs.interrupts import swallowed_interrupts_return
swallowed_interrupts_return()
class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0)
try:
    Last()
    for _ in range(1000):
        time.sleep(0.01)
    print("swallowed")
except KeyboardInterrupt:
    print("came")
"""
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("came\n", "")


def test_other_exceptions_that_cannot_be_raised_are_shown() -> None:
    program = """
from glassgpt.runs.interrupts import swallowed_interrupts_return
swallowed_interrupts_return()
class Last:
    def __del__(self):
        raise ValueError("shown")
Last()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "ValueError: shown" in done.stderr


def test_a_closed_standard_error_ends_nothing(tmp_path: Path) -> None:
    shell = f"{sys.executable} -m glassgpt train ten --steps 20 -o run 2>&-"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 20
    assert (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("redirection", "why"),
    [(">&-", "Bad file descriptor"), ("> /dev/full", "No space left on device")],
)
def test_results_that_cannot_be_written_are_an_error(
    glassgpt: Command, redirection: str, why: str
) -> None:
    if "full" in redirection and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    glassgpt("train", "ten", "--steps", "2", "--samples", "0", "-o", "run")
    shell = f"{sys.executable} -m glassgpt sample run -n 3 {redirection}"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"glassgpt: standard output: {why}\n")
