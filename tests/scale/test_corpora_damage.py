"""Corpora that are damaged, foreign or newer: one line, and nothing is guessed."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgpt.errors import GlassError, RunError
from glassgpt.files.atomic import open_regular
from glassgpt.scale.corpus import Corpus, open_corpus, prepare, split
from glassgpt.text.characters import CharTokenizer


@pytest.fixture
def long(tmp_path: Path) -> Corpus:
    """Documents of 1, 10, 4, 8 and 5 tokens."""
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(["a", "abcdefghij", "abcd", "abcdefgh", "abcde"]))
    return prepare([str(lines)], tmp_path / "long")


def edit(**changes: object) -> Any:
    def change(path: Path) -> None:
        facts = json.loads((path / "corpus.json").read_text()) | changes
        facts = {key: value for key, value in facts.items() if value != "remove"}
        (path / "corpus.json").write_text(json.dumps(facts))

    return change


def tokenizer_of(chars: str) -> Any:
    def change(path: Path) -> None:
        head = {"format": "glassgpt-tokenizer", "version": 1}
        (path / "tokenizer.json").write_text(json.dumps(head | CharTokenizer(chars).to_dict()))

    return change


def index_of(*positions: int) -> Any:
    return lambda path: np.array(positions, "<u8").tofile(path / "index.bin")


def link(path: Path) -> None:
    (path / "tokens.bin").rename(path / "elsewhere")
    (path / "tokens.bin").symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (shutil.rmtree, "long does not exist; a corpus is made with"),
        (lambda p: (p / "corpus.json").unlink(), "is not a corpus: it has no corpus.json"),
        (lambda p: (p / "corpus.json").write_text("{"), "corpus.json is damaged"),
        (lambda p: (p / "corpus.json").write_text("[]"), "not a glassgpt-corpus file"),
        (edit(format="glassgpt-model"), "corpus.json is not a glassgpt-corpus file"),
        (edit(version=2), r"version 2; this glassgpt \(.*\) reads up to 1: update it"),
        (edit(longest="remove"), "corpus.json: the key 'longest' is missing"),
        (edit(made_by="remove"), "corpus.json: the key 'made_by' is missing"),
        (edit(more=1), "corpus.json: the key 'more' is not known"),
        (edit(num_tokens=-1), "num_tokens must be a whole number"),
        (edit(num_tokens=True), "num_tokens must be a whole number"),
        (edit(num_tokens=1e3), "num_tokens must be a whole number"),
        (edit(num_documents=0), "there are 0 documents"),
        (edit(num_documents=2**40, num_tokens=2**60), "from 1 to 4,294,967,295"),
        (edit(num_documents=1000), "34 tokens are too few for 1,000 documents"),
        (edit(num_tokens=10**30), "tokens.bin has 68 bytes; .* it is cut short"),
        (edit(num_tokens=30), "tokens.bin has 68 bytes; .* it is of another corpus"),
        (edit(num_documents=4), "index.bin has 48 bytes; 5 positions of 8 bytes are 40"),
        (edit(dtype="uint32"), "tokens.bin has 68 bytes; 34 tokens of 4 bytes are 136"),
        (edit(dtype="int8"), "dtype is 'int8'; it must be uint16 or uint32"),
        (edit(sources="x"), "sources must be a list of names"),
        (edit(tokens_sha256=None), "tokens_sha256 must be a text"),
        (lambda p: (p / "tokens.bin").unlink(), "tokens.bin is missing"),
        (lambda p: (p / "tokens.bin").write_bytes(b""), "tokens.bin has 0 bytes"),
        (lambda p: (p / "index.bin").unlink(), "index.bin is missing"),
        (lambda p: (p / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda p: (p / "tokenizer.json").write_text("{}"), "not a glassgpt-tokenizer file"),
        (link, "tokens.bin: it is a link or a device, not a regular file"),
        (tokenizer_of("ab"), "tokens.bin has the token [0-9]+ from .*; the vocabulary ends at 2"),
        (index_of(0, 2, 13, 18, 27, 32), "index.bin goes from 0 to 32, not from 0 to 33"),
        (index_of(1, 2, 13, 18, 27, 33), "index.bin goes from 1 to 33"),
        (index_of(0, 2, 13, 13, 27, 33), "index.bin is damaged: it has a document from 13 to 13"),
        (index_of(0, 2, 2**60, 18, 27, 33), "it has a document from 1,152,921,504"),
    ],
)  # fmt: skip
def test_damage_is_told_in_a_line(long: Corpus, damage: Any, says: str) -> None:
    damage(long.path)

    def read() -> None:
        corpus = open_corpus(long.path)
        for windows in split(corpus, 4, random.Random(0), 0.2):
            list(windows)

    with pytest.raises(GlassError, match=says) as caught:
        read()
    assert str(long.path) in str(caught.value)


def test_a_damaged_index_is_met_by_documents_too(long: Corpus) -> None:
    index_of(0, 2, 13, 5, 27, 33)(long.path)
    corpus = open_corpus(long.path)
    with pytest.raises(RunError, match="a document from 13 to 5, and a document ends after"):
        corpus.document(2)


def test_opening_reads_no_more_than_it_must(tmp_path: Path, long: Corpus) -> None:
    """A corpus of 2 TB opens at once: the file has a hole, the documents at its ends are there."""
    tokens, index = 10**12, np.array([0, 2, 10**12 - 3, 10**12 - 1], "<u8")
    handle = open_regular(long.path / "tokens.bin", 2)
    try:
        os.truncate(handle, 2 * tokens)
    except OSError:
        pytest.skip("no sparse files here")
    finally:
        os.close(handle)
    index.tofile(long.path / "index.bin")
    edit(num_tokens=tokens, num_documents=3)(long.path)
    corpus = open_corpus(long.path)
    assert corpus.document(0).tolist() == [10, 0, 10]
    assert corpus.document(2).tolist() == [0, 0, 0]
