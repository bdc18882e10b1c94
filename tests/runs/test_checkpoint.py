"""Run directories: what is written is read back bit for bit, and what is wrong is refused."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from glassgpt import datasets, engines
from glassgpt.config import TrainConfig
from glassgpt.errors import RunError
from glassgpt.runs import directory as checkpoint
from glassgpt.runs import export as modelfile
from glassgpt.runs import log as runlog
from glassgpt.runs.directory import RunInfo, SavedRun
from glassgpt.runs.writer import RunWriter
from glassgpt.training import begin, train

STEPS = 12


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    """A finished run of the ten names, saved twice on the way."""
    data = datasets.load("ten")
    training = TrainConfig(steps=STEPS)
    run, state, _ = begin(data, training)
    writer = RunWriter.create(tmp_path / "run", run, RunInfo("ten", data.sha256, "numpy"))
    writer.save(state, [])
    engine = engines.create("numpy", run.model, state, training)
    for chunk in train(run, engine):
        writer.save(engine.state(), [chunk])
    return writer.path


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def edit_model(path: Path, tensors: dict[str, Any], **metadata: str) -> None:
    known = {"format": "glassgpt-model", "version": "1", "step": str(STEPS), "model": "{}"}
    save_file(load_file(path) | tensors, path, known | metadata)


def test_a_run_is_read_back_bit_for_bit(run_path: Path) -> None:
    data = datasets.load("ten")
    training = TrainConfig(steps=STEPS)
    run, state, _ = begin(data, training)
    engine = engines.create("numpy", run.model, state, training)
    losses = [loss for chunk in train(run, engine) for loss in chunk.losses]

    saved = checkpoint.load(run_path)

    assert saved.losses == losses
    assert saved.run.documents == run.documents
    assert (saved.run.model, saved.run.training) == (run.model, run.training)
    assert saved.state.step == STEPS
    for ours, theirs in zip(
        (engine.state().params, engine.state().m, engine.state().v),
        (saved.state.params, saved.state.m, saved.state.v),
        strict=True,
    ):
        assert list(ours) == list(theirs)
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_the_log_is_eight_bytes_a_step(run_path: Path) -> None:
    saved = checkpoint.load(run_path)
    assert np.fromfile(run_path / "losses.f64", "<f8").tolist() == saved.losses
    assert (run_path / "losses.f64").stat().st_size == 8 * STEPS
    assert saved.learning_rates == saved.run.training.learning_rates(0, STEPS)


def test_losses_beyond_the_model_are_those_of_unsaved_steps(run_path: Path) -> None:
    with (run_path / "losses.f64").open("ab") as log:
        log.write(b"a kill in the middle of writing")
    assert len(checkpoint.load(run_path).losses) == STEPS


def test_the_log_is_read_only_where_it_is_asked_for(run_path: Path) -> None:
    (run_path / "losses.f64").unlink()
    saved = checkpoint.load(run_path)  # enough for sample, eval and explain
    with pytest.raises(RunError, match=r"losses\.f64 is missing"):
        saved.losses  # noqa: B018 # reading it is the test


@pytest.mark.parametrize("name", checkpoint.FILES[1:])
def test_a_flipped_bit_is_noticed_wherever_it_is(run_path: Path, name: str) -> None:
    whole = (run_path / name).read_bytes()
    places = range(0, len(whole), max(1, len(whole) // 97))
    for place in [*places, len(whole) - 1]:
        for bit in (1, 64):
            flipped = whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]
            (run_path / name).write_bytes(flipped)
            with pytest.raises(RunError, match=re.escape(name)):
                assert checkpoint.load(run_path).losses
            with pytest.raises(RunError, match=re.escape(name)):
                RunWriter.resume(run_path)
    (run_path / name).write_bytes(whole)
    RunWriter.resume(run_path)[0].close()


def make_old(run: Path) -> list[str]:
    """Turn it into a run of version 0.1.0: without checksums, with a log of lines."""
    saved = checkpoint.load(run)
    rows = zip(saved.losses, saved.learning_rates, strict=True)
    lines = [
        json.dumps({"step": i, "documents": saved.run.batch(i - 1), "loss": x, "learning_rate": lr})
        for i, (x, lr) in enumerate(rows, 1)
    ]
    (run / "log.jsonl").write_text("\n".join([*lines, '{"step": 13, "docu']))
    (run / "losses.f64").unlink()
    edit_json(run / "config.json", lambda c: (c.pop("sha256"), c.pop("schedule")))
    known = {"format": "glassgpt-model", "version": "1", "step": str(STEPS), "model": "{}"}
    save_file(load_file(run / "model.safetensors"), run / "model.safetensors", known)
    return lines


def test_a_run_of_version_0_1_0_is_read_and_brought_up_to_date(run_path: Path) -> None:
    writer, _ = RunWriter.resume(run_path)
    writer.replan(2 * STEPS)
    writer.close()
    before = checkpoint.load(run_path)
    assert len(before.losses) == STEPS
    new = {name: (run_path / name).read_bytes() for name in checkpoint.FILES}
    make_old(run_path)
    old = checkpoint.load(run_path)
    assert (old.losses, old.learning_rates) == (before.losses, before.learning_rates)
    RunWriter.resume(run_path)[0].close()
    after = checkpoint.load(run_path)
    assert (after.losses, after.learning_rates) == (before.losses, before.learning_rates)
    assert after.schedule == before.schedule == [(0, STEPS), (STEPS, 2 * STEPS)]
    assert {name: (run_path / name).read_bytes() for name in checkpoint.FILES} == new
    assert not (run_path / "log.jsonl").exists()


@pytest.mark.parametrize("operation", range(1, 8))
def test_bringing_it_up_to_date_survives_a_failure_anywhere(
    run_path: Path, operation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old(run_path)
    losses = checkpoint.load(run_path).losses
    fsync, calls = os.fsync, []

    def fail(handle: int) -> None:
        calls.append(handle)
        if len(calls) == operation:
            raise OSError(28, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as full:
        full.setattr("os.fsync", fail)
        if operation < 7:
            with pytest.raises(RunError, match="No space left"):
                RunWriter.resume(run_path)
        else:
            RunWriter.resume(run_path)[0].close()
    assert checkpoint.load(run_path).losses == losses
    RunWriter.resume(run_path)[0].close()
    assert checkpoint.load(run_path).losses == losses


@pytest.mark.parametrize(
    ("plans", "made"),
    [([12], 12), ([12, 24], 20), ([12, 24, 30], 29), ([1000], 1), ([5], 0), ([12, 24], 12)],
)
def test_the_schedule_is_found_in_the_learning_rates(plans: list[int], made: int) -> None:
    training = TrainConfig(steps=plans[-1])
    schedule = list(zip([0, *plans], plans, strict=False))
    rates = runlog.learning_rates(schedule, training, made)
    assert runlog.find_schedule(rates, training) == schedule


def test_a_directory_with_files_in_it_is_never_written_to(run_path: Path) -> None:
    saved = checkpoint.load(run_path)
    before = {path.name: path.read_bytes() for path in run_path.iterdir()}
    with pytest.raises(RunError, match="exists already"):
        RunWriter.create(run_path, saved.run, saved.info)
    assert {path.name: path.read_bytes() for path in run_path.iterdir()} == before


def remove(name: str) -> Callable[[Path], object]:
    return lambda run: (run / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes(content)


def truncate(name: str, size: int) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:size])


def config(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    return lambda run: edit_json(run / "config.json", change)


def damage_log(loss: str) -> Callable[[Path], object]:
    def damage(run: Path) -> None:
        make_old(run)
        log = run / "log.jsonl"
        log.write_text(re.sub('"loss": [0-9.]+', loss, log.read_text(), count=1))

    return damage


def old(damage: Callable[[Path], object]) -> Callable[[Path], object]:
    """As damage to a run of version 0.1.0, where no checksum comes before what it tests."""
    return lambda run: (make_old(run), damage(run))


def model(tensors: dict[str, Any] | None = None, **metadata: str) -> Callable[[Path], object]:
    return lambda run: edit_model(run / "model.safetensors", tensors or {}, **metadata)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        *[(remove(name), f"{name} is missing") for name in checkpoint.FILES],
        (config(lambda c: c.pop("schedule")), "'schedule' is missing"),
        (config(lambda c: c.update(schedule=[[1, 12]])), "schedule must be a list of"),
        (config(lambda c: c["sha256"].pop("documents.txt")), "'documents.txt' is missing"),
        (config(lambda c: c.update(sha256=[])), "config.json"),
        (model(), "its metadata have no checksums"),
        (write("config.json", b"{"), "config.json is damaged"),
        (write("config.json", b"\xff"), "not UTF-8"),
        (write("config.json", b"[" * 100_000), "config.json is damaged"),
        (write("config.json", b'{"format": "something"}'), "not a glassgpt-run file"),
        (config(lambda c: c.update(version=2)), "version 2; this glassgpt .* reads up to 1"),
        (config(lambda c: c.update(version="1")), "no valid version"),
        (config(lambda c: c.pop("model")), "'model' is missing"),
        (config(lambda c: c["model"].update(n_head=3)), "n_head is 3; it must divide n_embd"),
        (config(lambda c: c["model"].update(n_embd=10**6)), "n_embd is 1000000"),
        (config(lambda c: c["model"].update(n_layer=2)), "tensor '.*layer1.* is missing"),
        (config(lambda c: c["model"].update(vocab_size=18)), "17 tokens, the model 18"),
        (config(lambda c: c["model"].update(block_size=8)), "'wpe' is F64 .16, 16.; .* .8, 16."),
        (config(lambda c: c["training"].update(lr=1)), "missing or unknown keys: lr"),
        (config(lambda c: c.update(model=[])), "must be an object, not list"),
        (config(lambda c: c.update(num_train=11)), "num_train must be from 1 to 10"),
        (config(lambda c: c.update(temperature="warm")), "temperature is 'warm'"),
        (old(write("documents.txt", b"ABC\n" * 10)), "characters outside"),
        (old(write("tokenizer.json", b"[]")), "not a glassgpt-tokenizer file"),
        (write("losses.f64", b"1234567"), "losses.f64 ends at step 0, the model is at step 12"),
        (old(write("log.jsonl", b"")), "log.jsonl ends at step 0, the model is at step 12"),
        (old(truncate("log.jsonl", 300)), "log.jsonl, line 4 is damaged"),
        (write("model.safetensors", b""), "damaged or not a safetensors file"),
        (write("model.safetensors", b"\xff" * 100), "damaged or not a safetensors file"),
        (truncate("model.safetensors", 5000), "damaged or not a safetensors file"),
        (write("model.safetensors", b"\xff\xff\xff\x7f\0\0\0\0{}"), "length of its header"),
        (model({"adam.v.wpe": np.full((16, 16), -1.0)}), "negative numbers"),
        (config(lambda c: c.update(temperature=float("nan"))), "temperature is nan"),
        (config(lambda c: c.update(temperature=10**400)), "temperature is 1000"),
        (config(lambda c: c["training"].update(learning_rate=10**400)), "learning_rate is 1000"),
        (config(lambda c: c["training"].update({"\x1b[2J\n": 1})), r"unknown keys: \\x1b\[2J$"),
        (config(lambda c: c.update(num_train=True)), "num_train must be"),
        (old(write("documents.txt", b"emma\n\nava\n")), "num_train must be|line 2 is empty"),
        (damage_log('"loss": NaN'), "line 1 is not the record of step 1"),
        (damage_log('"loss": 3'), "line 1 is not the record of step 1"),
        (model(format="pt"), "not one of glassgpt's"),
        (model(version="9"), "version 9"),
        (model(version="x"), "no valid version"),
        (model(step="-1"), "the step in its metadata is '-1'"),
        (old(model(step="999")), "is at step 999; config.json ends at 12"),
        (model({"extra": np.zeros(3)}), "'extra' is not known"),
        (
            model({"wte": np.zeros((17, 16), np.float16)}),
            "'wte' is F16 .*; the model needs F64 or F32",
        ),
        (model({"wte": np.full((17, 16), np.nan)}), "not finite"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(
    run_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(run_path)
    with pytest.raises(RunError, match=message) as caught:
        assert checkpoint.load(run_path).losses
    assert "\n" not in str(caught.value)
    assert "run" in str(caught.value)  # it says where


@pytest.mark.parametrize("path", ["nowhere", "file"])
def test_a_path_that_is_no_run(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError):
        checkpoint.load(tmp_path / path)


def test_model_json_holds_the_same_numbers(run_path: Path) -> None:
    saved: SavedRun = checkpoint.load(run_path)
    value = json.loads(modelfile.model_json(saved, documents=True))
    assert value["format"] == "glassgpt-model"
    assert value["step"] == STEPS
    assert value["documents"] == saved.run.documents
    assert value["losses"] == saved.losses
    assert list(value["params"]) == list(saved.state.params)
    for name, rows in value["params"].items():
        assert np.array_equal(np.array(rows), saved.state.params[name])


@pytest.mark.parametrize(("dtype", "width"), [("float64", 8), ("float32", 4), ("bfloat16", 4)])
def test_a_state_is_kept_as_fine_as_it_is(
    tmp_path: Path, begun: Callable[..., tuple], dtype: str, width: int
) -> None:
    run, state, _ = begun(steps=3)
    if dtype != "float64":  # what an engine in float32 gives
        for group in (state.params, state.m, state.v):
            for name, array in group.items():
                group[name] = array.astype(np.float32).astype(np.float64)
    writer = RunWriter.create(tmp_path / "run", run, RunInfo("ten", "0" * 64, "torch", dtype))
    writer.save(state, [])
    writer.close()
    size = (tmp_path / "run" / "model.safetensors").stat().st_size
    assert 0 < size - 3 * width * run.model.num_params < 6000  # the header
    read = checkpoint.load(tmp_path / "run").state
    for got, want in ((read.params, state.params), (read.m, state.m), (read.v, state.v)):
        assert all((got[name] == want[name]).all() for name in want)
