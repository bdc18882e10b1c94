"""The fuzz campaign in short, and what it has found; `make fuzz` is the long one."""

from __future__ import annotations

import ast
import io
import os
import random
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from glassgpt import datasets, engines
from glassgpt.cli import main
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.datasets import from_texts, read_documents
from glassgpt.errors import ConfigError, DataError, DivergedError, GlassError, RunError
from glassgpt.files import safetensors
from glassgpt.files.atomic import read_regular, write_atomically
from glassgpt.runs.directory import FILES, RunInfo, load
from glassgpt.runs.writer import RunWriter
from glassgpt.sampling import SampleConfig, generate
from glassgpt.text.characters import CharTokenizer
from glassgpt.trace import trace
from glassgpt.training import begin
from support import ROOT, SMALL, build, small_params

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


@posix
@pytest.mark.parametrize(("driver", "cases"), [("mutate", 10_000), ("hypothesis", 1000)])
def test_hostile_input_is_refused_in_one_line_or_understood(
    tmp_path: Path, driver: str, cases: int
) -> None:
    tool = [sys.executable, ROOT / "tools" / "fuzz.py", "--driver", driver, "--cases", str(cases)]
    done = subprocess.run([*tool], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "nothing found" in done.stdout


# --- found by the campaign, or while it was written ---


def test_combining_marks_without_end_take_no_time() -> None:
    """Sorting them is quadratic: a line of a megabyte would take five minutes."""
    line = "a" + "\u0315\u0300" * 200_000
    started = time.monotonic()
    with pytest.raises(DataError, match=r"list, line 2: more than 255 combining marks in a row"):
        read_documents(f"anna\n{line}\n".encode(), "list", "nfd")
    assert time.monotonic() - started < 2
    assert len(read_documents(f"anna\n{line}\n".encode(), "list", "none")[0]) == 2
    zalgo = "Z" + "\u0315\u0300" * 20 + "algo"
    assert read_documents(f"anna\n{zalgo}\n".encode(), "list", "nfc")[0][1].endswith("algo")


@pytest.mark.parametrize("char", ["\x1b", "\r", "\0", "\ud800", "\x85"])
def test_a_strangers_vocabulary_cannot_drive_the_terminal(char: str) -> None:
    with pytest.raises(ConfigError, match="control characters"):
        CharTokenizer.from_dict({"kind": "characters", "normalize": "none", "chars": [char]})


def test_errors_are_one_line_whatever_they_quote() -> None:
    error = GlassError("bad \x1b[31m\n\nvalue \ud800 " + "x" * 10**6)
    assert str(error).startswith("bad \\x1b[31m value \\ud800 xxx")
    assert len(str(error)) < 1100


def test_room_is_made_for_the_file_not_for_the_limit(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"abc")
    tracemalloc.start()
    assert read_regular(tmp_path / "small", 1 << 30) == b"abc"
    assert datasets.load(str(ROOT / "src/glassgpt/datasets/ten.txt")).report.lines == 10
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_a_huge_block_size_costs_nothing_until_it_is_used(engine: str) -> None:
    """A mask of block_size squared would be 8 TB; the file has 8 MB."""
    config = ModelConfig(3, 1, 1, 1, 2**20)
    model = build(engine, config, small_params(config))
    assert np.isfinite(model.session().feed(2)).all()


def tiny_run(path: Path, **weights: float) -> None:
    documents = ["ab", "ba"]
    tokenizer = CharTokenizer.from_documents(documents)
    run, state, _ = begin(
        from_texts(documents, tokenizer=tokenizer), TrainConfig(steps=1), 1, 2, 1, 4
    )
    for name, value in weights.items():
        state.params[name][:] = value
    writer = RunWriter.create(path, run, RunInfo("list", "00", "numpy"))
    writer.save(state, [])
    writer.close()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("engine", ["numpy", "scalar"])
def test_weights_that_overflow_are_told_of(tmp_path: Path, engine: str) -> None:
    tiny_run(tmp_path / "run", lm_head=1.7e308, wte=1.0)
    saved = load(tmp_path / "run")
    model = engines.create(engine, saved.run.model, saved.state, saved.run.training)
    tokenizer = saved.run.tokenizer
    with pytest.raises(GlassError, match="not finite numbers"):
        generate(model, tokenizer, random.Random(0), SampleConfig(1.0))
    with pytest.raises(DivergedError, match="not all finite numbers"):
        trace(saved.run.model, saved.state, tokenizer.encode("ab"))


def test_a_probability_too_small_for_a_float_has_a_finite_logarithm() -> None:
    params = small_params(std=0.5)
    params["lm_head"] *= 1e4
    engine = build("numpy", SMALL, params)
    rng = random.Random(3)
    samples = [generate(engine, CharTokenizer("abcd"), rng, SampleConfig(1e6)) for _ in range(20)]
    assert all(np.isfinite(s.log_prob) for s in samples)
    assert min(s.log_prob for s in samples) < -750


def test_a_shape_of_a_million_dimensions_is_refused_at_once() -> None:
    text = b'{"a":{"dtype":"F64","shape":[' + b"9999," * 10**6 + b'1],"data_offsets":[0,0]}}'
    data = len(text).to_bytes(8, "little") + text
    started = time.monotonic()
    with pytest.raises(ValueError, match="the entry of 'a' in its header is wrong"):
        safetensors.read_header(io.BytesIO(data), len(data))
    assert time.monotonic() - started < 5


def test_a_name_that_is_not_utf8_is_kept(tmp_path: Path) -> None:
    documents = ["ab", "ba"]
    run, state, _ = begin(from_texts(documents), TrainConfig(steps=1))
    writer = RunWriter.create(tmp_path / "run", run, RunInfo("list-\udc80.txt", "00", "numpy"))
    writer.save(state, [])
    assert load(tmp_path / "run").info.data_name == "list-\udc80.txt"


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b"])
def test_paths_that_cannot_be(path: str) -> None:
    with pytest.raises(RunError, match=r"cannot read|there is no run"):
        load(Path(path))


@posix
def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, b"content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert pipe.is_fifo()


def test_what_the_terminal_cannot_show_is_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.txt").write_text("क़\né\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "argv", ["glassgpt", "datasets", "show", "list.txt"])
    with pytest.raises(SystemExit) as status:
        main()
    out.flush()
    assert status.value.code == 0
    assert b"\\u0915\\u093c" in out.buffer.getvalue()  # type: ignore[attr-defined]


def test_no_file_of_a_run_is_pickled(tmp_path: Path) -> None:
    tiny_run(tmp_path / "run")
    assert {p.name for p in (tmp_path / "run").iterdir()} == {*FILES, ".lock"}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.id] if isinstance(node, ast.Name) else []
            assert not {"pickle", "marshal", "shelve", "eval", "exec"} & set(names), path


@pytest.mark.parametrize(
    "command", ["eval run -n 99999999", "sample run -n 99999999", "train ten --samples 99999999"]
)
def test_endless_samples_are_refused(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny_run(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["glassgpt", *command.split()])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "99999999; it must be from" in capsys.readouterr().err
