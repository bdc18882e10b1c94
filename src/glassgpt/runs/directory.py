"""A run directory: everything of a training run in plain, versioned files, written atomically.

    config.json        recipe, shape, data, engine; the schedule of learning rates; the SHA-256 of
                       the next two files
    tokenizer.json     the vocabulary and its normal form
    documents.txt      the documents in the order of training; not of a corpus, which stays
                       where it is and must be named again where it is needed
    losses.f64         the loss of each step, 8 bytes each: see log.py
    model.safetensors  parameters, Adam's moments (adam.m.*, adam.v.*); in its metadata the step,
                       the SHA-256 of the losses up to it, and that of its own content;
                       float32 where the engine computes in float32

`model.safetensors` is written last and decides which step the directory is at: losses beyond it
are those of steps that were not saved. Every file is checked against its checksum where it is
read; the losses are read only where somebody asks for them. A directory of version 0.1.0 has no
checksums, and `log.jsonl` instead of `losses.f64`; it is read as it is, and brought up to date
when it is resumed.

Nothing is ever pickled, and no file names another.
Random numbers and the order of documents follow from the seed, so with the state of any step
training goes on as if it had never stopped, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.datasets.documents import AbsentDocuments, DataKind
from glassgpt.engines.base import TrainState
from glassgpt.errors import ConfigError, RunError
from glassgpt.files.records import VERSION, read_json, read_text, refusing
from glassgpt.runs import log as runlog
from glassgpt.runs.log import Log, Schedule
from glassgpt.runs.state import from_safetensors, to_safetensors
from glassgpt.text import Tokenizer
from glassgpt.text.stored import NAME as TOKENIZER
from glassgpt.text.stored import read_tokenizer
from glassgpt.training import Run

__all__ = [
    "FILES", "VERSION", "RunInfo", "SavedRun", "from_safetensors", "load", "to_safetensors",
]  # fmt: skip

FILES = ("config.json", TOKENIZER, "documents.txt", "losses.f64", "model.safetensors")
CONFIG, _, DOCUMENTS, LOSSES, MODEL = FILES
OLD_LOG = "log.jsonl"
"""Instead of the losses in a run of version 0.1.0."""


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
            raise ConfigError(
                f"temperature is {self.temperature!r}; it must be from 0 to 1,000,000"
            )


@dataclass
class SavedRun:
    """A run directory as read."""

    path: Path
    run: Run
    info: RunInfo
    state: TrainState
    read_log: Callable[[], Log] = Log
    schedule: Schedule | None = None
    """None in a run of version 0.1.0."""

    @cached_property
    def log(self) -> Log:
        """Read when it is first asked for. Raises RunError where it is damaged."""
        return self.read_log()

    @property
    def losses(self) -> list[float]:
        return self.log.losses

    @property
    def learning_rates(self) -> list[float]:
        return self.log.learning_rates


def load(path: Path) -> SavedRun:
    """Read and check a run directory.

    Raises RunError with one line for anything missing, damaged, foreign or of a newer version.
    """
    try:
        if not path.exists():
            raise RunError(f"there is no run {str(path)!r}")
        if not path.is_dir():
            raise RunError(f"{path} is not a run directory")
    except (OSError, ValueError) as error:  # no such path can be: too long, or with a zero byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(f"cannot read {str(path)!r}: {reason}") from None
    config = read_json(path / CONFIG, "glassgpt-run")
    old = "schedule" not in config and (path / OLD_LOG).exists()  # of version 0.1.0

    def checksum(name: str) -> str | None:
        if old:
            return None
        with refusing(path / CONFIG):
            return str(config["sha256"][name])

    tokenizer = read_tokenizer(path, checksum(TOKENIZER))
    with refusing(path / CONFIG):
        model = ModelConfig.from_dict(config["model"])
        training = TrainConfig.from_dict(config["training"])
        data = config["data"]
        info = RunInfo(
            *(data["name"], data["sha256"], config["engine"], config["dtype"]),
            *(config["temperature"], data.get("kind", "list")),
        )
        num_train = config["num_train"]
        schedule = None if old else runlog.check_schedule(config["schedule"])
    if tokenizer.vocab_size != model.vocab_size:
        raise RunError(
            f"{path / TOKENIZER}: it has {tokenizer.vocab_size} tokens, "
            f"the model {model.vocab_size}"
        )
    if info.data_kind == "list":
        documents = _documents(path, tokenizer, checksum(DOCUMENTS))
        if type(num_train) is not int or not 1 <= num_train <= len(documents):
            raise RunError(f"{path / CONFIG}: num_train must be from 1 to {len(documents)}")
        run = Run.of_texts(model, training, tokenizer, documents, num_train)
    else:
        if type(num_train) is not int or num_train < 1:
            raise RunError(f"{path / CONFIG}: num_train must be at least 1")
        run = Run(model, training, tokenizer, AbsentDocuments(num_train), AbsentDocuments(0))
    state, losses_sha256 = from_safetensors(path / MODEL, model, checked=not old)
    if state.step > training.steps:
        raise RunError(f"{path / MODEL} is at step {state.step}; {CONFIG} ends at {training.steps}")
    made = state.step

    def read_log() -> Log:
        if schedule is None:
            return runlog.read_lines(path / OLD_LOG, made)
        losses = runlog.read(path / LOSSES, made, losses_sha256)
        return Log(losses, runlog.learning_rates(schedule, training, made))

    return SavedRun(path, run, info, state, read_log, schedule)


def _documents(path: Path, tokenizer: Tokenizer, sha256: str | None) -> list[str]:
    documents = read_text(path / DOCUMENTS, sha256=sha256).removesuffix("\n").split("\n")
    if not all(documents):
        raise RunError(f"{path / DOCUMENTS}, line {documents.index('') + 1} is empty")
    if (known := tokenizer.alphabet) is not None and set().union(*documents) - known:
        raise RunError(f"{path / DOCUMENTS} has characters outside {TOKENIZER}")
    return documents
