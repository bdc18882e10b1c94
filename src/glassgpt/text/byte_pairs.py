"""Byte-level byte pair encoding: tokens that are pieces of words, and no text without tokens.

Sennrich, Haddow and Birch, 2016 (arXiv:1508.07909), on bytes as in GPT-2. Ids 0 to 255 are the
bytes; each merge of two earlier ids makes one more; BOS is the last. Training and encoding are done
by the `tokenizers` library, which is loaded when they are asked for; decoding needs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from glassgpt.config import Normalization, check_normalization
from glassgpt.errors import ConfigError, DataError
from glassgpt.text.characters import composed, normalized, shown

if TYPE_CHECKING:
    import tokenizers

BYTES = 256
MIN_VOCAB_SIZE = BYTES + 1
MAX_VOCAB_SIZE = 1_000_000
MAX_TOKEN_BYTES = 256
"""Merges double: without a limit forty of them would fill the memory."""

MAX_RUN = 1 << 16
"""Characters of a line that are encoded in one go; a longer line is cut there."""

# A token ends at the latest with its line, so a text encodes the same in pieces of whole lines.
# The zero character stands alone: `scale.corpus` puts it between documents.
_LINES = rf"\x00|[^\n\x00]{{0,{MAX_RUN - 1}}}\n|[^\n\x00]{{1,{MAX_RUN}}}"


class BytePairTokenizer:
    """A tokenizer of byte pairs. It knows every text, whatever its script."""

    def __init__(
        self, merges: Sequence[tuple[int, int]], normalize: Normalization = "none"
    ) -> None:
        """`merges[i]` are the two ids whose bytes, one after the other, are those of id 256 + i.

        Raises ConfigError for merges that cannot be.
        """
        self.pieces = _pieces(merges)
        self.merges = [(left, right) for left, right in merges]
        self.chars = [piece.decode("utf-8", "replace") for piece in self.pieces]
        self.bos = len(self.pieces)
        self.vocab_size = self.bos + 1
        self.normalize = normalize
        self._library: tokenizers.Tokenizer | None = None

    @property
    def alphabet(self) -> frozenset[str] | None:
        """None: every character is bytes."""
        return None

    @classmethod
    def train(
        cls, texts: Iterable[str], vocab_size: int, normalize: Normalization = "none"
    ) -> BytePairTokenizer:
        """Learn the merges from texts that are in this normal form already, read once.

        Args:
            texts: pieces of any length; where one ends, a token ends.
            vocab_size: bytes, merges and BOS together. It becomes smaller where no pair of tokens
                occurs twice any more.

        Raises ConfigError for an impossible size or without the library.
        """
        check_vocab_size(vocab_size)
        library = _library()
        model = _with_lines(library.models.BPE())
        trainer = library.trainers.BpeTrainer(
            vocab_size=vocab_size - 1,
            initial_alphabet=list(_ALPHABET),
            max_token_length=MAX_TOKEN_BYTES,
            min_frequency=2,
            show_progress=False,
        )
        model.train_from_iterator(iter(texts), trainer)
        ids = {char: byte for byte, char in enumerate(_ALPHABET)}
        merges = []
        for left, right in json.loads(model.to_str())["model"]["merges"]:
            merges.append((ids[left], ids[right]))
            ids[left + right] = len(ids)
        return cls(merges, normalize)

    def encode(self, document: str) -> list[int]:
        """Text, in any normal form, to `[BOS, …, BOS]`. Raises DataError for what is no text."""
        text = normalized(document, self.normalize)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            code = ord(text[error.start])
            raise DataError(f"U+{code:04X} is half of a character and cannot be encoded") from None
        return [self.bos, *(i for ids in self.encode_many([text]) for i in ids), self.bos]

    def encode_many(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """The ids of each text, without BOS; texts in the tokenizer's normal form already."""
        if self._library is None:
            self._library = self._build()
        for encoding in self._library.encode_batch_fast(list(texts), add_special_tokens=False):
            yield encoding.ids

    def decode(self, token_ids: Sequence[int]) -> str:
        """Token ids to text as people write it: composed (NFC) unless characters are kept as is."""
        return composed(self.text(token_ids), self.normalize)

    def text(self, token_ids: Sequence[int]) -> str:
        """What the tokens spell, without BOS; bytes that are not UTF-8 become U+FFFD."""
        pieces = self.pieces
        spelled = b"".join(pieces[i] for i in token_ids if i != self.bos)
        return spelled.decode("utf-8", "replace")

    def token(self, token_id: int) -> str:
        r"""One token as people read it: `BOS`, `␣the`, `\xe0` where bytes are not a character."""
        if token_id == self.bos:
            return "BOS"
        text = self.pieces[token_id].decode("utf-8", "backslashreplace")
        return "".join(c if c.isprintable() else _escaped(c) for c in shown(text))

    def vocabulary(self, limit: int = 80) -> str:
        """The kinds of tokens in one line, and the first ones that were learned."""
        line = f"all bytes and {len(self.merges):,} merges of them"
        if not self.merges or limit < 1:
            return line
        some = range(BYTES, min(self.bos, BYTES + limit))
        more = " …" if len(self.merges) > limit else ""
        return f"{line}: {' '.join(map(self.token, some))}{more}"

    def to_dict(self) -> dict[str, Any]:
        merges = [list(pair) for pair in self.merges]
        return {"kind": "byte-pairs", "normalize": self.normalize, "merges": merges}

    @classmethod
    def from_dict(cls, data: object) -> BytePairTokenizer:
        """Raises ConfigError for anything that `to_dict` would not have written."""
        if not isinstance(data, dict) or set(data) != {"kind", "normalize", "merges"}:
            raise ConfigError("the tokenizer needs exactly the keys kind, normalize, merges")
        if data["kind"] != "byte-pairs":
            raise ConfigError(f"tokenizer kind {data['kind']!r} is not byte-pairs")
        merges = data["merges"]
        if not isinstance(merges, list):
            raise ConfigError("the tokenizer's merges must be a list of pairs of ids")
        for i, pair in enumerate(merges):
            if not (
                isinstance(pair, list) and len(pair) == 2 and all(type(x) is int for x in pair)
            ):
                raise ConfigError(f"merge {i} of the tokenizer must be a pair of ids")
        pairs = [(left, right) for left, right in merges]
        return cls(pairs, check_normalization(data["normalize"]))

    def _build(self) -> tokenizers.Tokenizer:
        spelled = ["".join(_ALPHABET[byte] for byte in piece) for piece in self.pieces]
        pairs = [(spelled[left], spelled[right]) for left, right in self.merges]
        ids = {token: i for i, token in enumerate(spelled)}
        return _with_lines(_library().models.BPE(vocab=ids, merges=pairs))


