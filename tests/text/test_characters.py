"""Characters of any script to ids and back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import reference
from glassgpt.config import Normalization
from glassgpt.errors import ConfigError, DataError
from glassgpt.text.characters import CharTokenizer, describe_character, normalized

FORMS: list[Normalization] = ["nfc", "nfd", "none"]
LATIN = CharTokenizer("abcdefghijklmnopqrstuvwxyz")
any_text = st.text(
    st.characters(exclude_categories=["Cs", "Cc"])
    | st.sampled_from("कखगज़ढ़ऩािीुूेैोौंः़्अआ")
    | st.sampled_from("e\u0301\u0308\u200d🏽👩🇮🇳한ᄒ"),
    min_size=1,
    max_size=12,
)


def test_emma_and_snap() -> None:
    assert LATIN.encode("emma") == [26, 4, 12, 12, 0, 26]
    assert LATIN.encode("snap")[1:-1] == [18, 13, 0, 15]
    assert (LATIN.bos, LATIN.vocab_size) == (26, 27)


@given(st.lists(any_text, min_size=1, max_size=5), st.sampled_from(FORMS))
def test_round_trip(texts: list[str], form: Normalization) -> None:
    documents = [normalized(text, form) for text in texts]
    tokenizer = CharTokenizer.from_documents(documents, form)
    for text in texts:
        ids = tokenizer.encode(text)
        assert ids[0] == ids[-1] == tokenizer.bos
        assert all(0 <= i < tokenizer.bos for i in ids[1:-1])
        # Shown composed, unless the characters are taken as they are.
        shown = text if form == "none" else unicodedata.normalize("NFC", text)
        assert tokenizer.decode(ids) == shown
        assert tokenizer.encode(tokenizer.decode(ids)) == ids


@given(st.lists(any_text, min_size=1, max_size=5))
def test_ids_are_those_of_the_reference(texts: list[str]) -> None:
    ours, its = CharTokenizer.from_documents(texts), reference.Tokenizer("".join(texts))
    assert [ours.encode(t) for t in texts] == [its.encode(t) for t in texts]


def test_any_normal_form_may_be_typed() -> None:
    """A prompt finds its characters however the keyboard composes them."""
    composed = CharTokenizer.from_documents([normalized("zoë", "nfc")], "nfc")
    taken_apart = CharTokenizer.from_documents([normalized("zoë", "nfd")], "nfd")
    assert (composed.vocab_size, taken_apart.vocab_size) == (4, 5)
    for tokenizer in (composed, taken_apart):
        assert tokenizer.encode("zo\u00eb") == tokenizer.encode("zoe\u0308")
        assert tokenizer.decode(tokenizer.encode("zoe\u0308")) == "zo\u00eb"


def test_devanagari() -> None:
    """NFD leaves की alone (two code points already), and takes only nukta letters apart."""
    assert len(normalized("की", "nfd")) == len(normalized("की", "nfc")) == 2
    ka, na = "\u0958", "\u0929"  # क़, ऩ
    assert [len(normalized(ka, form)) for form in FORMS] == [2, 2, 1]
    assert [len(normalized(na, form)) for form in FORMS] == [1, 2, 1]
    tokenizer = CharTokenizer.from_documents([normalized("क़ी", "nfd")], "nfd")
    assert [tokenizer.token(i) for i in tokenizer.encode("क़ी")] == [
        "BOS", "क", "◌\u093c", "◌ी", "BOS",
    ]  # fmt: skip


def test_an_emoji_of_several_code_points_is_several_tokens() -> None:
    family = "👩\u200d👩\u200d👧"
    tokenizer = CharTokenizer.from_documents([family], "nfc")
    assert len(tokenizer.encode(family)) == 2 + 5
    assert tokenizer.decode(tokenizer.encode(family)) == family


@pytest.mark.parametrize(
    ("tokenizer", "text", "says"),
    [
        (
            LATIN,
            "café",
            "unknown character 'é' (U+00E9 LATIN SMALL LETTER E WITH ACUTE); this model knows "
            "a b c d e f g h i j k l m n o p q r s t u v w x y z",
        ),
        (
            CharTokenizer("abc", "nfd"),
            "á",
            "unknown character '◌\u0301' (U+0301 COMBINING ACUTE ACCENT); this model knows a b c",
        ),
        (
            CharTokenizer("abc"),
            "bAABBA",
            "unknown character 'A' (U+0041 LATIN CAPITAL LETTER A), "
            "'B' (U+0042 LATIN CAPITAL LETTER B); this model knows a b c",
        ),
        (CharTokenizer("a b"), "xa", "unknown character 'x' (U+0078 LATIN SMALL LETTER X); "
         "this model knows ␣ a b"),
    ],
)  # fmt: skip
def test_unknown_characters_are_named(tokenizer: CharTokenizer, text: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        tokenizer.encode(text)
    assert str(caught.value) == says


def test_long_refusals_are_cut() -> None:
    many = CharTokenizer([chr(0x4E00 + i) for i in range(200)])
    with pytest.raises(DataError) as caught:
        many.encode("abcdefgh")
    assert str(caught.value).startswith("unknown character 'a' (U+0061")
    assert "LETTER E) and 3 more; this model knows 一" in str(caught.value)
    assert str(caught.value).endswith(" and 120 more")
    assert "\n" not in str(caught.value)


def test_characters_without_a_name_are_described() -> None:
    assert describe_character("\ue000") == "'\\ue000' (U+E000 unnamed)"


@pytest.mark.parametrize("tokenizer", [LATIN, CharTokenizer("कखग\u093c", "nfd")])
def test_to_a_dict_and_back(tokenizer: CharTokenizer) -> None:
    again = CharTokenizer.from_dict(tokenizer.to_dict())
    assert (again.chars, again.normalize) == (tokenizer.chars, tokenizer.normalize)


def test_line_ends_and_tabs_are_characters_and_are_shown() -> None:
    tokenizer = CharTokenizer.from_dict(
        {"kind": "characters", "normalize": "nfc", "chars": ["\t", "\n", "é"]}
    )
    assert tokenizer.decode(tokenizer.encode("e\u0301\n\té")) == "é\n\té"
    assert tokenizer.vocabulary() == "⇥ ↵ é"
    assert tokenizer.alphabet == frozenset("\t\né")


def test_text_is_what_the_tokens_spell() -> None:
    tokenizer = CharTokenizer("e\u0301", "nfd")
    ids = tokenizer.encode("é")
    assert (tokenizer.text(ids), tokenizer.decode(ids)) == ("e\u0301", "é")


GOOD = {"kind": "characters", "normalize": "nfc", "chars": ["a", "b"]}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "needs exactly the keys"),
        ({}, "needs exactly the keys"),
        (GOOD | {"merges": []}, "needs exactly the keys"),
        (GOOD | {"kind": "bpe"}, "kind 'bpe' is not known"),
        (GOOD | {"normalize": "nfkc"}, "normalize is 'nfkc'"),
        (GOOD | {"chars": "ab"}, "must be a list"),
        (GOOD | {"chars": []}, "must be a list"),
        (GOOD | {"chars": ["a", "bc"]}, "must be one character"),
        (GOOD | {"chars": ["a", 1]}, "must be one character"),
        (GOOD | {"chars": ["\0", "a"]}, "must not be control characters but for line ends"),
        (GOOD | {"chars": ["\r", "a"]}, "must not be control characters but for line ends"),
        (GOOD | {"chars": ["a", "\ud800"]}, "must not be control characters"),
        (GOOD | {"chars": ["b", "a"]}, "unique and in code point order"),
        (GOOD | {"chars": ["a", "a"]}, "unique and in code point order"),
    ],
)
def test_foreign_dicts(data: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        CharTokenizer.from_dict(data)
