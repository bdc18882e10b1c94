"""Read a list, one document a line, and report honestly what was found in it."""

from __future__ import annotations

import difflib
import hashlib
import shlex
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from glassgpt.config import Normalization
from glassgpt.datasets import download
from glassgpt.datasets.lists import Dataset, Report
from glassgpt.datasets.registry import REGISTRY, Recipe
from glassgpt.errors import DataError
from glassgpt.text.characters import describe_character, normalized

MAX_LINE_BYTES = 1_000_000
"""A document is a line; one longer than this is a file of another kind."""

COMPRESSED = {
    b"\x1f\x8b": "zcat",
    b"BZh9": "bzcat",
    b"\xfd7zXZ\x00": "xzcat",
    b"\x28\xb5\x2f\xfd": "zstdcat",
    b"PK\x03\x04": "unzip -p",
}
"""The first bytes of compressed files, and the program that prints what is in them."""
_PIPE = " | glassgpt train -"

MAX_FILE_BYTES = 1 << 30
"""Lists are read into memory whole; what is larger is refused before it is read."""


def load(
    source: str,
    normalize: Normalization | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Load a registered name, a path, or `-` for standard input.

    Args:
        normalize: None takes what the data set recommends (nothing, for a file of one's own).
        progress: called with (bytes so far, bytes in all) during a download.

    Raises DataError with one line that says what is wrong and where.
    """
    entry = REGISTRY.get(source)
    if not source:
        raise DataError(
            f"the name of the data is empty; give a file, - for a pipe, or one of {_names()}"
        )
    if source.startswith(("http://", "https://", "ftp://")):
        raise DataError(
            f"{source} is an address; download it first: "
            f"curl -L {shlex.quote(source)} -o list.txt, then: glassgpt train list.txt"
        )
    if source == "-":
        name, raw = "standard input", _read(sys.stdin.buffer, "standard input")
    elif entry is None:
        name, raw = source, _read_path(Path(source))
    else:
        path = download.fetch(entry, progress) if entry.url else entry.path
        name, raw = entry.name, _read_path(path)
    recipe = entry.recipe if entry else Recipe()
    form = normalize or recipe.normalize
    if program := next((p for start, p in COMPRESSED.items() if raw.startswith(start)), ""):
        raise DataError(
            f"{name} is compressed; unpack it first: {program} {_quoted(source)}{_PIPE}"
        )
    try:
        documents, report = read_documents(raw, name, form)
    except DataError as error:
        if "U+0009, a tab" not in str(error):
            raise
        raise DataError(f"{error}; keep one column: cut -f1 {_quoted(source)}{_PIPE}") from None
    return Dataset(name, documents, form, report, recipe, hashlib.sha256(raw).hexdigest())


def missing(name: str) -> str:
    """What to say of a name that is neither a file nor a data set."""
    like = difflib.get_close_matches(name.lower(), REGISTRY, 1)
    advice = f"did you mean {like[0]}?" if like else f"there are {_names()}"
    return f"there is no file {name!r} and no data set of that name; {advice}"


def _names() -> str:
    """`the data sets english, hindi and ten`."""
    *first, last = REGISTRY
    return f"the data sets {', '.join(first)} and {last}"


def _quoted(source: str) -> str:
    """Of a command that reads it: a file by its name, a pipe by nothing."""
    return "" if source == "-" else shlex.quote(source)


def _read_path(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise DataError(
                f"{path} is a directory; it must be a text file, one item per line, or a prepared "
                "corpus (glassgpt datasets prepare)"
            )
        with path.open("rb") as file:
            return _read(file, str(path))
    except FileNotFoundError:
        raise DataError(missing(str(path))) from None
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"cannot read {str(path)!r}: {reason}") from None


def _read(file: BinaryIO, name: str) -> bytes:
    raw = bytearray()
    while part := file.read(1 << 20):  # in parts: read() makes room for all that it is asked for
        raw += part
        if len(raw) > MAX_FILE_BYTES:
            limit = f"{MAX_FILE_BYTES:,} bytes, the most a list may have"
            raise DataError(f"{name} is larger than {limit}")
    return bytes(raw)


def read_documents(
    raw: bytes, name: str, normalize: Normalization = "none"
) -> tuple[list[str], Report]:
    """The documents in the bytes of a text file: its non-empty lines, white space trimmed.

    Raises DataError for bytes that are not UTF-8 text or hold fewer than two documents.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{name} is UTF-16; save it as UTF-8")
    bom = raw.startswith(b"\xef\xbb\xbf")
    body = raw[3:] if bom else raw
    _check_bytes(body, name)
    lines = _decode(body, name).split("\n")
    if lines[-1] == "":  # what comes after the last line end is not a line
        lines.pop()
    stripped = [line.strip() for line in lines]
    documents = []
    for number, line in enumerate(stripped, 1):
        try:
            documents += [normalized(line, normalize)] if line else []
        except DataError as error:
            raise DataError(f"{name}, line {number}: {error}") from None
    if len(documents) < 2:
        found = "only one document" if documents else "no documents" if lines else "no text at all"
        raise DataError(f"{name} has {found}; it must have at least two non-empty lines")
    characters = set().union(*documents)
    for char in sorted(characters):
        if unicodedata.category(char) in ("Cc", "Cs"):
            number = next(i for i, line in enumerate(stripped, 1) if char in line)
            shown = "U+0009, a tab" if char == "\t" else describe_character(char)
            raise DataError(
                f"{name}, line {number}: control character {shown}; a document must be plain text"
            )
    report = Report(
        lines=len(lines),
        empty=len(lines) - len(documents),
        duplicates=len(documents) - len(set(documents)),
        characters=len(characters),
        longest=max(map(len, documents)),
        bom=bom,
        crlf=b"\r\n" in body,
    )
    return documents, report


def _check_bytes(body: bytes, name: str) -> None:
    zero = body.find(b"\0")
    if zero >= 0:
        line = body.count(b"\n", 0, zero) + 1
        raise DataError(f"{name}, line {line}: a zero byte; this is a binary file, not a list")
    if len(body) > MAX_LINE_BYTES:
        for number, line_bytes in enumerate(body.split(b"\n"), 1):
            if len(line_bytes) > MAX_LINE_BYTES:
                raise DataError(
                    f"{name}, line {number}: {len(line_bytes):,} bytes long; "
                    f"a document is one line of at most {MAX_LINE_BYTES:,} bytes"
                )


def _decode(body: bytes, name: str) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        byte = body[error.start]
        raise DataError(
            f"{name}, line {line}: not UTF-8 (byte 0x{byte:02x}); save the file as UTF-8"
        ) from None
