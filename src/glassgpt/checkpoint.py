"""A run directory: everything of a training run in plain, versioned files, written atomically.

    config.json        recipe, shape, data, engine
    tokenizer.json     the vocabulary and its normal form
    documents.txt      the documents in the order of training
    log.jsonl          a line a step: step, documents, loss, learning_rate
    model.safetensors  parameters, Adam's moments (adam.m.*, adam.v.*); the step in its metadata

`model.safetensors` is written last and decides which step the directory is at: log lines beyond it
are those of steps that were not saved. Nothing is ever pickled, and no file names another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from glassgpt import __version__
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import Params, TrainState
from glassgpt.errors import ConfigError, GlassError, RunError
from glassgpt.files import write_atomically
from glassgpt.tokenizer import Tokenizer
from glassgpt.training import Chunk, Run

VERSION = 1
FILES = ("config.json", "tokenizer.json", "documents.txt", "log.jsonl", "model.safetensors")
MAX_JSON_BYTES = 64 << 20
_MOMENTS = ("adam.m.", "adam.v.")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Where a run comes from and how it was made."""

    data_name: str
    data_sha256: str
    engine: str
    dtype: str = "float64"
    temperature: float = 0.5


@dataclass(slots=True)
class SavedRun:
    """A run directory as read."""

    path: Path
    run: Run
    info: RunInfo
    state: TrainState
    losses: list[float] = field(default_factory=list)
    """Of every step made, before its update."""


class RunWriter:
    """Makes a new run directory and keeps it up to date."""

    def __init__(self, path: Path, run: Run, info: RunInfo) -> None:
        """Raises RunError, and writes nothing, if there is such a directory with files in it."""
        self.path, self.run, self.info = path, run, info
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise RunError(f"{path} exists already; choose another directory, or remove it")
            path.mkdir(parents=True, exist_ok=True)
            config = {
                "format": "glassgpt-run",
                "version": VERSION,
                "made_by": f"glassgpt {__version__}",
                "model": run.model.to_dict(),
                "training": run.training.to_dict(),
                "num_train": run.num_train,
                "data": {"name": info.data_name, "sha256": info.data_sha256},
                "engine": info.engine,
                "dtype": info.dtype,
                "temperature": info.temperature,
            }
            tokenizer = {"format": "glassgpt-tokenizer", "version": VERSION}
            _write_json(path / "config.json", config)
            _write_json(path / "tokenizer.json", tokenizer | run.tokenizer.to_dict())
            write_atomically(path / "documents.txt", ("\n".join(run.documents) + "\n").encode())
            write_atomically(path / "log.jsonl", b"")
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror}") from None

    def save(self, state: TrainState, chunks: Sequence[Chunk]) -> None:
        """Append the log of these steps, then put the state in place. Raises RunError."""
        try:
            with (self.path / "log.jsonl").open("ab") as log:
                for chunk in chunks:
                    log.write(self._log_lines(chunk))
                log.flush()
                os.fsync(log.fileno())
            write_atomically(self.path / "model.safetensors", to_safetensors(self.run.model, state))
        except OSError as error:
            raise RunError(
                f"cannot save step {state.step} in {self.path}: {error.strerror}; "
                "what was saved before is intact"
            ) from None

    def _log_lines(self, chunk: Chunk) -> bytes:
        rows = enumerate(zip(chunk.losses, chunk.learning_rates, strict=True), chunk.start)
        return "".join(
            f'{{"step": {step + 1}, "documents": '
            f"{json.dumps(self.run.batch(step), ensure_ascii=False)}, "
            f'"loss": {loss!r}, "learning_rate": {rate!r}}}\n'
            for step, (loss, rate) in rows
        ).encode()


def to_safetensors(model: ModelConfig, state: TrainState) -> bytes:
    """The whole state as the bytes of a safetensors file."""
    from safetensors.numpy import save  # here, because it is slow to import

    tensors = dict(state.params)
    for prefix, moments in zip(_MOMENTS, (state.m, state.v), strict=True):
        tensors |= {prefix + name: array for name, array in moments.items()}
    metadata = {
        "format": "glassgpt-model",
        "version": str(VERSION),
        "step": str(state.step),
        "model": json.dumps(model.to_dict()),
    }
    return save(tensors, metadata)


