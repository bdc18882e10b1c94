"""Going on with a run: the same numbers, nothing lost, nobody else's work touched."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgpt import datasets, engines
from glassgpt.config import TrainConfig
from glassgpt.errors import DivergedError, RunError
from glassgpt.runs import directory as checkpoint
from glassgpt.runs import log as runlog
from glassgpt.runs.directory import FILES, RunInfo
from glassgpt.runs.interrupts import Interrupts
from glassgpt.runs.saver import Saver
from glassgpt.runs.writer import RunWriter
from glassgpt.sampling import SampleConfig, generate
from glassgpt.training import Chunk, begin, replay, train
from support import PRECISIONS, Command

STEPS = 14
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


def start(path: Path, engine: str = "numpy", dtype: str = "float64") -> RunWriter:
    """A new run of the ten names at step 0."""
    data = datasets.load("ten")
    training = TrainConfig(steps=STEPS, batch_size=3)
    run, state, _ = begin(data, training)
    writer = RunWriter.create(path, run, RunInfo("ten", data.sha256, engine, dtype))
    writer.save(state, [])
    return writer


def go_on(path: Path, until: int = 10**9) -> list[str]:
    """Resume, train to this step, save; the samples that the command line would print."""
    writer, saved = RunWriter.resume(path)
    run, info = saved.run, saved.info
    model = engines.create(info.engine, run.model, saved.state, run.training, info.dtype)
    chunks: list[Chunk] = []

    def stop() -> bool:
        return saved.state.step + sum(len(chunk.losses) for chunk in chunks) >= until

    for chunk in train(run, model, saved.state.step, stop):
        chunks.append(chunk)
    if chunks:
        writer.save(model.state(), chunks)
    writer.close()
    _, rng = replay(run)
    return [generate(model, run.tokenizer, rng, SampleConfig()).text for _ in range(5)]


def contents(path: Path) -> dict[str, bytes]:
    return {name: (path / name).read_bytes() for name in FILES}


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step at a time, so that a run can be stopped anywhere."""
    monkeypatch.setattr("glassgpt.engines.base.BaseEngine.chunk_seconds", 0.0)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize(("engine", "dtype"), PRECISIONS)
def test_a_resumed_run_is_the_unbroken_one_bit_for_bit(
    tmp_path: Path, engine: str, dtype: str
) -> None:
    if engine not in engines.available():
        pytest.skip(f"the {engine} engine is not available here")
    start(tmp_path / "whole", engine, dtype).close()
    samples = go_on(tmp_path / "whole")
    start(tmp_path / "broken", engine, dtype).close()
    for until in (1, 2, 9):
        go_on(tmp_path / "broken", until)
        with (tmp_path / "broken" / "losses.f64").open("ab") as log:
            log.write(b"steps that were not saved")
        (tmp_path / "broken" / ".model.safetensors.0123abcd.tmp").write_bytes(b"half")
    assert go_on(tmp_path / "broken") == samples
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")
    assert not list((tmp_path / "broken").glob("*.tmp"))


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    start(tmp_path / "run").close()
    samples = go_on(tmp_path / "run")
    before = contents(tmp_path / "run")
    assert go_on(tmp_path / "run") == samples
    assert contents(tmp_path / "run") == before


def test_more_steps_plan_the_learning_rate_anew(tmp_path: Path) -> None:
    """The rates of the steps made stay; those to come are as if planned so from the start."""
    start(tmp_path / "run").close()
    go_on(tmp_path / "run")
    writer, _ = RunWriter.resume(tmp_path / "run")
    writer.replan(2 * STEPS)
    writer.close()
    go_on(tmp_path / "run")
    saved = checkpoint.load(tmp_path / "run")
    assert saved.run.training.steps == saved.state.step == 2 * STEPS
    first, then = saved.learning_rates[:STEPS], saved.learning_rates[STEPS:]
    assert first == TrainConfig(steps=STEPS).learning_rates(0, STEPS)
    assert then == TrainConfig(steps=2 * STEPS).learning_rates(STEPS, 2 * STEPS)
    assert min(then) > 0


def test_only_one_writer(tmp_path: Path) -> None:
    writer = start(tmp_path / "run")
    with pytest.raises(RunError, match=r"run is in use: another glassgpt is training there"):
        RunWriter.resume(tmp_path / "run")
    writer.close()
    RunWriter.resume(tmp_path / "run")[0].close()


