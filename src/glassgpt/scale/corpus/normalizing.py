"""A normal form for a text that comes in parts: cut only where the parts cannot change each other.

What stands on the two sides of a cut must not compose, and marks must not change places over it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from glassgpt.config import Normalization
from glassgpt.errors import DataError
from glassgpt.text.characters import normalized

MAX_HELD = 1 << 20
"""Characters without any place to cut. Text has one every few; nothing but marks has none."""


def normalized_parts(parts: Iterable[str], form: Normalization) -> Iterator[str]:
    """The parts in the normal form that they have together, in other parts.

    Raises DataError for what goes on endlessly without a place to cut.
    """
    if form == "none":
        yield from parts
        return
    held = ""
    for part in parts:
        text = held + part
        cut = last_cut(text)
        if cut:
            yield normalized(text[:cut], form)
        held = text[cut:]
        if len(held) > MAX_HELD:
            raise DataError(
                "more than a million combining characters in a row; this is not plain text"
            )
    if held:
        yield normalized(held, form)


def last_cut(text: str) -> int:
    """The last place where a text may be cut; 0 if there is none."""
    return next((i for i in range(len(text) - 1, 0, -1) if begins(text[i])), 0)


def begins(char: str) -> bool:
    """Whether no normal form ever mixes a character, or its parts, with what stands before it.

    It does so with marks, with the vowels and finals of Hangul, and with the vowels of Kirat Rai.
    """
    return char.isascii() or not (
        unicodedata.category(char).startswith("M")
        or "\u1160" <= char <= "\u11ff"
        or "\ud7b0" <= char <= "\ud7ff"
        or "\U00016d40" <= char <= "\U00016d7f"
    )
