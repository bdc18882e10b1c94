"""`tokenizer.json` of a run or of a corpus: the vocabulary and its normal form."""

from __future__ import annotations

from pathlib import Path

from glassgpt.errors import ConfigError
from glassgpt.files.records import VERSION, json_bytes, read_json, refusing
from glassgpt.text import Tokenizer
from glassgpt.text.byte_pairs import BytePairTokenizer
from glassgpt.text.characters import CharTokenizer

NAME = "tokenizer.json"
FORMAT = "glassgpt-tokenizer"


def tokenizer_json(tokenizer: Tokenizer) -> bytes:
    return json_bytes({"format": FORMAT, "version": VERSION} | tokenizer.to_dict())


def read_tokenizer(directory: Path, sha256: str | None = None) -> Tokenizer:
    """Raises RunError, also where a checksum is given and the file has another."""
    value = read_json(directory / NAME, FORMAT, sha256)
    body = {key: part for key, part in value.items() if key not in ("format", "version")}
    with refusing(directory / NAME):
        return tokenizer_from_dict(body)


def tokenizer_from_dict(data: object) -> Tokenizer:
    """The tokenizer that a file describes, by its "kind": characters or byte pairs.

    Raises ConfigError for anything that no `to_dict` would have written.
    """
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind == "byte-pairs":
        return BytePairTokenizer.from_dict(data)
    if kind is not None and kind != "characters":
        raise ConfigError(f"tokenizer kind {kind!r} is not known; characters and byte-pairs are")
    return CharTokenizer.from_dict(data)
