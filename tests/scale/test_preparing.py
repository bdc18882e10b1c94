"""Texts of any size become the corpus that they would become in memory."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassgpt import datasets
from glassgpt.errors import DataError
from glassgpt.scale.corpus import Corpus, prepare
from glassgpt.scale.corpus.normalizing import begins
from glassgpt.text.characters import CharTokenizer


@pytest.fixture(scope="session")
def english(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return prepare(["english"], tmp_path_factory.mktemp("corpora") / "english")


def spelled(corpus: Corpus) -> list[str]:
    documents = (corpus.document(i).tolist() for i in range(corpus.num_documents))
    return [corpus.tokenizer.text(ids) for ids in documents]


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
        patch.setattr("glassgpt.scale.corpus.sources.BLOCK", block)
        if any("\t" in line.strip() for line in lines):
            raw = raw.replace(b"\t", b"+")  # a list in memory has no tabs
            path.write_bytes(raw)
        corpus = prepare([str(path)], target, normalize=form)
        documents, report = datasets.read_documents(raw, "list", form)
        assert spelled(corpus) == documents
        assert corpus.tokenizer.to_dict() == CharTokenizer.from_documents(documents, form).to_dict()
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
        patch.setattr("glassgpt.scale.corpus.sources.BLOCK", block)
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
    monkeypatch.setattr("glassgpt.scale.corpus.sources.BLOCK", 10)
    monkeypatch.setattr("glassgpt.scale.corpus.preparing.TRAIN_BYTES", 120)
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