def check_vocab_size(vocab_size: int) -> None:
    if not MIN_VOCAB_SIZE <= vocab_size <= MAX_VOCAB_SIZE:
        raise ConfigError(
            f"a vocabulary of byte pairs has from {MIN_VOCAB_SIZE} (the bytes and BOS) to "
            f"{MAX_VOCAB_SIZE:,} tokens, not {vocab_size:,}"
        )


def cut(texts: Iterable[str], least: int = 1 << 13) -> Iterator[str]:
    """A text that comes in parts, in other parts that are encoded as the whole would be.

    Each has at least `least` characters where the text has them and its lines end soon enough.
    Holds what has come and not gone: a part and at most MAX_RUN characters of a line.
    """
    pending = ""
    for text in texts:
        pending += text
        start = 0
        while (end := _legal_end(pending, start, start + least)) > start:
            yield pending[start:end]
            start = end
        pending = pending[start:]
    if pending:
        yield pending


def _legal_end(text: str, start: int, at_least: int) -> int:
    """Where text[start:] may be cut at or after a place; `start` where that is not known yet."""
    if at_least > len(text):
        return start
    before = text.rfind("\n", start, at_least), text.rfind("\0", start, at_least)
    line = max(*before, start - 1) + 1  # where the line in question begins
    run_end = line + -(-(at_least - line) // MAX_RUN) * MAX_RUN
    found = text.find("\n", at_least, run_end), text.find("\0", at_least, run_end)
    if ends := [i + 1 for i in found if i >= 0]:
        return min(ends)
    return run_end if run_end < len(text) else start


def _pieces(merges: Sequence[tuple[int, int]]) -> list[bytes]:
    """The bytes of each id. Raises ConfigError for merges that cannot be."""
    check_vocab_size(MIN_VOCAB_SIZE + len(merges))
    pieces = [bytes([i]) for i in range(BYTES)]
    known = set(pieces)
    for i, (left, right) in enumerate(merges):
        if not (0 <= left < len(pieces) and 0 <= right < len(pieces)):
            raise ConfigError(
                f"merge {i} of the tokenizer is of {left} and {right}; "
                f"there are only the ids 0 to {len(pieces) - 1} before it"
            )
        piece = pieces[left] + pieces[right]
        if len(piece) > MAX_TOKEN_BYTES:
            raise ConfigError(
                f"merge {i} of the tokenizer makes a token of {len(piece)} bytes; "
                f"a token has at most {MAX_TOKEN_BYTES}"
            )
        if piece in known:
            raise ConfigError(f"merge {i} of the tokenizer makes a token that already exists")
        known.add(piece)
        pieces.append(piece)
    return pieces


def _alphabet() -> str:
    """The characters by which GPT-2 and the library write bytes, by byte."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(others)) for byte in range(BYTES))


_ALPHABET = _alphabet()


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _library() -> Any:
    """The `tokenizers` library, or one line that says how to get it."""
    try:
        import tokenizers
    except ImportError:
        raise ConfigError(
            "byte pairs need the tokenizers package: pip install tokenizers"
        ) from None
    return tokenizers


def _with_lines(model: Any) -> tokenizers.Tokenizer:
    library = _library()
    steps = library.pre_tokenizers
    built: tokenizers.Tokenizer = library.Tokenizer(model)
    built.pre_tokenizer = steps.Sequence(
        [
            steps.Split(library.Regex(_LINES), "isolated"),
            steps.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    return built
