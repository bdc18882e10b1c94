"""Several processes on one model: `torchrun` as people use it, on the CPU, with Gloo."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from glassgpt.errors import EngineError
from glassgpt.runs import directory as checkpoint
from glassgpt.scale.torch.processes import Processes, current

torchrun_only = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
)
RECIPE = ("english", "--engine", "torch", "--batch-size", "6", "--n-layer", "2", "--samples", "3")
STEPS = ("--steps", "40")


def torchrun(processes: int, *arguments: str, restarts: int = 0) -> list[str]:
    """`--standalone` finds a free port, so that tests can run side by side."""
    how = ("--standalone", "--nproc-per-node", str(processes), "--max-restarts", str(restarts))
    return [sys.executable, "-m", "torch.distributed.run", *how, "-m", "glassgpt", *arguments]


def run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=180)


def alone(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "glassgpt", *arguments]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of the recipe, and what it prints."""
    place = tmp_path_factory.mktemp("one")
    done = run(alone("train", *RECIPE, *STEPS, "-o", "run"), place)
    assert done.returncode == 0, done.stderr
    (place / "printed").write_text(done.stdout)
    return place


def assert_same(run_: Path, one: Path) -> None:
    """The curve of one process, and where it ends."""
    got, want = checkpoint.load(run_), checkpoint.load(one / "run")
    assert len(got.losses) == len(want.losses) == got.state.step
    assert np.abs(np.subtract(got.losses, want.losses)).max() <= 1e-12
    for kind in ("params", "m", "v"):
        ours, theirs = getattr(got.state, kind), getattr(want.state, kind)
        for name in theirs:
            assert np.abs(ours[name] - theirs[name]).max() <= 1e-11, name


@torchrun_only
@pytest.mark.parametrize(
    ("processes", "how"),
    [
        (2, ("--parallel", "ddp")),
        (4, ("--parallel", "ddp", "--micro-batch", "1")),
        (2, ("--parallel", "fsdp", "--micro-batch", "2")),
        (4, ("--parallel", "fsdp")),
    ],
    ids=lambda value: value if isinstance(value, int) else "-".join(value[1::2]),
)
def test_any_number_computes_what_one_computes(
    processes: int, how: tuple[str, ...], one: Path, tmp_path: Path
) -> None:
    done = run(torchrun(processes, "train", *RECIPE, *STEPS, *how, "-o", "run"), tmp_path)
    assert done.returncode == 0, done.stderr  # also at the interpreter's end
    assert_same(tmp_path / "run", one)
    assert done.stdout == (one / "printed").read_text()  # the samples, and once
    assert done.stderr.count("step 40/40") == 1
    assert f"tokens per second on {processes} × " in done.stderr


