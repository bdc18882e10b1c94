"""Data by its name: a data set, a file, a pipe, a prepared corpus, or texts in memory."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from glassgpt.config import Normalization
from glassgpt.datasets.documents import Data
from glassgpt.datasets.lists import from_texts
from glassgpt.datasets.loader import load
from glassgpt.datasets.registry import REGISTRY
from glassgpt.errors import ConfigError, DataError

CORPUS = ("glassgpt.scale.corpus.data", "open_data")
"""Imported only when a corpus is opened."""
CORPUS_FILE = "corpus.json"


def open_data(
    source: str | os.PathLike[str] | Iterable[str],
    normalize: Normalization | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Data:
    """Open a data set by its name, a file by its path, `-` for standard input, the directory of a
    prepared corpus, or a list of texts.

    Args:
        normalize: the Unicode normal form; None takes what suits the data.
        progress: called with (bytes so far, bytes in all) during a download.

    Raises DataError, ConfigError, RunError with one line that says what is wrong and where.
    """
    if isinstance(source, bytes) or not isinstance(source, str | os.PathLike | Iterable):
        raise DataError(f"data is {source!r}; it must be a name, a path or texts")
    if not isinstance(source, str | os.PathLike):
        texts = list(source)
        if wrong := next((t for t in texts if not isinstance(t, str)), None):
            raise DataError(f"the texts must be strings, not {type(wrong).__name__} ({wrong!r})")
        return from_texts(texts, normalize or "none")
    name = os.fspath(source)
    if names_corpus(name):
        if normalize is not None:
            raise ConfigError(f"--normalize: {name} is prepared, in a normal form already")
        return open_corpus(name)
    return load(name, normalize, progress)


def open_corpus(directory: str | os.PathLike[str]) -> Data:
    """The prepared corpus in this directory. Raises RunError where there is none."""
    module, function = CORPUS
    data: Data = getattr(importlib.import_module(module), function)(Path(directory))
    return data


def names_corpus(source: str) -> bool:
    """Whether this is a corpus; what has the name of a data set is that."""
    return source not in REGISTRY and bool(source) and (Path(source) / CORPUS_FILE).is_file()
