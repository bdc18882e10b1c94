"""What can go wrong, each with one line for the person at the keyboard and an exit status."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Self

MAX_MESSAGE = 1000


class GlassError(Exception):
    """A failure whose message is all its reader needs: what was wrong, where, what is right.

    The message names settings as the library does, `learning_rate`. Each of them is given once
    more as a field, so that another interface can use its own names: `--lr` on the command line.
    """

    exit_code = 1

    def __init__(self, message: str, *fields: str) -> None:
        super().__init__(one_line(message))
        self.fields = fields

    def renamed(self, names: Mapping[str, str]) -> Self:
        """The same failure, where each field has the name that its reader knows."""
        message = str(self)
        for field in self.fields:
            before, found, after = message.partition(field)
            if found:
                message = before + names.get(field, field) + after
        return type(self)(message)


class ConfigError(GlassError, ValueError):
    """A setting that cannot work."""

    exit_code = 2


class DataError(GlassError, ValueError):
    """A data set or a text that cannot be used."""

    exit_code = 2


class RunError(GlassError):
    """A run directory or model file that cannot be read or written."""


class EngineError(GlassError):
    """An engine that is not there or cannot do what is asked."""

    exit_code = 2


class StoppedError(GlassError):
    """Ctrl-C, in a command that has nothing to save."""

    exit_code = 130


class DivergedError(GlassError, FloatingPointError):
    """Training produced a loss that is not a finite number."""


def one_line(message: str) -> str:
    """Fit for a terminal: no line ends, no control characters, not endless.

    Messages quote what is wrong, and that may come from a stranger's file.
    """
    line = " ".join(message[: 2 * MAX_MESSAGE].split())
    line = line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"
    return "".join(_escaped(c) if unicodedata.category(c) in ("Cc", "Cs") else c for c in line)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
