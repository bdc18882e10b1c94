"""The documents of any number of files as one stream of text, checked and in a normal form.

A zero character ends each document: no text has one, so it becomes BOS, whatever the tokenizer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, get_args

from glassgpt.config import Normalization
from glassgpt.datasets.loader import MAX_LINE_BYTES
from glassgpt.errors import ConfigError, DataError
from glassgpt.scale.corpus.normalizing import normalized_parts
from glassgpt.scale.corpus.sources import Source, decoded
from glassgpt.text.characters import describe_character

Unit = Literal["line", "file", "jsonl"]
Progress = Callable[[int, int], None]
"""Called with (bytes read so far, bytes in all; 0 where that is not known)."""

END = "\0"
MAX_JSON_CHARACTERS = 16_000_000
"""Of a line of JSON: it has to be in memory as a whole."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BUT_END = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f]")


def check_unit(value: str) -> Unit:
    for known in get_args(Unit):
        if value == known:
            return value  # type: ignore[return-value]
    raise ConfigError(f"documents is {value!r}; it must be line, file or jsonl")


class Reader:
    """Iterate to read: each part is text with a zero character after each document.

    Never holds more than a block of 256 KiB, a line and, for a moment, their copies. Counts what
    it has read. Raises DataError with file and line for what is no plain text.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        unit: Unit,
        normalize: Normalization,
        key: str = "text",
        progress: Progress | None = None,
    ) -> None:
        self.sources, self.unit, self.normalize, self.key = sources, unit, normalize, key
        self.progress = progress
        sizes = [source.size for source in sources]
        self.size = 0 if None in sizes else sum(size or 0 for size in sizes)
        self.readings = 1  # that are planned
        self.name = ""
        self.bytes_read = self.num_characters = self.num_bytes = 0

    def __iter__(self) -> Iterator[str]:
        self.num_characters = self.num_bytes = 0
        for source in self.sources:
            self.name = source.name
            read = {"line": self._lines, "file": self._whole, "jsonl": self._objects}
            parts = read[self.unit](decoded(source.name, self._counted(source)))
            try:
                for part in normalized_parts(parts, self.normalize):
                    ends = part.count(END)
                    self.num_characters += len(part) - ends
                    self.num_bytes += len(part.encode()) - ends
                    yield part
            except DataError as error:
                text = str(error)
                named = text.startswith((source.name, "cannot read"))
                raise error if named else DataError(f"{source.name}: {text}") from None

    def _counted(self, source: Source) -> Iterator[bytes]:
        for block in source.blocks():
            yield block
            self.bytes_read += len(block)
            if self.progress:
                self.progress(self.bytes_read, self.size * self.readings)

    def _whole(self, blocks: Iterable[str]) -> Iterator[str]:
        line, any_text = 1, False
        for text in blocks:
            if bad := _CONTROL.search(text):
                raise self._control(line + text.count("\n", 0, bad.start()), bad[0])
            line += text.count("\n")
            any_text = any_text or bool(text)
            if text:
                yield text
        if any_text:
            yield END

    def _lines(self, blocks: Iterable[str]) -> Iterator[str]:
        for number, lines in self._split(blocks, self._check_line):
            kept = [stripped for line in lines if (stripped := line.strip())]
            part = "".join([text + END for text in kept])
            if _CONTROL_BUT_END.search(part):
                for i, text in enumerate(map(str.strip, lines)):
                    if bad := _CONTROL_BUT_END.search(text):
                        raise self._control(number + i, bad[0])
            if part:
                yield part

    def _objects(self, blocks: Iterable[str]) -> Iterator[str]:
        for number, lines in self._split(blocks, self._check_json):
            for i, line in enumerate(lines, number):
                if line and not line.isspace():
                    text = self._text_of(i, line).replace("\r\n", "\n")
                    if bad := _CONTROL.search(text):
                        raise self._control(i, bad[0])
                    if text:
                        yield text + END

    def _text_of(self, number: int, line: str) -> str:
        where = f"{self.name}, line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = str(error).partition(":")[0]
            raise DataError(f"{where}: not a JSON object on a line of its own ({reason})") from None
        if not isinstance(value, dict):
            raise DataError(f"{where}: not a JSON object, which begins with {{")
        if self.key not in value:
            keys = ", ".join(map(repr, list(value)[:8])) or "none"
            raise DataError(f"{where}: there is no key {self.key!r}; its keys are {keys}")
        text = value[self.key]
        if not isinstance(text, str):
            raise DataError(f"{where}: the value of {self.key!r} is not a text")
        return text

    @staticmethod
    def _split(
        blocks: Iterable[str], check: Callable[[int, str], None]
    ) -> Iterator[tuple[int, list[str]]]:
        """Whole lines, some at a time, with the number of the first of them."""
        number, rest = 1, ""
        for text in blocks:
            lines = (rest + text).split("\n")
            check(number, lines[0])
            check(number + len(lines) - 1, rest := lines.pop())
            yield number, lines
            number += len(lines)
        yield number, [rest]

    def _check_line(self, number: int, line: str) -> None:
        if 4 * len(line) > MAX_LINE_BYTES and len(line.encode()) > MAX_LINE_BYTES:
            raise DataError(
                f"{self.name}, line {number}: longer than {MAX_LINE_BYTES:,} bytes; a line is a "
                "document here (--documents file takes a file as one, however long)"
            )

    def _check_json(self, number: int, line: str) -> None:
        if len(line) > MAX_JSON_CHARACTERS:
            raise DataError(
                f"{self.name}, line {number}: longer than {MAX_JSON_CHARACTERS:,} characters"
            )

    def _control(self, number: int, char: str) -> DataError:
        return DataError(
            f"{self.name}, line {number}: control character {describe_character(char)}; "
            "a document must be plain text"
        )
