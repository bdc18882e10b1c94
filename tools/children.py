"""`glassgpt` commands in processes of their own: forked, so that many can be started and killed."""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # no threads in the parent, so that it can fork

import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import glassgpt.cli.train
from glassgpt import evaluation
from glassgpt.runs import saver as saving

assert glassgpt.cli.train and evaluation and saving  # loaded here, so that each fork has them


class Wrong(Exception):
    """An outcome that must not be."""


@dataclass
class Child:
    """A `glassgpt` command in a process of its own."""

    pid: int
    output: Path
    status: int | None = None

    def ended(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def wait(self, seconds: float = 120) -> int:
        """The exit status; that of a signal is negative."""
        end = time.monotonic() + seconds
        while not self.ended():
            if time.monotonic() > end:
                self.send(signal.SIGKILL)
                raise Wrong(f"it hangs: no end after {seconds} s")
            time.sleep(0.0005)
        assert self.status is not None
        return self.status

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def text(self, stream: str) -> str:
        return (self.output / stream).read_text(errors="replace")

    def failed_in_one_line(self, *sayings: str) -> bool:
        """Whether it ended with one of these errors; Wrong if it did not say it in one line."""
        last = (self.text("err").splitlines() or [""])[-1]
        if "Traceback" in self.text("err") or not last.startswith("glassgpt: "):
            raise Wrong(f"not one line: {self.text('err')[-2000:]}")
        return any(saying in last for saying in sayings)


def fork(arguments: list[str], output: Path, before: Callable[[], object] | None = None) -> Child:
    """Run `glassgpt` with these arguments; `before` is called in the child, before anything."""
    output.mkdir()
    pid = os.fork()
    if pid:
        return Child(pid, output)
    status = 99
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(output / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        if before:
            before()
        sys.argv = ["glassgpt", *arguments]
        from glassgpt.cli import main

        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def kill_at(run: Path, point: int) -> None:
    """In a child: die just before its so-many-th operation on a file in `run`."""
    left = [point]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        watched = ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate")
        if event in watched and str(arguments[0]).startswith(str(run)):
            count()

    sys.addaudithook(audit)
    fsync = os.fsync
    os.fsync = lambda handle: (count(), fsync(handle))[1]
