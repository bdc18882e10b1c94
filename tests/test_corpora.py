"""A corpus on the disk is what its texts were, and is read in the order of a run in memory."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassgpt import datasets
from glassgpt.config import TrainConfig
from glassgpt.corpora import Corpus, open_corpus, prepare, read_tokenizer, split
from glassgpt.corpora import windows as windows_module
from glassgpt.corpora.normalizing import begins
from glassgpt.errors import DataError, GlassError, RunError
from glassgpt.files import open_regular
from glassgpt.tokenizer import Tokenizer
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


def spelled(corpus: Corpus) -> list[str]:
    documents = (corpus.document(i).tolist() for i in range(corpus.num_documents))
    return [corpus.tokenizer.text(ids) for ids in documents]


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
    assert read_tokenizer(long.path).to_dict() == Tokenizer("abcdefghij").to_dict()


def test_documents_have_bos_at_both_ends(english: Corpus) -> None:
    documents = datasets.load("english").documents
    tokenizer = Tokenizer.from_documents(documents)
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
    tokenizer = Tokenizer.from_documents(documents)
    run, _, after = begin(documents, training, tokenizer)

    rng = random.Random(seed)
    train, held_out = split(english, 16, rng, val_fraction)
    decode = english.tokenizer.decode
    assert [decode(ids.tolist()) for ids in train] == run.train_documents
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


def test_nothing_left_to_train_on(long: Corpus) -> None:
    with pytest.raises(DataError, match="leaves nothing to train on"):
        split(long, 4, random.Random(0), 1.0)


def test_readahead_takes_any_range(english: Corpus) -> None:
    train, _ = split(english, 4, random.Random(0), 0.1)
    for start, stop in ((0, 100), (-5, 3), (len(train) - 1, len(train) + 9), (7, 7)):
        train.will_need(start, stop)


# --- preparing ---

CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"])
LINES = st.lists(
    st.text(CHARACTERS | st.sampled_from("क्षि👩\u200d👧é한ᄒ\u1161\u0301\u0327 \t"), max_size=12),
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=LINES,
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    block=st.integers(3, 40),
    form=st.sampled_from(["none", "nfc", "nfd"]),
)
def test_streaming_is_reading_in_memory(
    tmp_path: Path, lines: list[str], end: str, bom: bool, block: int, form: Any
) -> None:
    """However the blocks fall: in a character, in a CRLF, before a mark."""
    raw = b"\xef\xbb\xbf" * bom + end.join(["first", "second", *lines]).encode()
    target = tmp_path / "corpus"
    shutil.rmtree(target, ignore_errors=True)
    path = tmp_path / "list.txt"
    path.write_bytes(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glassgpt.corpora.sources.BLOCK", block)
        if any("\t" in line.strip() for line in lines):
            raw = raw.replace(b"\t", b"+")  # a list in memory has no tabs
            path.write_bytes(raw)
        corpus = prepare([str(path)], target, normalize=form)
        documents, report = datasets.read_documents(raw, "list", form)
        assert spelled(corpus) == documents
        assert corpus.tokenizer.to_dict() == Tokenizer.from_documents(documents, form).to_dict()
        assert corpus.facts.longest == report.longest
        assert corpus.facts.num_characters == sum(map(len, documents))
        assert corpus.facts.num_bytes == len("".join(documents).encode())

        shutil.rmtree(target)
        whole = prepare([str(path)], target, documents="file", normalize=form)
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
        assert spelled(whole) == [datasets.loader.normalized(text, form)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, block=st.integers(3, 40), form=st.sampled_from(["none", "nfc", "nfd"]))
def test_byte_pairs_in_a_stream_are_those_of_the_whole(
    tmp_path: Path, lines: list[str], block: int, form: Any
) -> None:
    pytest.importorskip("tokenizers", reason="byte pairs need the tokenizers package")
    documents = ["the first\nthe second\n\n the", *lines]
    path, target = tmp_path / "list.jsonl", tmp_path / "corpus"
    shutil.rmtree(target, ignore_errors=True)
    path.write_text("\n".join(json.dumps({"text": d}) for d in documents), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glassgpt.corpora.sources.BLOCK", block)
        corpus = prepare([str(path)], target, documents="jsonl", vocab_size=280, normalize=form)
    kept = [d for d in documents if d]
    for i, document in enumerate(kept):
        assert corpus.document(i).tolist() == corpus.tokenizer.encode(document)
    assert corpus.num_documents == len(kept)


def test_merges_are_learned_all_over_a_large_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third block of three kinds is one kind; two of them leave the others without merges."""
    pytest.importorskip("tokenizers", reason="byte pairs need the tokenizers package")
    monkeypatch.setattr("glassgpt.corpora.sources.BLOCK", 10)
    monkeypatch.setattr("glassgpt.corpora.preparing.TRAIN_BYTES", 120)
    path = tmp_path / "text.txt"
    path.write_text("abababab\n\ncdcdcdcd\n\nefefefef\n\n" * 12)
    seen: list[tuple[int, int]] = []
    corpus = prepare(
        [str(path)],
        tmp_path / "corpus",
        vocab_size=259,
        progress=lambda *at: seen.append(at),
    )
    assert [corpus.tokenizer.token(i) for i in (256, 257)] == ["ab", "abab"]
    assert spelled(corpus) == ["abababab", "cdcdcdcd", "efefefef"] * 12
    assert seen[-1] == (720, 720) and len(seen) == 72  # both readings are whole


