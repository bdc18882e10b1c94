"""A corpus on the disk is what its texts were, and is read in the order of a run in memory."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest

from glassgpt import datasets
from glassgpt.config import TrainConfig
from glassgpt.datasets import from_texts
from glassgpt.errors import DataError
from glassgpt.scale.corpus import Corpus, prepare, split
from glassgpt.scale.corpus import windows as windows_module
from glassgpt.text.characters import CharTokenizer
from glassgpt.text.stored import read_tokenizer
from glassgpt.training import begin


@pytest.fixture(scope="session")
def english(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return prepare(["english"], tmp_path_factory.mktemp("corpora") / "english")


@pytest.fixture
def long(tmp_path: Path) -> Corpus:
    """Documents of 1, 10, 4, 8 and 5 tokens."""
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(["a", "abcdefghij", "abcd", "abcdefgh", "abcde"]))
    return prepare([str(lines)], tmp_path / "long")


# --- the form ---


def test_the_files_are_as_documented(long: Corpus) -> None:
    tokens = np.fromfile(long.path / "tokens.bin", "<u2")
    index = np.fromfile(long.path / "index.bin", "<u8")
    bos = 10
    assert tokens[:14].tolist() == [bos, 0, bos, *range(10), bos]
    assert index.tolist() == np.flatnonzero(tokens == bos).tolist() == [0, 2, 13, 18, 27, 33]
    facts = json.loads((long.path / "corpus.json").read_text())
    assert facts == {
        "format": "glassgpt-corpus",
        "version": 1,
        "made_by": facts["made_by"],
        "sources": [str(long.path.with_name("lines.txt"))],
        "documents": "line",
        "num_documents": 5,
        "num_tokens": 34,
        "num_characters": 28,
        "num_bytes": 28,
        "longest": 10,
        "dtype": "uint16",
        "tokens_sha256": hashlib.sha256(tokens.tobytes()).hexdigest(),
        "index_sha256": hashlib.sha256(index.tobytes()).hexdigest(),
    }
    assert sorted(path.name for path in long.path.iterdir()) == [
        "corpus.json", "index.bin", "tokenizer.json", "tokens.bin",
    ]  # fmt: skip
    assert long.sha256 == facts["tokens_sha256"] and long.name == "long"
    assert read_tokenizer(long.path).to_dict() == CharTokenizer("abcdefghij").to_dict()


def test_documents_have_bos_at_both_ends(english: Corpus) -> None:
    documents = datasets.load("english").documents
    tokenizer = CharTokenizer.from_documents(documents)
    assert english.num_documents == len(documents)
    for i in (0, 1, 2000, len(documents) - 1):
        assert english.document(i).tolist() == tokenizer.encode(documents[i])
    for beyond in (-1, len(documents)):
        with pytest.raises(IndexError):
            english.document(beyond)
    with pytest.raises(ValueError, match="read-only"):
        english.document(0)[0] = 1


# --- order and windows ---


@pytest.mark.parametrize(("seed", "val_fraction"), [(42, 0.1), (7, 0.0), (1, 0.5)])
def test_short_lines_are_read_in_the_order_of_a_run_in_memory(
    english: Corpus, seed: int, val_fraction: float
) -> None:
    documents = datasets.load("english").documents
    training = TrainConfig(seed=seed, val_fraction=val_fraction)
    tokenizer = CharTokenizer.from_documents(documents)
    run, _, after = begin(from_texts(documents, tokenizer=tokenizer), training)

    rng = random.Random(seed)
    train, held_out = split(english, 16, rng, val_fraction)
    decode = english.tokenizer.decode
    assert [decode(ids.tolist()) for ids in train] == run.train.texts
    assert [decode(ids.tolist()) for ids in held_out] == run.held_out
    # The stream goes on to the weights where it does in memory.
    for _ in range(run.model.num_params):
        rng.gauss(0, training.init_std)
    assert rng.getstate() == after.getstate()


@pytest.mark.parametrize("block_size", [1, 2, 3, 4, 5, 9, 10, 11, 12, 1000])
@pytest.mark.parametrize("val_fraction", [0.0, 0.4])
def test_windows_make_each_prediction_once(
    long: Corpus, block_size: int, val_fraction: float
) -> None:
    train, held_out = split(long, block_size, random.Random(3), val_fraction)
    places = [w.place(i) for w in (train, held_out) for i in range(len(w))]
    predicted = [position for start, end in places for position in range(start + 1, end + 1)]
    assert sorted(predicted) == list(range(1, long.num_tokens))
    assert all(1 <= end - start <= block_size for start, end in places)
    documents = [{w.document(i) for i in range(len(w))} for w in (train, held_out)]
    assert documents[0].isdisjoint(documents[1]) and len(documents[1]) == int(5 * val_fraction)
    for windows in (train, held_out):
        shown = list(windows)
        assert len(shown) == len(windows)
        for i, ids in enumerate(shown):
            start, end = windows.place(i)
            assert ids.tolist() == long.tokens[start : end + 1].tolist()


def test_windows_are_shuffled_after_their_documents(long: Corpus) -> None:
    rng = random.Random(5)
    order = list(range(5))
    rng.shuffle(order)
    expected = [
        (start, min(start + 3, int(long.index[i + 1])))
        for i in order[:3]
        for start in range(int(long.index[i]), int(long.index[i + 1]), 3)
    ]
    rng.shuffle(expected)
    ours = random.Random(5)
    train, held_out = split(long, 3, ours, 0.4)
    assert [train.place(i) for i in range(len(train))] == expected
    assert ours.getstate() == rng.getstate()
    assert [held_out.document(0), held_out.document(len(held_out) - 1)] == order[3:]


def test_the_parts_in_which_windows_are_made_do_not_show(
    long: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [list(map(list, part)) for part in split(long, 2, random.Random(0), 0.2)]
    monkeypatch.setattr(windows_module, "PART", 2)
    assert [list(map(list, part)) for part in split(long, 2, random.Random(0), 0.2)] == whole


def test_holding_out_nothing_is_refused(long: Corpus) -> None:
    with pytest.raises(DataError, match="holds out none of the documents, of which 5 are"):
        split(long, 4, random.Random(0), 0.1)


def test_readahead_takes_any_range(english: Corpus) -> None:
    train, _ = split(english, 4, random.Random(0), 0.1)
    for start, stop in ((0, 100), (-5, 3), (len(train) - 1, len(train) + 9), (7, 7)):
        train.will_need(start, stop)
