"""How commands are declared: names as the user typed them, readable help, completion."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from glassgpt.errors import GlassError

NARROW = 80
"""Columns below which a help text has no frames: they would cut long options with an ellipsis."""


class Readable:
    """What commands and groups of commands share: a help text that loses nothing."""

    rich_markup_mode: Any

    def get_params(self, ctx: Any) -> list[Any]:
        return readable(super().get_params(ctx))  # type: ignore[misc] # of the class beside it

    def format_help(self, ctx: Any, formatter: Any) -> None:
        if shutil.get_terminal_size().columns < NARROW:
            self.rich_markup_mode = None
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def get_short_help_str(self, limit: int = 0) -> str:
        """The whole sentence, which wraps."""
        return str(super().get_short_help_str(limit=1000))  # type: ignore[misc]


class Command(Readable, TyperCommand):
    """A command whose errors name a setting as the user typed it: `--lr`, not `learning_rate`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with names_as_typed(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with names_as_typed(ctx):
            return super().invoke(ctx)


class Group(Readable, TyperGroup):
    """A command with commands of its own."""


@contextmanager
def names_as_typed(ctx: Any) -> Iterator[None]:
    """Failures in here name a setting as the user typed it."""
    try:
        yield
    except GlassError as error:
        names = option_names(ctx)
        raise error.renamed({n.rstrip("_"): shown for n, shown in names.items()}) from error


def readable(params: list[Any]) -> list[Any]:
    """Parameters for a help text, in which a switch has no value."""
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params


def option_names(context: typer.Context) -> dict[str, str]:
    """Each parameter of a command, and how its user knows it: `--lr`, `DATA`."""
    return {
        p.name: p.opts[-1] if p.opts[0] != p.name else p.name.upper()
        for p in context.command.params
        if p.name
    }


def whole(value: Any) -> int:
    """A whole number, as people write it: 1000, 1e3, 1_000 or 1,000."""
    text = str(value)
    try:
        return int(text.replace(",", ""))
    except ValueError:
        pass
    try:
        number = float(text)
        if number.is_integer():
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter(f"{text!r} is not a whole number; write it as in 1000 or 1e3.")


# --- completion -----------------------------------------------------------------------------------


def data_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """The data sets by name."""
    from glassgpt.datasets import REGISTRY

    return ((e.name, e.title) for e in REGISTRY.values() if e.name.startswith(incomplete))


def engine_names(incomplete: str) -> Iterator[str]:
    from glassgpt.engines import NAMES

    return (name for name in NAMES if name.startswith(incomplete))


def run_names(incomplete: str) -> Iterator[str]:
    """The runs in runs/."""
    paths = sorted(path.parent for path in Path("runs").glob("*/config.json"))
    return (str(path) for path in paths if str(path).startswith(incomplete))


def one_of(*values: str) -> Any:
    """Completes these values."""

    def matching(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return matching