def load(path: Path) -> SavedRun:
    """Read and check a run directory.

    Raises RunError with one line for anything missing, damaged, foreign or of a newer version.
    """
    if not path.exists():
        raise RunError(f"there is no run {str(path)!r}")
    if not path.is_dir():
        raise RunError(f"{path} is not a run directory")
    config = _read_json(path / "config.json", "glassgpt-run")
    tokenizer_json = _read_json(path / "tokenizer.json", "glassgpt-tokenizer")
    with _refusing(path / "config.json"):
        model = ModelConfig.from_dict(config["model"])
        training = TrainConfig.from_dict(config["training"])
        data = config["data"]
        texts = (data["name"], data["sha256"], config["engine"], config["dtype"])
        temperature, num_train = config["temperature"], config["num_train"]
        if not all(isinstance(t, str) for t in texts) or not isinstance(temperature, int | float):
            raise ConfigError("data, engine, dtype or temperature has the wrong type")
        info = RunInfo(*texts, float(temperature))
    with _refusing(path / "tokenizer.json"):
        body = {k: v for k, v in tokenizer_json.items() if k not in ("format", "version")}
        tokenizer = Tokenizer.from_dict(body)
        if tokenizer.vocab_size != model.vocab_size:
            raise ConfigError(f"it has {tokenizer.vocab_size} tokens, the model {model.vocab_size}")
    documents = _read_text(path / "documents.txt").removesuffix("\n").split("\n")
    if not isinstance(num_train, int) or not 1 <= num_train <= len(documents):
        raise RunError(f"{path / 'config.json'}: num_train must be from 1 to {len(documents)}")
    unknown = set().union(*documents) - set(tokenizer.chars)
    if unknown:
        raise RunError(f"{path / 'documents.txt'} has characters outside tokenizer.json")
    state = from_safetensors(path / "model.safetensors", model)
    losses = _read_log(path / "log.jsonl", state.step)
    return SavedRun(
        path, Run(model, training, tokenizer, documents, num_train), info, state, losses
    )


def from_safetensors(path: Path, model: ModelConfig) -> TrainState:
    """Read a state. Names, shapes and dtypes are checked in the header before data is read."""
    from safetensors import SafetensorError, safe_open

    wanted = {p + name: shape for name, shape in model.shapes.items() for p in ("", *_MOMENTS)}
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != "glassgpt-model":
                raise RunError(f"{path} is a safetensors file, but not one of glassgpt's")
            version = metadata.get("version", "")
            _check_version(path, int(version) if version.isdigit() else None)
            for name in sorted(wanted.keys() ^ set(file.keys())):
                known = "is missing" if name in wanted else "is not known"
                raise RunError(f"{path}: tensor {name!r} {known}")
            for name, shape in wanted.items():
                part = file.get_slice(name)
                if tuple(part.get_shape()) != shape or part.get_dtype() != "F64":
                    raise RunError(
                        f"{path}: tensor {name!r} is {part.get_dtype()} {part.get_shape()}; "
                        f"config.json wants F64 {list(shape)}"
                    )
            step = metadata.get("step", "")
            if not step.isdigit():
                raise RunError(f"{path}: the step in its metadata is {step!r}, not a number")
            tensors = {name: file.get_tensor(name) for name in wanted}
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except (OSError, SafetensorError, ValueError) as error:
        raise RunError(f"{path} is damaged or not a safetensors file ({error})") from None
    if not all(np.isfinite(array).all() for array in tensors.values()):
        raise RunError(f"{path} holds numbers that are not finite")

    def group(prefix: str) -> Params:
        return {name: tensors[prefix + name] for name in model.shapes}

    return TrainState(group(""), group("adam.m."), group("adam.v."), int(step))


class _refusing:
    """Turn what is wrong inside a file into a RunError that names the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, KeyError):
            raise RunError(f"{self.path}: the key {error} is missing") from None
        if isinstance(error, GlassError | TypeError) and not isinstance(error, RunError):
            raise RunError(f"{self.path}: {error}") from None


def _check_version(path: Path, version: object) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RunError(f"{path} has no valid version")
    if version > VERSION:
        raise RunError(
            f"{path} has version {version}; this glassgpt ({__version__}) reads up to {VERSION}: "
            "update it"
        )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    write_atomically(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def _read_text(path: Path) -> str:
    try:
        if path.suffix == ".json" and path.stat().st_size > MAX_JSON_BYTES:
            raise RunError(f"{path} is larger than {MAX_JSON_BYTES:,} bytes")
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise RunError(f"{path} is missing") from None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RunError(f"{path} is damaged: it is not UTF-8") from None


def _read_json(path: Path, kind: str) -> dict[str, Any]:
    text = _read_text(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}") from None
    if not isinstance(value, dict) or value.get("format") != kind:
        raise RunError(f"{path} is not a {kind} file")
    _check_version(path, value.get("version"))
    return value


def _read_log(path: Path, steps: int) -> list[float]:
    losses = []
    for number, line in enumerate(_read_text(path).split("\n")[:steps], 1):
        try:
            record = json.loads(line)
            step, loss = record["step"], record["loss"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise RunError(f"{path}, line {number} is damaged") from None
        if step != number or not isinstance(loss, float):
            raise RunError(f"{path}, line {number} is not the record of step {number}")
        losses.append(loss)
    if len(losses) < steps:
        raise RunError(f"{path} ends at step {len(losses)}, the model is at step {steps}")
    return losses
