"""A run directory: everything of a training run in plain, versioned files, written atomically.

    config.json        recipe, shape, data, engine
    tokenizer.json     the vocabulary and its normal form
    documents.txt      the documents in the order of training; not of a corpus, which stays
                       where it is and must be named again where it is needed
    log.jsonl          a line a step: step, documents, loss, learning_rate
    model.safetensors  parameters, Adam's moments (adam.m.*, adam.v.*); the step in its metadata;
                       float32 where the engine computes in float32

`model.safetensors` is written last and decides which step the directory is at: log lines beyond it
are those of steps that were not saved. Nothing is ever pickled, and no file names another.
Random numbers and the order of documents follow from the seed, so with the state of any step
training goes on as if it had never stopped, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np

from glassgpt import __version__, runlog
from glassgpt.bytepairs import tokenizer_from_dict
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import TrainState
from glassgpt.errors import ConfigError, DivergedError, RunError
from glassgpt.files import leftovers, write_atomically
from glassgpt.locks import NAME as LOCK
from glassgpt.locks import RunLock
from glassgpt.runfiles import VERSION, read_json, read_text, refusing, write_json
from glassgpt.statefile import from_safetensors, to_safetensors
from glassgpt.tokenizer import Tokenizer
from glassgpt.training import Chunk, Run

__all__ = [
    "FILES", "VERSION", "RunInfo", "RunWriter", "SavedRun", "from_safetensors", "load",
    "to_safetensors",
]  # fmt: skip

FILES = ("config.json", "tokenizer.json", "documents.txt", "log.jsonl", "model.safetensors")
CONFIG, TOKENIZER, DOCUMENTS, LOG, MODEL = FILES
DataKind = Literal["list", "corpus"]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Where a run comes from and how it was made."""

    data_name: str
    data_sha256: str
    engine: str
    dtype: str = "float64"
    temperature: float = 0.5
    data_kind: DataKind = "list"
    """A list is kept in the run; a corpus only by its fingerprint."""

    def __post_init__(self) -> None:
        texts = (self.data_name, self.data_sha256, self.engine, self.dtype)
        if not all(isinstance(text, str) for text in texts):
            raise ConfigError("data, engine or dtype has the wrong type")
        if self.data_kind not in get_args(DataKind):
            raise ConfigError(f"the kind of data is {self.data_kind!r}; it must be list or corpus")
        number = isinstance(self.temperature, int | float) and type(self.temperature) is not bool
        if not number or not 0 <= self.temperature <= 1e6:  # refuses NaN, too
            raise ConfigError(f"temperature is {self.temperature!r}; it must be at least 0")


@dataclass(slots=True)
class SavedRun:
    """A run directory as read."""

    path: Path
    run: Run
    info: RunInfo
    state: TrainState
    losses: list[float] = field(default_factory=list)
    """Of every step made, before its update."""
    learning_rates: list[float] = field(default_factory=list)
    """Of every step made: what it was, whatever `run.training` plans for the steps to come."""


