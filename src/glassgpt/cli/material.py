"""What `glassgpt train` learns from: a list in memory, or a prepared corpus on the disk."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from glassgpt.cli import common
from glassgpt.cli.progress import bytes_bar
from glassgpt.config import Normalization, TrainConfig
from glassgpt.errors import ConfigError, RunError

if TYPE_CHECKING:
    from glassgpt.datasets import Dataset
    from glassgpt.engines.base import TrainState
    from glassgpt.runs.directory import SavedRun
    from glassgpt.scale.corpus import Corpus
    from glassgpt.training import Run

SHORT = 64
"""Tokens of a document for which the context of a name is enough."""
LONG_CONTEXT = 128
MANY = 10_000_000
"""Weights whose drawing takes so long that something should be said."""


class Material(Protocol):
    """Where a run begins."""

    name: str
    sha256: str
    block_size: int
    """Default context length for this data."""
    learning_rate: float
    """Default learning rate for this data."""
    again: str
    """What a command must name to go on with a run on it, a blank at the end; empty for a list,
    which is kept in the run."""

    def begin(
        self, training: TrainConfig, block_size: int, shape: dict[str, int]
    ) -> tuple[Run, TrainState, random.Random]: ...
    def report(self, run: Run) -> str:
        """What was read, in a line or two; nothing found is dropped silently."""

    def to_dict(self, run: Run) -> dict[str, Any]: ...


def open_material(source: str, form: Normalization | None) -> Material:
    """A list by its name or path, `-`, or the directory of a prepared corpus."""
    from glassgpt import datasets

    if names_corpus(source):
        if form is not None:
            raise ConfigError(f"--normalize: {source} is prepared, in a normal form already")
        return CorpusMaterial(source)
    if source in datasets.REGISTRY and datasets.REGISTRY[source].url:
        with bytes_bar(f"downloading {source}") as progress:
            return ListMaterial(datasets.load(source, form, progress))
    if source == "-" and sys.stdin.isatty():
        key = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
        common.say(f"reading a list from the keyboard, one item per line; {key} ends it")
    return ListMaterial(datasets.load(source, form))


def names_corpus(source: str) -> bool:
    """Whether this is a corpus; what has the name of a data set is that."""
    from glassgpt import datasets
    from glassgpt.scale import corpus as corpora

    return source not in datasets.REGISTRY and corpora.is_corpus(Path(source))


class ListMaterial:
    """A list, whole in memory; the run keeps a copy."""

    def __init__(self, loaded: Dataset) -> None:
        self.loaded, self.name, self.sha256 = loaded, loaded.name, loaded.sha256
        self.block_size = loaded.recipe.block_size
        self.learning_rate = loaded.recipe.learning_rate
        self.again = ""

    def begin(
        self, training: TrainConfig, block_size: int, shape: dict[str, int]
    ) -> tuple[Run, TrainState, random.Random]:
        from glassgpt.text.characters import CharTokenizer
        from glassgpt.training import begin

        documents = self.loaded.documents
        tokenizer = CharTokenizer.from_documents(documents, self.loaded.normalize)
        return begin(documents, training, tokenizer, block_size=block_size, **shape)

    def report(self, run: Run) -> str:
        r, documents = self.loaded.report, run.documents
        cut = r.over_long(documents, run.model.block_size)
        remarks = [
            f"{common.count(r.duplicates, 'duplicate')} kept" if r.duplicates else "",
            f"{common.count(r.empty, 'empty line')} skipped" if r.empty else "",
            f"{common.count(cut, 'document')} cut at block_size {run.model.block_size}"
            if cut
            else "",
            "byte order mark removed" if r.bom else "",
            "Windows line ends" if r.crlf else "",
            f"{common.count(len(run.held_out), 'document')} held out" if run.held_out else "",
        ]
        line = (
            f"{self.name}: {len(documents):,} documents, {r.characters} characters -> "
            f"{run.model.vocab_size} tokens, {run.model.num_params:,} parameters"
        )
        return line + ("\n  " + "; ".join(filter(None, remarks)) if any(remarks) else "")

    def to_dict(self, run: Run) -> dict[str, Any]:
        r = self.loaded.report
        return {
            "name": self.name,
            "sha256": self.sha256,
            "documents": len(run.documents),
            "held_out": len(run.held_out),
            "lines": r.lines,
            "empty": r.empty,
            "duplicates": r.duplicates,
            "over_long": r.over_long(run.documents, run.model.block_size),
            "characters": r.characters,
            "bom": r.bom,
            "crlf": r.crlf,
            "normalize": self.loaded.normalize,
        }


class CorpusMaterial:
    """A prepared corpus; it stays where it is, and the run remembers only its fingerprint."""

    def __init__(self, source: str) -> None:
        import shlex

        from glassgpt.scale.corpus import open_corpus

        self.corpus: Corpus = open_corpus(Path(source))
        self.name, self.sha256 = self.corpus.name, self.corpus.sha256
        self.block_size = 16 if self.corpus.facts.longest <= SHORT else LONG_CONTEXT
        self.learning_rate = 0.01
        self.again = f"{shlex.quote(source)} "

    def begin(
        self, training: TrainConfig, block_size: int, shape: dict[str, int]
    ) -> tuple[Run, TrainState, random.Random]:
        from glassgpt.config import ModelConfig
        from glassgpt.training import begin_corpus

        model = ModelConfig(self.corpus.tokenizer.vocab_size, block_size=block_size, **shape)
        if model.num_params > MANY:
            common.say(f"drawing {model.num_params:,} weights, one by one from the seed …")
        return begin_corpus(self.corpus, training, block_size=block_size, **shape)

    def report(self, run: Run) -> str:
        documents, tokens = self.corpus.num_documents, self.corpus.num_tokens
        line = (
            f"{self.name}: {common.count(documents, 'document')}, {tokens:,} tokens of "
            f"{run.model.vocab_size:,}, {run.model.num_params:,} parameters\n"
            f"  {run.num_train:,} windows of at most {run.model.block_size} predictions"
        )
        held_out = len(run.windows[1]) if run.windows else 0
        return line + (f"; {held_out:,} more held out" if held_out else "")

    def to_dict(self, run: Run) -> dict[str, Any]:
        return {
            "name": self.name,
            "sha256": self.sha256,
            "documents": self.corpus.num_documents,
            "tokens": self.corpus.num_tokens,
            "windows": run.num_train,
            "held_out": len(run.windows[1]) if run.windows else 0,
            "normalize": self.corpus.tokenizer.normalize,
        }


def attach_corpus(saved: SavedRun, source: str | None, how: str) -> tuple[random.Random, str]:
    """Give a run on a corpus its windows; the random stream, ready for the weights, and what a
    command must name to find the corpus again.

    Args:
        source: the directory of the corpus.
        how: the command that names it.

    Raises ConfigError, RunError.
    """
    from glassgpt.training import attach

    if saved.info.data_kind == "list":
        raise ConfigError(f"{saved.path} has its documents with it; it needs no {source}")
    name = saved.info.data_name
    if source is None:
        raise ConfigError(
            f"{saved.path} was trained on the corpus {name!r}, which is not in it; say where that "
            f"is: {how}"
        )
    material = CorpusMaterial(source)
    same = material.corpus.tokenizer.to_dict() == saved.run.tokenizer.to_dict()
    if material.sha256 != saved.info.data_sha256 or not same:
        raise RunError(f"{source} is not the corpus {name!r} that {saved.path} was trained on")
    trained_on = saved.run.num_train
    rng = attach(saved.run, material.corpus)
    if saved.run.num_train != trained_on:
        raise RunError(
            f"{saved.path} trains on {trained_on:,} windows of {source}, where this glassgpt finds "
            f"{saved.run.num_train:,}: another version held out other documents"
        )
    return rng, material.again
