"""Characters of any script to token ids and back, under a Unicode normal form.

The ids are the reference's: characters in code point order, then BOS. The normal form decides what
a character is: NFD takes é apart into e and an acute accent, NFC puts them together (Unicode
Standard Annex 15). In pure Devanagari the two agree but for the letters with a nukta: क़ is two
characters in both, ऩ is one in NFC and two in NFD.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from glassgpt import reference
from glassgpt.config import Normalization, check_normalization
from glassgpt.errors import ConfigError, DataError

MAX_MARKS = 255
"""Combining marks in a row, where a normal form is asked for. Unicode itself (UAX 15, stream-safe
text) is content with 30; sorting them takes time with the square of their number."""


def normalized(text: str, form: Normalization) -> str:
    """The text in NFC or NFD, or as it is. Raises DataError for endless combining marks."""
    if form == "none" or text.isascii():
        return text
    if len(text) > MAX_MARKS:
        marks = 0
        for char in text:
            marks = marks + 1 if unicodedata.combining(char) else 0
            if marks > MAX_MARKS:
                raise DataError(
                    f"more than {MAX_MARKS} combining marks in a row; this is not plain text"
                )
    return unicodedata.normalize(form.upper(), text)  # type: ignore[arg-type]


def composed(text: str, form: Normalization) -> str:
    """A text of this normal form as people write it: in NFC, or as it is where there is none."""
    return text if form == "none" else normalized(text, "nfc")


CONTROLS = {"\n": "↵", "\t": "⇥"}
"""The control characters that a text may have, and how they are shown."""


def is_control(char: str) -> bool:
    """Whether a character has no place in a text: a control character or half of a pair."""
    return char not in CONTROLS and unicodedata.category(char) in ("Cc", "Cs")


def describe_character(char: str) -> str:
    """`'é' (U+00E9 LATIN SMALL LETTER E WITH ACUTE)`; a bare mark is shown on a dotted circle."""
    shown = f"◌{char}" if unicodedata.category(char).startswith("M") else char
    name = unicodedata.name(char, "unnamed")
    return f"{shown!r} (U+{ord(char):04X} {name})"


def shown(text: str) -> str:
    """A token's text made visible: `␣the`, `↵`, a mark without its letter on a dotted circle."""
    if text and unicodedata.category(text[0]).startswith("M"):
        text = f"◌{text}"
    for char, sign in (*CONTROLS.items(), (" ", "␣")):
        text = text.replace(char, sign)
    return text


class CharTokenizer(reference.Tokenizer):
    """The reference tokenizer with a normal form, and with errors that explain themselves."""

    def __init__(self, chars: Sequence[str], normalize: Normalization = "none") -> None:
        super().__init__(chars)
        self.normalize = normalize

    @property
    def alphabet(self) -> frozenset[str] | None:
        """The characters that it can read, in its normal form; None for every one there is."""
        return frozenset(self.ids)

    @classmethod
    def from_documents(
        cls, documents: Iterable[str], normalize: Normalization = "none"
    ) -> CharTokenizer:
        """The vocabulary of documents that are in this normal form already."""
        return cls(sorted(set().union(*documents)), normalize)

    def encode(self, document: str) -> list[int]:
        """Text, in any normal form, to `[BOS, …, BOS]`.

        Raises DataError that names each unknown character and shows the vocabulary.
        """
        text = normalized(document, self.normalize)
        try:
            return super().encode(text)
        except KeyError:
            unknown = sorted(set(text) - set(self.ids))
            listed = ", ".join(describe_character(char) for char in unknown[:5])
            if len(unknown) > 5:
                listed += f" and {len(unknown) - 5} more"
            known = self.vocabulary()
            raise DataError(f"unknown character {listed}; this model knows {known}") from None

    def decode(self, token_ids: Sequence[int]) -> str:
        """Token ids to text as people write it: composed (NFC) unless characters are kept as is."""
        return composed(self.text(token_ids), self.normalize)

    def text(self, token_ids: Sequence[int]) -> str:
        """What the tokens spell in the tokenizer's own normal form, without BOS."""
        return super().decode(token_ids)

    def token(self, token_id: int) -> str:
        """One token as people read it: `BOS` or the character, a mark on a dotted circle."""
        return "BOS" if token_id == self.bos else shown(self.chars[token_id])

    def vocabulary(self, limit: int = 80) -> str:
        """The characters in one line: `a b c … z`."""
        known = " ".join(self.token(i) for i in range(min(limit, len(self.chars))))
        more = len(self.chars) - limit
        return f"{known} and {more} more" if more > 0 else known

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "characters", "normalize": self.normalize, "chars": self.chars}

    @classmethod
    def from_dict(cls, data: object) -> CharTokenizer:
        """Raises ConfigError for anything that `to_dict` would not have written."""
        if not isinstance(data, dict) or set(data) != {"kind", "normalize", "chars"}:
            raise ConfigError("the tokenizer needs exactly the keys kind, normalize, chars")
        if data["kind"] != "characters":
            raise ConfigError(f"tokenizer kind {data['kind']!r} is not known; characters is")
        chars = data["chars"]
        if not isinstance(chars, list) or not chars:
            raise ConfigError("the tokenizer's chars must be a list of characters")
        if not all(isinstance(c, str) and len(c) == 1 for c in chars):
            raise ConfigError("each of the tokenizer's chars must be one character")
        if any(map(is_control, chars)):
            raise ConfigError(
                "the tokenizer's chars must not be control characters but for line ends and tabs"
            )
        if chars != sorted(set(chars)):
            raise ConfigError("the tokenizer's chars must be unique and in code point order")
        return cls(chars, check_normalization(data["normalize"]))
