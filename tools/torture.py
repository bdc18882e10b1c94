"""Kill training at random, again and again; go on; demand the numbers of a run never stopped.

    python tools/torture.py [--kills 100] [--seed 1] [--engines numpy,scalar]

Every command is a process of its own (a fork, so that kills are many and cheap) that runs the
`glassgpt` command line. After each kill the run is resumed, and perhaps killed again; in the end
weights, log, configuration and samples must be those of the unbroken run, byte for byte. The same
after full disks, read-only and removed directories, and signals. Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from children import Child, Wrong, fork, kill_at

from glassgpt import engines
from glassgpt.runs.directory import FILES

SECONDS = 0.4
"""How long the training of a run takes where nobody kills it."""


class Campaign:
    """One engine: the unbroken run, and everything that is held against it."""

    def __init__(self, engine: str, directory: Path, rng: random.Random) -> None:
        self.engine, self.directory, self.rng, self.number = engine, directory, rng, 0
        self.counts: Counter[str] = Counter()
        self.slowest, self.steps = 0.0, 10
        self.whole, self.seconds, self.result = self.unbroken()
        while self.seconds < SECONDS / 4:
            self.steps *= 2
            self.whole, self.seconds, self.result = self.unbroken()
        self.steps = max(20, int(self.steps * SECONDS / self.seconds))
        self.whole, self.seconds, self.result = self.unbroken()

    def unbroken(self) -> tuple[Path, float, dict[str, object]]:
        """A run that nothing happens to: where it is, how long it trained, its outcome."""
        run = self.directory / f"whole{self.steps}"
        child = self.start(run)
        if child.wait():
            raise Wrong(child.text("err"))
        return run, json.loads(child.text("out"))["train_seconds"], self.outcome(child)

    def start(self, run: Path, before: Callable[[], object] | None = None) -> Child:
        steps, often = ["--steps", str(self.steps)], ["--save-every", "0", "--json"]
        command = ["train", "ten", "--engine", self.engine, *steps, "-o", str(run), *often]
        return self.child(command, before)

    def resume(self, run: Path, before: Callable[[], object] | None = None) -> Child:
        command = ["train", "--resume", str(run), "--save-every", "0", "--json"]
        return self.child(command, before)

    def child(self, command: list[str], before: Callable[[], object] | None) -> Child:
        self.number += 1
        return fork(command, self.directory / f"output{self.number}", before)

    def outcome(self, child: Child) -> dict[str, object]:
        """What must be the same however often the run was stopped."""
        printed = json.loads(child.text("out"))
        return {key: printed[key] for key in ("steps", "losses", "samples", "novelty", "training")}

    def finish(self, run: Path) -> None:
        """Resume to the end, or start anew where there was no checkpoint yet; compare."""
        child = self.resume(run)
        if child.wait():
            self.no_checkpoint_yet(child)
            child = self.start(run)
            if child.wait():
                raise Wrong(f"a new start in {run} failed: {child.text('err')}")
        if self.outcome(child) != self.result:
            raise Wrong(f"{run}: other numbers or samples than the unbroken run")
        for name in FILES:
            if (run / name).read_bytes() != (self.whole / name).read_bytes():
                raise Wrong(f"{run / name} is not that of the unbroken run")
        if left := {path.name for path in run.iterdir()} - {*FILES, ".lock"}:
            raise Wrong(f"{run}: {left} was left behind")
        shutil.rmtree(run)
        self.counts["identical"] += 1

    def no_checkpoint_yet(self, child: Child) -> None:
        sayings = ("before its first checkpoint", "there is no run")
        # The last: killed between making the directory and locking it.
        if not child.failed_in_one_line(*sayings, "config.json is missing"):
            raise Wrong(child.text("err"))
        self.counts["before the first checkpoint"] += 1

    def await_checkpoint(self, child: Child, run: Path) -> None:
        while not (run / "model.safetensors").exists() and not child.ended():
            time.sleep(0.0005)

    def look(self, run: Path) -> None:
        """Count what a kill left behind."""
        if not (run / "model.safetensors").exists():
            return
        self.counts["a half-written file left"] += any(run.glob(".*.tmp"))
        before = (run / "losses.f64").stat().st_size // 8
        with (run / "model.safetensors").open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            step = int(json.loads(file.read(size))["__metadata__"]["step"])
        self.counts["the log ahead of the model"] += before > step
        self.counts["mid-training"] += step < self.steps

    # --- the trials ---

    def kills(self, count: int) -> None:
        """SIGKILL at random moments, the resumed runs included."""
        done = 0
        while done < count:
            run = self.directory / f"kill{done}"
            child = self.start(run)
            while True:
                if self.rng.random() < 0.9:
                    self.await_checkpoint(child, run)
                time.sleep(self.rng.uniform(0, self.seconds))
                if child.ended():
                    break  # it was faster
                child.send(signal.SIGKILL)
                child.wait()
                done += 1
                self.look(run)
                started = (run / "model.safetensors").exists()
                if done == count or not started or self.rng.random() < 0.5:
                    break
                child = self.resume(run)
            self.finish(run)
        self.counts["kills"] += done

    def kill_at_every_file_operation(self, stride: int) -> None:
        """SIGKILL just before the first, second, third… operation on the run directory.

        On a short run, which has them all: those of a start, of a few checkpoints, of an end.
        """
        self.steps = max(2, self.steps // 8)
        self.whole, self.seconds, self.result = self.unbroken()
        for point in range(self.rng.randint(1, stride), 10_000, stride):
            run = self.directory / f"point{point}"
            child = self.start(run, before=lambda run=run, point=point: kill_at(run, point))
            last = child.wait() != -signal.SIGKILL
            self.finish(run)
            if last:
                return
            self.counts["kills at a file operation"] += 1

    def signals(self, count: int) -> None:
        """Ctrl-C and SIGTERM, every third twice: saved, one line, the right status, resumable."""
        for i in range(count):
            run = self.directory / f"signal{i}"
            number = self.rng.choice([signal.SIGINT, signal.SIGTERM])
            child = self.start(run)
            if i % 4:
                self.await_checkpoint(child, run)
            time.sleep(self.rng.uniform(0, self.seconds))
            if not child.ended():
                sent = time.monotonic()
                child.send(number)
                if i % 3 == 0:
                    time.sleep(self.rng.uniform(0, 0.05))
                    child.send(number)
                status = child.wait()
                if status not in (128 + number, -number, 0):
                    raise Wrong(f"status {status} after signal {number}: {child.text('err')}")
                if "Traceback" in child.text("err"):
                    raise Wrong(child.text("err"))
                self.slowest = max(self.slowest, time.monotonic() - sent)
                self.counts["signals"] += 1
            self.finish(run)

    def second_writer(self) -> None:
        run = self.directory / "two"
        first = self.start(run)
        self.await_checkpoint(first, run)
        first.send(signal.SIGSTOP)
        for second in (self.resume(run), self.start(run)):
            if second.wait() != 1 or not second.failed_in_one_line("in use", "holds a run"):
                raise Wrong("two processes on one run directory")
            self.counts["second writers refused"] += 1
        first.send(signal.SIGCONT)
        first.wait()
        self.finish(run)

    def small_files_only(self, count: int) -> None:
        """No file may grow beyond a limit: what a full disk or a quota does."""
        for i in range(count):
            run = self.directory / f"limit{i}"
            largest = max(path.stat().st_size for path in self.whole.iterdir())
            limit = self.rng.randint(4096, largest + 4096)  # so that it can still say what is wrong

            def before(limit: int = limit) -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

            self.refused(self.start(run, before=before), "File too large")
            self.finish(run)

    def full_disk(self, count: int) -> None:
        disk = self.directory / "disk"
        disk.mkdir()
        need = sum(path.stat().st_size for path in self.whole.iterdir()) // 1024
        for i in range(count):
            size = f"size={self.rng.randint(20, need + 150)}k"
            if mount("-t", "tmpfs", "-o", size, "tmpfs", disk):
                return
            try:
                run = disk / f"run{i}"
                self.refused(self.start(run), "No space left on device")
                mount("-o", "remount,size=64m", disk)
                self.finish(run)
            finally:
                subprocess.run(["umount", "-l", disk], check=True)

    def read_only(self) -> None:
        """The directory becomes read-only under the training."""
        run = self.directory / "locked"
        child = self.start(run)
        self.await_checkpoint(child, run)
        time.sleep(self.rng.uniform(0, self.seconds / 4))
        if child.ended():
            return
        child.send(signal.SIGSTOP)  # so that nothing is open where it is mounted
        if os.geteuid():
            run.chmod(0o555)
        elif mount("--bind", run, run):
            child.send(signal.SIGCONT)  # root may write anywhere, but may not mount here
            child.wait()
            return
        elif mount("-o", "remount,bind,ro", run):
            raise Wrong("the directory could not be made read-only")
        child.send(signal.SIGCONT)
        try:
            self.refused(child, "Permission denied", "Read-only file system")
            child = self.resume(run)
            if not child.wait():
                raise Wrong("a read-only run was resumed")
            self.refused(child, "Permission denied", "Read-only file system")
        finally:
            if os.geteuid():
                run.chmod(0o755)
            else:
                subprocess.run(["umount", "-l", run], check=True)
        self.finish(run)

    def removed(self) -> None:
        run = self.directory / "removed"
        child = self.start(run)
        self.await_checkpoint(child, run)
        time.sleep(self.rng.uniform(0, self.seconds / 4))
        run.rename(run.with_name("elsewhere"))
        self.refused(child, "is gone", "No such file")
        run.with_name("elsewhere").rename(run)
        self.finish(run)

    def refused(self, child: Child, *sayings: str) -> None:
        if child.wait() and not child.failed_in_one_line(*sayings):
            raise Wrong(f"not {sayings[0]!r}: {child.text('err')}")
        self.counts["faults in one line" if child.status else "faults too late to matter"] += 1


def mount(*arguments: str | Path) -> int:
    return subprocess.run(["mount", *arguments], stderr=subprocess.DEVNULL).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="for each engine")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engines", default=",".join(engines.available()))
    options = parser.parse_args()
    few = max(3, options.kills // 10)
    for engine in options.engines.split(","):
        rng, started = random.Random(f"{options.seed} {engine}"), time.monotonic()
        with tempfile.TemporaryDirectory(prefix="glassgpt-torture-") as directory:
            tempfile.tempdir = directory  # where a run is saved that cannot be in its place
            try:
                campaign = Campaign(engine, Path(directory), rng)
                campaign.kills(options.kills)
                campaign.signals(few)
                campaign.second_writer()
                campaign.small_files_only(few)
                campaign.full_disk(few)
                campaign.read_only()
                campaign.removed()
                campaign.kill_at_every_file_operation(1 if options.kills >= 50 else 8)
            except Wrong as wrong:
                sys.exit(f"{engine}, seed {options.seed}: WRONG: {wrong}")
            print(f"{engine}: {time.monotonic() - started:.0f} s; ", end="")
            print("; ".join(f"{n} {what}" for what, n in campaign.counts.items() if n), end="")
            print(f"; slowest end after a signal {1000 * campaign.slowest:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
