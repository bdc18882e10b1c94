"""Byte pairs: every text has tokens, and they spell it again."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import datasets
from glassgpt.errors import ConfigError, DataError
from glassgpt.text import byte_pairs as bytepairs
from glassgpt.text.byte_pairs import MAX_RUN, BytePairTokenizer, cut
from glassgpt.text.characters import CharTokenizer
from glassgpt.text.stored import tokenizer_from_dict

pytest.importorskip("tokenizers", reason="byte pairs need the tokenizers package")

texts = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\n \t the क्षिé👩\u200d👧"),
    max_size=40,
)


@pytest.fixture(scope="module")
def learned() -> BytePairTokenizer:
    names = datasets.load("english").documents + datasets.load("hindi").documents
    return BytePairTokenizer.train([" ".join(names) + "\n  indented\n"], 600)


def test_ids_are_bytes_then_merges_then_bos() -> None:
    tokenizer = BytePairTokenizer([(104, 105), (256, 33)])  # h+i, hi+!
    assert (tokenizer.bos, tokenizer.vocab_size) == (258, 259)
    assert tokenizer.encode("hi") == [258, 256, 258]
    assert tokenizer.encode("oh hi!") == [258, 111, 104, 32, 256, 33, 258]  # ! stands apart
    assert tokenizer.encode("") == [258, 258]
    assert tokenizer.encode("é") == [258, 0xC3, 0xA9, 258]
    assert tokenizer.decode([258, 256, 33, 257, 258]) == "hi!hi!"


def test_what_is_learned_is_what_occurs_most() -> None:
    tokenizer = BytePairTokenizer.train(["aab aab aab aac", "\n"], 259)
    assert [tokenizer.pieces[i] for i in range(256, tokenizer.bos)] == [b"aa", b" aa"]
    with_little = BytePairTokenizer.train(["ab"], 1000)
    assert with_little.merges == []  # nothing occurs twice


@given(text=texts)
def test_every_text_comes_back(learned: BytePairTokenizer, text: str) -> None:
    ids = learned.encode(text)
    assert ids[0] == ids[-1] == learned.bos
    assert all(0 <= i < learned.bos for i in ids[1:-1])
    assert learned.decode(ids) == learned.text(ids) == text
    assert b"".join(learned.pieces[i] for i in ids[1:-1]) == text.encode()


@given(text=texts, other=texts)
def test_lines_are_encoded_apart(learned: BytePairTokenizer, text: str, other: str) -> None:
    first, second = text + "\n", other
    joined = learned.encode(first + second)[1:-1]
    assert joined == learned.encode(first)[1:-1] + learned.encode(second)[1:-1]


@given(st.lists(texts | st.just("x" * MAX_RUN) | st.just("ab" * 40_000), max_size=6))
def test_a_text_in_parts_is_cut_where_it_may_be(learned_parts: list[str]) -> None:
    """At the least everything comes out again, and no part ends where a token could go on."""
    parts = list(cut(learned_parts, 10))
    whole = "".join(learned_parts)
    assert "".join(parts) == whole and all(parts)
    place = line = 0
    for part in parts[:-1]:
        place += len(part)
        line = max(line, whole.rfind("\n", 0, place) + 1, whole.rfind("\0", 0, place) + 1)
        assert place == line or (place - line) % MAX_RUN == 0


def test_long_lines_are_encoded_alike_in_parts(learned: BytePairTokenizer) -> None:
    text = "the names of anna and maria " * 9000 + "\n" + "अंकित" * 30_000 + "\nend"
    whole = learned.encode(text)[1:-1]
    given_in = [text[i : i + 50_001] for i in range(0, len(text), 50_001)]
    parts = list(cut(given_in))
    assert len(parts) > 4
    assert [i for ids in learned.encode_many(parts) for i in ids] == whole


def test_the_normal_form_comes_first() -> None:
    tokenizer = BytePairTokenizer([], "nfd")
    assert tokenizer.encode("é") == tokenizer.encode("e\u0301") == [256, 0x65, 0xCC, 0x81, 256]
    assert tokenizer.decode([0x65, 0xCC, 0x81]) == "é"
    assert tokenizer.text([0x65, 0xCC, 0x81]) == "e\u0301"


def test_tokens_are_shown() -> None:
    tokenizer = BytePairTokenizer([(32, 116), (256, 104), (0xE0, 0xA4), (258, 0x95), (13, 10)])
    shown = [tokenizer.token(i) for i in (10, 9, 0, 0xE0, 257, 258, 259, 260, 261)]
    assert shown == ["↵", "⇥", r"\x00", r"\xe0", "␣th", r"\xe0\xa4", "क", r"\r↵", "BOS"]
    assert tokenizer.vocabulary(2) == "all bytes and 5 merges of them: ␣t ␣th …"
    assert tokenizer.alphabet is None
    assert tokenizer.text([0xE0]) == "\ufffd"


def test_half_of_a_character_is_refused(learned: BytePairTokenizer) -> None:
    with pytest.raises(DataError, match=r"U\+D83D is half of a character"):
        learned.encode("a\ud83d")


def test_to_a_dict_and_back(learned: BytePairTokenizer) -> None:
    data = json.loads(json.dumps(learned.to_dict()))
    again = tokenizer_from_dict(data)
    assert isinstance(again, BytePairTokenizer)
    assert (again.merges, again.pieces) == (learned.merges, learned.pieces)
    assert again.encode("मीरा and anna") == learned.encode("मीरा and anna")
    assert type(tokenizer_from_dict(CharTokenizer("ab").to_dict())) is CharTokenizer


GOOD: dict[str, Any] = {"kind": "byte-pairs", "normalize": "none", "merges": [[97, 98]]}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "needs exactly the keys"),
        ({"kind": "syllables"}, "kind 'syllables' is not known; characters and byte-pairs are"),
        (GOOD | {"chars": []}, "needs exactly the keys kind, normalize, merges"),
        (GOOD | {"normalize": "NFC"}, "normalize is 'NFC'"),
        (GOOD | {"merges": "ab"}, "must be a list of pairs"),
        (GOOD | {"merges": [[1, 2, 3]]}, "merge 0 .* must be a pair of ids"),
        (GOOD | {"merges": [[1, 2], "34"]}, "merge 1 .* must be a pair of ids"),
        (GOOD | {"merges": [[1, True]]}, "merge 0 .* must be a pair of ids"),
        (GOOD | {"merges": [[1, 256]]}, "merge 0 .* only the ids 0 to 255 before it"),
        (GOOD | {"merges": [[-1, 3]]}, "only the ids 0 to 255"),
        (GOOD | {"merges": [[1, 2], [1, 2]]}, "merge 1 .* already exists"),
        (GOOD | {"merges": [[1, 1], [256, 1], [1, 256]]}, "merge 2 .* already exists"),
        (GOOD | {"merges": [[1, 1], *([i, i] for i in range(256, 300))]}, "a token of 512 bytes"),
    ],
)
def test_foreign_dicts(data: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        tokenizer_from_dict(data)


def test_merges_double_the_bytes_at_most_to_the_limit() -> None:
    tokenizer = BytePairTokenizer([(97, 97), *((i, i) for i in range(256, 263))])
    assert len(tokenizer.pieces[-1]) == bytepairs.MAX_TOKEN_BYTES
    assert tokenizer.encode("a" * 300)[1] == 263


@pytest.mark.parametrize("size", [0, 256, 1_000_001])
def test_sizes_that_cannot_be(size: int) -> None:
    with pytest.raises(ConfigError, match="from 257"):
        BytePairTokenizer.train(["abc"], size)


def test_the_alphabet_is_that_of_the_library() -> None:
    from tokenizers import pre_tokenizers

    assert sorted(bytepairs._ALPHABET) == sorted(pre_tokenizers.ByteLevel.alphabet())
    encoded = "".join(chr(b) for b in range(256)).encode("latin-1")
    for byte in encoded[:128]:
        (piece, _), *_ = pre_tokenizers.ByteLevel(False, use_regex=False).pre_tokenize_str(
            chr(byte)
        )
        assert piece == bytepairs._ALPHABET[byte]


def test_as_gpt2_cuts_words() -> None:
    tokenizer = BytePairTokenizer.train(["I'll see, you'll see  it in 2024!\n"] * 3, 2000)
    tokens = [tokenizer.token(i) for i in tokenizer.encode("you'll see  it in 2024!\n")[1:-1]]
    assert tokens == ["you", "'ll", "␣see", "␣", "␣it", "␣in", "␣2024", "!", "↵"]


def test_decoding_needs_no_library_and_encoding_says_what_it_needs() -> None:
    program = """
import sys
sys.modules["tokenizers"] = None
from glassgpt.text.byte_pairs import BytePairTokenizer
tokenizer = BytePairTokenizer.from_dict(
    {"kind": "byte-pairs", "normalize": "none", "merges": [[104, 105]]})
print(tokenizer.decode([256, 33]))
for what in (lambda: tokenizer.encode("hi"), lambda: BytePairTokenizer.train(["hi"], 300)):
    try:
        what()
    except ValueError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    needs = "byte pairs need the tokenizers package: pip install tokenizers"
    assert done.stdout.splitlines() == ["hi!", needs, needs]


def test_merges_come_in_the_order_of_learning(learned: BytePairTokenizer) -> None:
    for i, (left, right) in enumerate(learned.merges):
        assert max(left, right) < 256 + i
    lengths = [len(piece) for piece in learned.pieces]
    assert max(lengths) > 4 and any(b > a for a, b in pairwise(lengths))
    assert not any(b"\n" in piece[:-1] for piece in learned.pieces)
    assert all(unicodedata.is_normalized("NFC", learned.token(i)) for i in range(97, 123))
