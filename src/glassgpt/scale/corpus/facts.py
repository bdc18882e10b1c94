"""What `corpus.json` says about a corpus, checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from glassgpt.errors import ConfigError

FORMAT = "glassgpt-corpus"
MAX_DOCUMENTS = 2**32 - 1
"""So that the number of a document fits four bytes."""

NUMBERS = ("num_documents", "num_tokens", "num_characters", "num_bytes", "longest")


@dataclass(frozen=True, slots=True)
class Facts:
    """The keys of `corpus.json` beside format, version and made_by."""

    sources: list[str]
    documents: str
    """What a document was: `line`, `file` or `jsonl`."""
    num_documents: int
    num_tokens: int
    """In tokens.bin, BOS included."""
    num_characters: int
    """Code points of the documents, in the normal form that was encoded."""
    num_bytes: int
    """The same in UTF-8."""
    longest: int
    """Tokens of the longest document, without BOS."""
    dtype: str
    """`uint16` or `uint32`, little-endian: what a token is in tokens.bin."""
    tokens_sha256: str
    index_sha256: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Facts:
        """Raises ConfigError for what no corpus can be."""
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in data]:
            raise ConfigError(f"the key {missing[0]!r} is missing")
        if unknown := [key for key in data if key not in names]:
            raise ConfigError(f"the key {unknown[0]!r} is not known")
        for name in NUMBERS:
            if type(data[name]) is not int or data[name] < 0:
                raise ConfigError(f"{name} must be a whole number of at least 0")
        for name in ("documents", "dtype", "tokens_sha256", "index_sha256"):
            if not isinstance(data[name], str):
                raise ConfigError(f"{name} must be a text")
        sources = data["sources"]
        if not isinstance(sources, list) or not all(isinstance(name, str) for name in sources):
            raise ConfigError("sources must be a list of names")
        facts = cls(**data)
        facts.check()
        return facts

    def check(self) -> None:
        if self.dtype not in ("uint16", "uint32"):
            raise ConfigError(f"dtype is {self.dtype!r}; it must be uint16 or uint32")
        if not 1 <= self.num_documents <= MAX_DOCUMENTS:
            raise ConfigError(
                f"there are {self.num_documents:,} documents; "
                f"a corpus has from 1 to {MAX_DOCUMENTS:,}"
            )
        # Each document has at least one token, and there is one BOS more than documents.
        if self.num_tokens < 2 * self.num_documents + 1:
            raise ConfigError(
                f"{self.num_tokens:,} tokens are too few for {self.num_documents:,} documents"
            )

    @property
    def token_bytes(self) -> int:
        return 2 if self.dtype == "uint16" else 4


def dtype_for(vocab_size: int) -> str:
    """The smallest dtype that holds every id."""
    return "uint16" if vocab_size <= 1 << 16 else "uint32"