def kill_start(path: Path, files: int) -> None:
    """What a start leaves behind that was killed after so many files."""
    writer = start(path)
    writer.close()
    for name in FILES[files:]:
        (path / name).unlink()


@pytest.mark.parametrize("files", range(5))
def test_a_start_that_was_killed_blocks_nothing(tmp_path: Path, files: int) -> None:
    kill_start(tmp_path / "run", files)
    (tmp_path / "run" / f".{FILES[files]}.0123abcd.tmp").write_bytes(b"half")
    with pytest.raises(RunError, match=r"stopped before its first checkpoint.*start again"):
        RunWriter.resume(tmp_path / "run")
    start(tmp_path / "run").close()
    go_on(tmp_path / "run")
    assert {p.name for p in (tmp_path / "run").iterdir()} == {*FILES, ".lock"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: (run / "notes.txt").write_text("mine"),
        lambda run: (run / "config.json").write_text('{"somebody": "else\'s"}'),
        lambda run: (run / "losses.f64").write_text("a log without a model is kept"),
    ],
)
def test_what_is_not_only_ours_is_left_alone(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    kill_start(tmp_path / "run", 4)
    spoil(tmp_path / "run")
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()}
    with pytest.raises(RunError, match="exists already"):
        start(tmp_path / "run")
    with pytest.raises(RunError, match=r"model.safetensors is missing|not a glassgpt-run"):
        RunWriter.resume(tmp_path / "run")
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir()} == before


def test_a_start_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fsync(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(RunError, match=r"cannot write .*run: No space left on device"):
        start(tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("small_chunks")
def test_after_a_failed_save_the_next_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path / "whole").close()
    go_on(tmp_path / "whole")
    start(tmp_path / "run").close()
    writer, saved = RunWriter.resume(tmp_path / "run")
    model = engines.create("numpy", saved.run.model, saved.state, saved.run.training)
    chunks = list(train(saved.run, model))
    with monkeypatch.context() as full:
        full.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(RunError, match=r"step 14 .* full; the checkpoint of step 0 is intact"):
            writer.save(model.state(), chunks)
    assert checkpoint.load(tmp_path / "run").state.step == 0
    writer.save(model.state(), chunks)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_what_could_not_be_read_is_not_saved(tmp_path: Path) -> None:
    writer = start(tmp_path / "run")
    state = checkpoint.load(tmp_path / "run").state
    state.params["wte"][0, 0] = np.inf
    with pytest.raises(DivergedError, match="not all weights are finite"):
        writer.save(state, [])
    checkpoint.load(tmp_path / "run")


@posix
@pytest.mark.parametrize("name", [*FILES, ".lock"])
@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_a_strangers_links_and_pipes_are_not_followed(tmp_path: Path, name: str, kind: str) -> None:
    start(tmp_path / "run").close()
    path = tmp_path / "run" / name
    path.rename(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere").read_bytes()
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(RunError, match=r"not a regular file|Is a directory|model\.safetensors"):
        RunWriter.resume(tmp_path / "run")
    assert (tmp_path / "elsewhere").read_bytes() == before


class SlowWriter:
    """Stands in for a RunWriter on a slow disk."""

    def __init__(self) -> None:
        self.go, self.saved = threading.Event(), []  # type: ignore[var-annotated]
        self.error: Exception | None = None

    def save(self, state: Any, chunks: Any) -> None:
        self.go.wait(5)
        if self.error:
            raise self.error
        self.saved.append((state, list(chunks)))


def test_one_save_at_a_time_and_the_steps_do_not_wait() -> None:
    writer: Any = SlowWriter()
    with Saver(writer, 0) as saver:
        assert saver.due()
        saver.save(lambda: "first", [1])  # type: ignore[arg-type, return-value]
        assert not saver.due()  # the disk is busy: the state of now is not copied
        writer.go.set()
        while not saver.due():
            time.sleep(0.001)
        saver.finish(lambda: "last", [2])  # type: ignore[arg-type,return-value]
    assert writer.saved == [("first", [1]), ("last", [2])]


def test_what_fails_beside_the_steps_is_raised_among_them() -> None:
    writer: Any = SlowWriter()
    writer.error = ValueError("a fault of ours")
    writer.go.set()
    with pytest.raises(ValueError, match="a fault of ours"), Saver(writer, 0) as saver:
        saver.save(lambda: "state", [1])  # type: ignore[arg-type, return-value]
        while True:
            saver.due()
            time.sleep(0.001)


def test_a_full_disk_is_told_once_and_tried_again() -> None:
    writer: Any = SlowWriter()
    writer.error = RunError("the disk is full")
    writer.go.set()
    told: list[str] = []
    with Saver(writer, 0, told.append) as saver:
        for number in (1, 2):
            while not saver.due():
                time.sleep(0.001)
            saver.save(lambda: "state", [number])  # type: ignore[arg-type, return-value, list-item]
        while not saver.due():
            time.sleep(0.001)
        writer.error = None
        saver.finish(lambda: "last", [3])  # type: ignore[arg-type, return-value, list-item]
    assert told == ["the disk is full; training goes on, and saving is tried again"]
    assert writer.saved == [("last", [1, 2, 3])]


@pytest.mark.parametrize("temporary", [True, False])
def test_the_trained_model_outlives_a_full_disk(
    glassgpt: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: bool
) -> None:
    """The samples are printed all the same, and the run is kept elsewhere if that is possible."""
    append = runlog.append
    glassgpt("train", "ten", "--steps", "30", "-o", "whole")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))

    def full(path: Path, end: int, content: bytes) -> int:
        if content and (not temporary or "tmp" not in path.parts):
            raise OSError(28, "No space left on device")
        return append(path, end, content)

    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("glassgpt.runs.log.append", full)
    status, out, err = glassgpt("train", "ten", "--steps", "30", "-o", "run", "--save-every", "0")
    assert (status, len(out.splitlines())) == (1, 20)
    last = err.splitlines()[-1]
    assert last.startswith("glassgpt: cannot save step 30 in run: No space left on device")
    assert checkpoint.load(Path("run")).state.step == 0
    if temporary:
        place = Path(last.split(" is saved in ")[1].removesuffix(" instead"))
        assert contents(place) == contents(Path("whole"))
    else:
        assert "not in a temporary directory either" in last


@posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_asks_the_second_insists(number: int, status: int) -> None:
    # Whoever started the tests may ignore the signal; what is ignored would stay so.
    inherited = signal.signal(number, signal.default_int_handler)
    try:
        with Interrupts() as interrupts:
            assert not interrupts.requested()
            os.kill(os.getpid(), number)
            assert interrupts.requested()
            assert interrupts.status == status
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, inherited)


@posix
def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interrupts.requested()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_state_file_is_what_the_safetensors_library_reads(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy")
    safe_open = pytest.importorskip("safetensors").safe_open
    start(tmp_path / "run").close()
    go_on(tmp_path / "run")
    saved = checkpoint.load(tmp_path / "run")
    tensors = library.load_file(tmp_path / "run" / "model.safetensors")
    assert all(np.array_equal(tensors[name], a) for name, a in saved.state.params.items())
    assert all(np.array_equal(tensors[f"adam.v.{name}"], a) for name, a in saved.state.v.items())
    with safe_open(tmp_path / "run" / "model.safetensors", "np") as file:
        theirs = library.save(tensors, file.metadata())  # other offsets, the same checksum
    (tmp_path / "run" / "model.safetensors").write_bytes(theirs)
    again = checkpoint.load(tmp_path / "run")
    assert all(np.array_equal(again.state.m[name], a) for name, a in saved.state.m.items())
    header = json.loads(theirs[8 : 8 + int.from_bytes(theirs[:8], "little")])
    assert len(header) == 3 * 9 + 1


@posix
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_closed_terminal_saves_the_run(tmp_path: Path) -> None:
    import pty

    run = tmp_path / "run"
    command = [sys.executable, "-m", "glassgpt", "train", "ten", "--steps", "9999999", "-o", run]
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, list(map(str, command)))
    while not (run / "model.safetensors").exists():
        os.read(terminal, 1000)
    os.read(terminal, 1000)
    time.sleep(0.3)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (129, -signal.SIGHUP)
    checkpoint.load(run)