class RunWriter:
    """Makes a run directory, or goes on with one, and keeps it up to date.

    Nobody else can write there until `close`, or until this process ends.
    """

    def __init__(self, path: Path, run: Run, info: RunInfo) -> None:
        """Begin a new run.

        Raises RunError, and changes nothing, where there is something already. What a start that
        was killed before its first checkpoint left behind does not count: it is replaced.
        """
        self.path, self.run, self.info = path, run, info
        self.step: int | None = None
        """The step of the checkpoint that is on the disk."""
        self._log_end = 0
        try:
            _refuse_taken(path)
            self._made = not path.exists()
            path.mkdir(parents=True, exist_ok=True)
            self._lock = RunLock(path)
            try:
                _refuse_taken(path)  # once more: only now can nobody else be starting here
                _remove_ours(path)
                self._write_config()
                tokenizer = {"format": "glassgpt-tokenizer", "version": VERSION}
                write_json(path / TOKENIZER, tokenizer | run.tokenizer.to_dict())
                if info.data_kind == "list":
                    write_atomically(path / DOCUMENTS, ("\n".join(run.documents) + "\n").encode())
                write_atomically(path / LOG, b"")
            except OSError:
                self._undo()
                raise
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror}") from None

    @classmethod
    def resume(cls, path: Path) -> tuple[Self, SavedRun]:
        """Go on with a run where its last checkpoint left it. Raises RunError."""
        if _is_unfinished(path):
            raise RunError(
                f"{path} was stopped before its first checkpoint, so there is nothing to resume; "
                f"start again with the same command (-o {path})"
            )
        if not (path / MODEL).is_file():
            load(path)  # says what is wrong, and nothing is written to what is no run
        try:
            lock = RunLock(path)
            for name in FILES:
                for leftover in leftovers(path, name):
                    leftover.unlink()
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror}") from None
        saved, log = _load(path)
        writer = cls.__new__(cls)
        writer.path, writer.run, writer.info = path, saved.run, saved.info
        writer.step, writer._log_end = saved.state.step, log.end
        writer._lock, writer._made = lock, False
        return writer, saved

    def replan(self, steps: int) -> None:
        """From here on train to this step, the learning rate falling to 0 there. Raises RunError.

        The rate of step s becomes `learning_rate * (1 - (s - 1) / steps)`, as if so many had been
        planned from the start; those of the steps already made stay in the log.
        """
        self.run.training = replace(self.run.training, steps=steps)
        try:
            self._write_config()
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}") from None

    def save(self, state: TrainState, chunks: Sequence[Chunk]) -> None:
        """Write the log of these steps, then put the state in place.

        Raises RunError where it cannot, DivergedError rather than save what could not be read.
        """
        if not all(
            np.isfinite(a).all() for x in (state.params, state.m, state.v) for a in x.values()
        ):
            raise DivergedError(
                f"training diverged: after step {state.step} not all weights are finite; "
                f"try a smaller learning rate than {self.run.training.learning_rate:g}"
            )
        try:
            lines = (runlog.lines(self.run, chunk) for chunk in chunks)
            end = runlog.append(self.path / LOG, self._log_end, lines)
            parts = to_safetensors(self.run.model, state, self.info.dtype)
            write_atomically(self.path / MODEL, parts)
        except OSError as error:
            message = self._lost(state.step, error)
            if self.step is None:
                self._undo()
            raise RunError(message) from None
        self.step, self._log_end = state.step, end

    def close(self) -> None:
        """Let others write to the directory."""
        self._lock.release()

    def _lost(self, step: int, error: OSError) -> str:
        if not self.path.is_dir():
            return f"cannot save step {step}: the directory {self.path} is gone"
        if self.step is None:
            return f"cannot write {self.path}: {error.strerror}"
        kept = f"the checkpoint of step {self.step} is intact"
        return f"cannot save step {step} in {self.path}: {error.strerror}; {kept}"

    def _write_config(self) -> None:
        run, info = self.run, self.info
        value = {
            "format": "glassgpt-run",
            "version": VERSION,
            "made_by": f"glassgpt {__version__}",
            "model": run.model.to_dict(),
            "training": run.training.to_dict(),
            "num_train": run.num_train,
            "data": {"name": info.data_name, "sha256": info.data_sha256, "kind": info.data_kind},
            "engine": info.engine,
            "dtype": info.dtype,
            "temperature": info.temperature,
        }
        write_json(self.path / CONFIG, value)

    def _undo(self) -> None:
        """Leave nothing of a start that failed."""
        try:
            _remove_ours(self.path)
            (self.path / LOCK).unlink(missing_ok=True)
            if self._made:
                self.path.rmdir()
        except OSError:
            pass  # the disk that refused to be written to may refuse this, too
        self.close()