def test_more_tokens_than_two_bytes_hold(tmp_path: Path) -> None:
    scripts = [*range(0x3400, 0xA000), *range(0xAC00, 0xD7A0), *range(0x20000, 0x27000)]
    path = tmp_path / "many.txt"
    path.write_text("\n".join(map(chr, scripts)), encoding="utf-8")
    corpus = prepare([str(path)], tmp_path / "many")
    assert corpus.facts.dtype == "uint32" and corpus.tokenizer.vocab_size > 65_536
    assert spelled(corpus) == list(map(chr, scripts))


def test_further_data_get_the_same_ids(tmp_path: Path, english: Corpus) -> None:
    path = tmp_path / "more.txt"
    path.write_text("zoe\nadam\n")
    corpus = prepare([str(path)], tmp_path / "more", tokenizer=english.tokenizer)
    assert corpus.document(0).tolist() == english.tokenizer.encode("zoe")
    assert corpus.tokenizer.to_dict() == english.tokenizer.to_dict()
    path.write_text("zoe\nzoë\n")
    with pytest.raises(DataError, match=r"more.txt: unknown character 'ë' \(U\+00EB"):
        prepare([str(path)], tmp_path / "other", tokenizer=english.tokenizer)


def test_several_sources_in_their_order(tmp_path: Path) -> None:
    for name, text in (("b", "one\r\ntwo"), ("a", "\ufeffthree\n\n"), ("c", "")):
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    names = [str(tmp_path / name) for name in "bac"]
    seen: list[tuple[int, int]] = []
    lines = prepare(names, tmp_path / "lines", progress=lambda *at: seen.append(at))
    assert spelled(lines) == ["one", "two", "three"]
    assert seen[-1] == (18, 18)
    files = prepare(names, tmp_path / "files", documents="file")
    assert spelled(files) == ["one\ntwo", "three\n\n"]  # an empty file is no document


@pytest.mark.parametrize("plane", range(0x11))
def test_no_form_reaches_over_a_cut(plane: int) -> None:
    """Of all that Unicode composes, no second part may begin a part of a text."""
    for code in range(plane << 16, (plane + 1) << 16):
        char = chr(code)
        apart = unicodedata.normalize("NFD", char) if not 0xD800 <= code < 0xE000 else char
        if begins(char):
            assert unicodedata.combining(char) == unicodedata.combining(apart[0]) == 0
            assert begins(apart[0])
        if char != apart and unicodedata.normalize("NFC", apart) == char:
            assert not any(map(begins, apart[1:]))


def test_marks_without_end_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "marks.txt"
    path.write_text("a" + "\u0301" * 300_000, encoding="utf-8")
    for documents in ("line", "file"):
        with pytest.raises(DataError, match="combining marks in a row") as caught:
            prepare([str(path)], tmp_path / "o", documents=documents, normalize="nfc")
        assert str(path) in str(caught.value)
    path.write_text("\u1161" * 1_050_000, encoding="utf-8")
    with pytest.raises(DataError, match="more than a million combining characters"):
        prepare([str(path)], tmp_path / "o", documents="file", normalize="nfc")


# --- corpora that are none ---


def edit(**changes: object) -> Any:
    def change(path: Path) -> None:
        facts = json.loads((path / "corpus.json").read_text()) | changes
        facts = {key: value for key, value in facts.items() if value != "remove"}
        (path / "corpus.json").write_text(json.dumps(facts))

    return change


def tokenizer_of(chars: str) -> Any:
    def change(path: Path) -> None:
        head = {"format": "glassgpt-tokenizer", "version": 1}
        (path / "tokenizer.json").write_text(json.dumps(head | Tokenizer(chars).to_dict()))

    return change


def index_of(*positions: int) -> Any:
    return lambda path: np.array(positions, "<u8").tofile(path / "index.bin")


def link(path: Path) -> None:
    (path / "tokens.bin").rename(path / "elsewhere")
    (path / "tokens.bin").symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (shutil.rmtree, "long is not there; a corpus is made with"),
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