@torchrun_only
def test_a_lost_process_ends_the_job_and_another_number_goes_on(one: Path, tmp_path: Path) -> None:
    long = ("--steps", "100000", "--save-every", "0.2")
    job = subprocess.Popen(
        torchrun(2, "train", *RECIPE, *long, "-o", "run"),
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_steps(job, tmp_path / "run", 1)
    os.kill(workers(job)[-1], signal.SIGKILL)
    _, told = job.communicate(timeout=60)
    assert job.returncode != 0
    saved = checkpoint.load(tmp_path / "run")  # whole
    assert saved.state.step > 0
    [line] = [line for line in told.splitlines() if line.startswith("glassgpt:")]
    assert line.startswith("glassgpt: another process of this training was lost (")
    kept = f"the last good checkpoint, of step {saved.state.step}, is in run; go on with: "
    assert line.endswith(kept + "glassgpt train --resume run")

    # Planned anew it follows the recipe of the short run only from where it was lost; so compare
    # the same end from the same checkpoint, by one process and by four.
    end = str(saved.state.step + 10)
    subprocess.run(["cp", "-r", "run", "alone"], cwd=tmp_path, check=True)
    four = run(torchrun(4, "train", "--resume", "run", "--steps", end), tmp_path)
    single = run(alone("train", "--resume", "alone", "--steps", end), tmp_path)
    assert (four.returncode, single.returncode) == (0, 0), four.stderr + single.stderr
    (tmp_path / "alone").rename(tmp_path / "one")
    (tmp_path / "ended").mkdir()
    (tmp_path / "one").rename(tmp_path / "ended" / "run")
    assert_same(tmp_path / "run", tmp_path / "ended")


@torchrun_only
def test_torchrun_starts_a_broken_job_again_where_it_was(one: Path, tmp_path: Path) -> None:
    command = torchrun(
        2, "train", *RECIPE, "--steps", "1200", "--save-every", "0.2", "-o", "run", restarts=1
    )
    job = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    wait_for_steps(job, tmp_path / "run", 1)
    os.kill(workers(job)[-1], signal.SIGKILL)
    _, told = job.communicate(timeout=120)
    assert job.returncode == 0, told
    assert "run: 4,383 documents, at step " in told
    assert len(checkpoint.load(tmp_path / "run").losses) == 1200


@torchrun_only
def test_ctrl_c_is_for_all_of_them(tmp_path: Path) -> None:
    job = subprocess.Popen(
        torchrun(2, "train", *RECIPE, "--steps", "100000", "--save-every", "0.2", "-o", "run"),
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    wait_for_steps(job, tmp_path / "run", 1)
    os.killpg(job.pid, signal.SIGINT)  # as a terminal does it
    _, told = job.communicate(timeout=60)
    step = checkpoint.load(tmp_path / "run").state.step
    assert step > 0
    assert f"stopped: step {step} of 100000 is saved; go on with: glassgpt train --resume" in told


@torchrun_only
def test_what_is_wrong_is_said_once_and_nothing_is_made(tmp_path: Path) -> None:
    done = run(torchrun(2, "train", "english", "--engine", "numpy", "-o", "run"), tmp_path)
    assert done.returncode != 0
    assert [x for x in done.stderr.splitlines() if x.startswith("glassgpt")] == [
        "glassgpt: the numpy engine runs in one process; torchrun needs --engine torch",
        "glassgpt FAILED",  # says torchrun
    ]
    assert not (tmp_path / "run").exists()


@torchrun_only
def test_processes_that_see_other_data_are_found_out(tmp_path: Path) -> None:
    for rank, last in enumerate(("anna", "bert")):
        (tmp_path / str(rank)).mkdir()
        (tmp_path / str(rank) / "list.txt").write_text(f"emma\nava\nmia\n{last}\n")
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        "from glassgpt.cli import main\n"
        "os.chdir(os.environ['RANK'])\n"
        "sys.argv = ['glassgpt', 'train', 'list.txt', '--engine', 'torch', '-o', 'run']\n"
        "main()\n"
    )
    command = torchrun(2)
    done = run([*command[: command.index("glassgpt") - 1], str(program)], tmp_path)
    assert done.returncode != 0
    assert "glassgpt: process 1 has a different run from process 0: all must see" in done.stderr


# --- our place ------------------------------------------------------------------------------------


def test_by_itself_a_process_is_the_first_and_agrees_with_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("RANK", "3")  # a name that others use, too
    here = current()
    assert here == Processes()
    assert here.first
    assert (here.agree(7), here.total(2.5)) == (7, 2.5)
    here.same("anything", "run")


def test_the_place_that_torchrun_has_given(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT")
    for name, value in zip(names, ("5", "8", "1", "4", "2"), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert current() == Processes(5, 8, 1, 4, 2)
    monkeypatch.setenv("RANK", "five")
    with pytest.raises(EngineError, match="torchrun has not set RANK, WORLD_SIZE"):
        current()


# --- helpers --------------------------------------------------------------------------------------


def wait_for_steps(job: subprocess.Popen[str], run_: Path, steps: int) -> None:
    """Until so many steps are in a checkpoint."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and job.poll() is None:
        if (run_ / "model.safetensors").exists() and (
            run_ / "losses.f64"
        ).stat().st_size >= 8 * steps:
            return
        time.sleep(0.02)
    job.kill()
    raise AssertionError(job.communicate()[1])


def workers(job: subprocess.Popen[str]) -> list[int]:
    """The processes that torchrun has started, the first one first."""
    found = {}
    for process in Path("/proc").iterdir():
        try:
            stat, command = (process / "stat").read_text(), (process / "cmdline").read_bytes()
            if int(stat.rpartition(")")[2].split()[1]) == job.pid and b"glassgpt" in command:
                environment = (process / "environ").read_bytes().split(b"\0")
                [rank] = [x for x in environment if x.startswith(b"RANK=")]
                found[int(rank.partition(b"=")[2])] = int(process.name)
        except (OSError, ValueError, IndexError):
            continue
    return [found[rank] for rank in sorted(found)]
