"""What hostile input meets: each target takes any bytes; a GlassError or success is right."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzz_api import SEEDS as API_SEEDS
from fuzz_api import Api

from glassgpt import datasets, engines
from glassgpt.cli import main as glassgpt
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.datasets import from_texts, read_documents
from glassgpt.errors import DataError, GlassError
from glassgpt.files import safetensors
from glassgpt.runs import directory as checkpoint
from glassgpt.runs.directory import FILES, RunInfo
from glassgpt.runs.writer import RunWriter
from glassgpt.sampling import SampleConfig, encode_prompt, generate
from glassgpt.text.characters import CharTokenizer
from glassgpt.trace import trace
from glassgpt.training import begin, train

FORMS = ("none", "nfc", "nfd")
ENGINES = [name for name in ("numpy", "scalar", "native") if name in engines.available()]
DOCUMENTS = ["abba", "cab", "bad", "add", "dab", "é", "क़"]


@dataclass(frozen=True)
class Target:
    """`share` is its part of the cases; slow targets have a small one."""

    name: str
    run: Callable[[bytes], object]
    seeds: list[bytes]
    share: float = 1.0


def make_run(path: Path) -> None:
    """A small run that was trained and saved."""
    training = TrainConfig(steps=6, val_fraction=0.2)
    tokenizer = CharTokenizer.from_documents(DOCUMENTS)
    run, state, _ = begin(from_texts(DOCUMENTS, tokenizer=tokenizer), training, 1, 4, 2, 6)
    writer = RunWriter.create(path, run, RunInfo("list", "00", "numpy"))
    writer.save(state, [])
    engine = engines.create("numpy", run.model, state, training)
    chunks = list(train(run, engine))
    writer.save(engine.state(), chunks)
    writer.close()


def targets(directory: Path) -> list[Target]:
    """All of them; they work in this directory, which should be in memory."""
    valid = directory / "valid"
    make_run(valid)
    files = {name: (valid / name).read_bytes() for name in FILES}
    scratch = directory / "scratch"
    make_run(scratch)
    lists = [datasets.REGISTRY[n].path.read_bytes()[:400] for n in ("english", "hindi", "ten")]
    lists += [b"\xef\xbb\xbfanna\r\nbob\r\n\r\nanna\r\n", "\u1112\u1161\u11ab\n👩‍🚀\n".encode()]

    def run_with(name: str) -> Callable[[bytes], object]:
        def run(data: bytes) -> None:
            try:
                (scratch / name).write_bytes(data)
                opened(scratch)
            finally:
                (scratch / name).write_bytes(files[name])

        return run

    commands = [shlex.join(words).encode() for words in COMMANDS]
    shapes = [json.dumps(ModelConfig(9, 1, 4, 2, 6).to_dict()).encode()]
    shapes.append(json.dumps(TrainConfig().to_dict()).encode())
    return [
        Target("data files", data_file, [bytes([i]) + text for i in range(3) for text in lists]),
        Target("texts and prompts", Prompts(valid), [b"\0abba", b"\1\2\3cab", "\0क़é".encode()]),
        Target("settings", settings, shapes),
        Target("safetensors", safetensors_file, [files["model.safetensors"]]),
        *(Target(name, run_with(name), [files[name]], 0.3) for name in FILES),
        Target("api", Api(valid), API_SEEDS, 0.3),
        Target("command line", CommandLine(valid, directory / "cwd"), commands, 0.1),
    ]


def data_file(data: bytes) -> None:
    form = FORMS[data[0] % 3] if data else "none"
    documents, report = read_documents(data[1:], "list", form)  # type: ignore[arg-type]
    tokenizer = CharTokenizer.from_documents(documents, form)  # type: ignore[arg-type]
    for document in documents[:20]:
        assert "".join(tokenizer.chars[i] for i in tokenizer.encode(document)[1:-1]) == document
    written = ("\n".join(documents) + "\n").encode()
    assert written.decode().removesuffix("\n").split("\n") == documents
    assert report.characters == len(tokenizer.chars)
    assert len(documents) + report.empty == report.lines
    assert (
        CharTokenizer.from_dict(json.loads(json.dumps(tokenizer.to_dict()))).chars
        == tokenizer.chars
    )


def settings(data: bytes) -> None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    for kind in (ModelConfig, TrainConfig):
        with contextlib.suppress(GlassError):
            made = kind.from_dict(value)
            assert kind.from_dict(made.to_dict()) == made
            if isinstance(made, TrainConfig):
                rates = made.learning_rates(0, 5) + made.learning_rates(made.steps, made.steps + 2)
                assert min(rates) >= 0
    with contextlib.suppress(GlassError):
        CharTokenizer.from_dict(value)


def safetensors_file(data: bytes) -> None:
    file = io.BytesIO(data)
    try:
        header = safetensors.read_header(file, len(data))
        for entry in header.tensors.values():
            if entry.dtype == "F64":
                assert safetensors.read_tensor(file, entry).shape == entry.shape
    except ValueError as error:
        raise DataError(str(error)) from None


def opened(path: Path) -> None:
    """Read a run directory; if that succeeds, use it."""
    saved = checkpoint.load(path)
    run, rng = saved.run, random.Random(0)
    for name in ENGINES:
        engine = engines.create(name, run.model, saved.state, run.training)
        generate(engine, run.tokenizer, rng, SampleConfig(saved.info.temperature))
    document = run.tokenizer.encode(run.documents[0])
    trace(run.model, saved.state, document)
    engine.train([[document]], [0.01])


class Prompts:
    """The first bytes are temperature, top-k, normal form; the rest is the text."""

    def __init__(self, path: Path) -> None:
        saved = checkpoint.load(path)
        self.engine = engines.create("numpy", saved.run.model, saved.state, saved.run.training)
        self.chars = saved.run.tokenizer.chars

    def __call__(self, data: bytes) -> None:
        heat, top_k, form = (data + bytes(3))[:3]
        text = data[3:].decode("utf-8", ("surrogateescape", "replace")[form & 1])
        tokenizer = CharTokenizer(self.chars, FORMS[form % 3])  # type: ignore[arg-type]
        temperature = (0.0, 5e-324, 1e-300, 0.5, 1.0, 1e6, 1e7, float("nan"))[heat % 8]
        config = SampleConfig(temperature, None if top_k > 20 else top_k)
        encode_prompt(text, tokenizer, self.engine.config)
        sample = generate(self.engine, tokenizer, random.Random(heat), config, text, record=True)
        assert all(0 <= i < tokenizer.bos for i in sample.token_ids)


COMMANDS = (
    ["train", "list.txt", "--steps", "2", "--samples", "1"],
    ["train", "list.txt", "--n-embd", "4", "--n-head", "2", "--lr", "0.1", "--steps", "2"],
    ["train", "list.txt", "--val-fraction", "0.5", "--json", "--normalize", "nfd", "--steps", "1"],
    ["train", "--resume", "run", "--steps", "7", "--save-every", "0"],
    ["sample", "run", "--prompt", "ab", "--temperature", "0.5", "--top-k", "3", "-n", "2"],
    ["sample", "run", "--steps", "--json", "--seed", "1", "-n", "1", "--engine", "scalar"],
    ["eval", "run", "--documents", "2", "-n", "2", "--temperatures", "0,0.5,1", "--json"],
    ["explain", "run", "abba", "--json"],
    ["explain", "run", "क़é"],
    ["export", "run", "--to", "json", "--with-documents", "-o", "-"],
    ["export", "run", "--trace", "0,2", "-o", "-"],
    ["datasets", "show", "list.txt", "-n", "3", "--json"],
)
SIZES = re.compile(rb"[0-9]{3,}")


class CommandLine:
    """A whole command, in this process: one line and a known exit status, whatever is asked."""

    def __init__(self, run: Path, cwd: Path) -> None:
        cwd.mkdir()
        self.run, self.cwd = run, cwd
        (cwd / "list.txt").write_text("\n".join(DOCUMENTS))

    def __call__(self, data: bytes) -> None:
        # Numbers of three digits and more would ask for honest work without end.
        text = SIZES.sub(b"99999999999999", data).decode("utf-8", "surrogateescape")
        try:
            words = shlex.split(text.replace("\0", ""))
        except ValueError:
            words = text.replace("\0", "").split()
        if {"bench", "download", "serve", "explore", "names"} & set(words):
            return  # a server, the network, a minute's work
        self._fresh()
        out, err = _text(), _text()
        before = (sys.argv, sys.stdin, Path.cwd())
        sys.argv, sys.stdin = ["glassgpt", *words], _text()
        os.chdir(self.cwd)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                glassgpt()
        except SystemExit as end:
            said = err.buffer.getvalue().decode("utf-8", "replace") if not err.flush() else ""
            assert end.code in (0, 1, 2, None), f"exit status {end.code}"
            assert "Traceback" not in said
            if end.code:
                assert said.splitlines()[-1].startswith("glassgpt: "), said
        finally:
            sys.argv, sys.stdin = before[:2]
            os.chdir(before[2])

    def _fresh(self) -> None:
        run = self.cwd / "run"
        run.mkdir(exist_ok=True)
        for name in FILES:
            (run / name).write_bytes((self.run / name).read_bytes())


def _text() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
