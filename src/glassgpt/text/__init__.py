"""Tokenizers: text to token ids and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from glassgpt.config import Normalization


class Tokenizer(Protocol):
    """What every tokenizer gives: `characters.CharTokenizer` and `byte_pairs.BytePairTokenizer`."""

    chars: list[str]
    """The text of each id below `bos`."""
    bos: int
    """The last id: it stands at both ends of a document."""
    vocab_size: int
    normalize: Normalization

    @property
    def alphabet(self) -> frozenset[str] | None:
        """The characters that it can read, in its normal form; None for every one there is."""

    def encode(self, document: str) -> list[int]:
        """Text, in any normal form, to `[BOS, …, BOS]`. Raises DataError for unknown characters."""

    def decode(self, token_ids: Sequence[int]) -> str:
        """Token ids to text as people write it: composed (NFC) unless characters are kept as is."""

    def text(self, token_ids: Sequence[int]) -> str:
        """What the tokens spell in the tokenizer's own normal form, without BOS."""

    def token(self, token_id: int) -> str:
        """One token as people read it; see `characters.shown`."""

    def vocabulary(self, limit: int = 80) -> str:
        """What it knows, in one line that shows at most so many tokens."""

    def to_dict(self) -> dict[str, Any]:
        """Its part of `tokenizer.json`; `stored.tokenizer_from_dict` reads it again."""