def _is_unfinished(path: Path) -> bool:
    """Whether a directory holds nothing but what we write before the first checkpoint."""
    if not path.is_dir():
        return False
    ours = {LOCK, *FILES, *(p.name for name in FILES for p in leftovers(path, name))} - {MODEL}
    found = {p.name for p in path.iterdir()}
    if not found or not found <= ours or ((path / LOG).exists() and (path / LOG).stat().st_size):
        return False
    if not found.isdisjoint(FILES):  # config.json comes first, and must be one of ours
        try:
            read_json(path / CONFIG, "glassgpt-run")
        except RunError:
            return False
    return True


def _refuse_taken(path: Path) -> None:
    if (path / MODEL).exists():
        raise RunError(
            f"{path} exists already and holds a run; go on with it (glassgpt train --resume "
            f"{path}), choose another directory, or remove it"
        )
    if path.exists() or path.is_symlink():
        empty = path.is_dir() and not any(path.iterdir())
        if not empty and not _is_unfinished(path):
            raise RunError(f"{path} exists already; choose another directory, or remove it")


def _remove_ours(path: Path) -> None:
    """Remove all files of ours but the lock."""
    for name in reversed(FILES):  # config.json last: without it the others would not be known
        for file in (*leftovers(path, name), path / name):
            file.unlink(missing_ok=True)


def load(path: Path) -> SavedRun:
    """Read and check a run directory.

    Raises RunError with one line for anything missing, damaged, foreign or of a newer version.
    """
    return _load(path)[0]


def _load(path: Path) -> tuple[SavedRun, runlog.Log]:
    try:
        if not path.exists():
            raise RunError(f"there is no run {str(path)!r}")
        if not path.is_dir():
            raise RunError(f"{path} is not a run directory")
    except (OSError, ValueError) as error:  # no such path can be: too long, or with a zero byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(f"cannot read {str(path)!r}: {reason}") from None
    config = read_json(path / CONFIG, "glassgpt-run")
    tokenizer_json = read_json(path / TOKENIZER, "glassgpt-tokenizer")
    with refusing(path / CONFIG):
        model = ModelConfig.from_dict(config["model"])
        training = TrainConfig.from_dict(config["training"])
        data = config["data"]
        info = RunInfo(
            *(data["name"], data["sha256"], config["engine"], config["dtype"]),
            *(config["temperature"], data.get("kind", "list")),
        )
        num_train = config["num_train"]
    tokenizer = _tokenizer(path / TOKENIZER, tokenizer_json, model)
    if info.data_kind == "list":
        documents = _documents(path, tokenizer)
        if type(num_train) is not int or not 1 <= num_train <= len(documents):
            raise RunError(f"{path / CONFIG}: num_train must be from 1 to {len(documents)}")
    else:
        documents = []
        if type(num_train) is not int or num_train < 1:
            raise RunError(f"{path / CONFIG}: num_train must be at least 1")
    state = from_safetensors(path / MODEL, model)
    if state.step > training.steps:
        raise RunError(f"{path / MODEL} is at step {state.step}; {CONFIG} ends at {training.steps}")
    log = runlog.read(path / LOG, state.step)
    run = Run(model, training, tokenizer, documents, num_train)
    return SavedRun(path, run, info, state, log.losses, log.learning_rates), log


def _documents(path: Path, tokenizer: Tokenizer) -> list[str]:
    documents = read_text(path / DOCUMENTS).removesuffix("\n").split("\n")
    if not all(documents):
        raise RunError(f"{path / DOCUMENTS}, line {documents.index('') + 1} is empty")
    if (known := tokenizer.alphabet) is not None and set().union(*documents) - known:
        raise RunError(f"{path / DOCUMENTS} has characters outside {TOKENIZER}")
    return documents


def _tokenizer(path: Path, value: dict[str, Any], model: ModelConfig) -> Tokenizer:
    with refusing(path):
        body = {k: v for k, v in value.items() if k not in ("format", "version")}
        tokenizer = tokenizer_from_dict(body)
        if tokenizer.vocab_size != model.vocab_size:
            raise ConfigError(f"it has {tokenizer.vocab_size} tokens, the model {model.vocab_size}")
        return tokenizer
