"""Where texts come from: files, pipes and the data sets by name, read a block at a time."""

from __future__ import annotations

import codecs
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from glassgpt.datasets import download
from glassgpt.datasets.loader import missing
from glassgpt.datasets.registry import REGISTRY
from glassgpt.errors import DataError

BLOCK = 1 << 18
"""Bytes read in one go: enough for speed, little enough for any memory."""

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can be read, with the name it has in messages."""

    name: str
    path: Path | None
    """None is standard input."""
    size: int | None
    """In bytes; None where only the end will tell, and where it cannot be read twice."""

    def blocks(self) -> Iterator[bytes]:
        """Its bytes. Raises DataError where the system refuses."""
        try:
            with _opened(self.path) as file:
                while block := file.read(BLOCK):
                    yield block
        except OSError as error:
            raise DataError(f"cannot read {self.name}: {error.strerror}") from None


def find(given: Sequence[str]) -> list[Source]:
    """The sources of these names, all looked at before the first is read.

    Raises DataError for what is not there, is a directory or is given twice where it must not be.
    """
    if given.count(STDIN) > 1:
        raise DataError("standard input (-) can be read only once")
    return [_find(name) for name in given]


def _find(given: str) -> Source:
    if given == STDIN:
        return Source("standard input", None, None)
    path = Path(given)
    if entry := REGISTRY.get(given):
        path = download.fetch(entry) if entry.url else entry.path
    try:
        found = path.stat()
    except FileNotFoundError:
        raise DataError(missing(given)) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"cannot read {given!r}: {reason}") from None
    if stat.S_ISDIR(found.st_mode):
        raise DataError(f"{given} is a directory; name the files in it, as in {given}/*.txt")
    return Source(given, path, found.st_size if stat.S_ISREG(found.st_mode) else None)


def _opened(path: Path | None) -> IO[bytes] | nullcontext[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if path is None else path.open("rb")


def decoded(name: str, blocks: Iterator[bytes]) -> Iterator[str]:
    """The text of a source, a block at a time, without BOM and with LF for CRLF.

    Raises DataError with file and line for bytes that are not UTF-8 text, zero bytes among them.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, held, first = 1, "", True
    for block in blocks:
        if first and block.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{name} is UTF-16; save it as UTF-8")
        zero = block.find(b"\0")
        if zero >= 0:
            line += block.count(b"\n", 0, zero)
            raise DataError(f"{name}, line {line}: a zero byte; this is a binary file, not text")
        try:
            text = held + decoder.decode(block)
        except UnicodeDecodeError as error:
            raise _not_utf8(name, line, error) from None
        line += block.count(b"\n")
        if first:
            text, first = text.removeprefix("\ufeff"), False
        held = "\r" if text.endswith("\r") else ""  # the next block may begin with its line feed
        yield text[: len(text) - len(held)].replace("\r\n", "\n")
    try:
        yield held + decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(name, line, error) from None


def _not_utf8(name: str, line: int, error: UnicodeDecodeError) -> DataError:
    line += error.object.count(b"\n", 0, error.start)
    byte = error.object[error.start]
    return DataError(f"{name}, line {line}: not UTF-8 (byte 0x{byte:02x}); save the file as UTF-8")
