"""The command line. One file a command; what they share is in `common`."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from typing import Annotated, Any

import typer

from glassgpt import __version__
from glassgpt.cli import bench, datasets, evaluate, explain, export, sample, serve, train
from glassgpt.cli.commands import Command, Group
from glassgpt.errors import GlassError, StoppedError, one_line
from glassgpt.runs.interrupts import swallowed_interrupts_return
from glassgpt.scale.torch.processes import current

PATIENCE = 3.0
"""Seconds that the other processes wait before they report an error: most errors are shared, and
process 0 reports those."""


class Commands(Group):
    """The commands; Ctrl-C in one of them is reported as every other failure is.

    Typer itself would turn it into an exit status without a word.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise StoppedError("stopped") from None


app = typer.Typer(
    name="glassgpt",
    cls=Commands,
    help="A complete, tiny GPT with glass walls: train it, let it write, look inside.",
    epilog="Start with: glassgpt train",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"glassgpt {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


app.command("train", cls=Command, epilog=train.EXAMPLES)(train.train)
app.command("sample", cls=Command, epilog=sample.EXAMPLES)(sample.sample)
app.command("eval", cls=Command, epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(
    "explain",
    cls=Command,
    epilog=explain.EXAMPLES,
    context_settings={"allow_extra_args": True},  # the older order of its arguments
)(explain.explain)
app.command("export", cls=Command, epilog=export.EXAMPLES)(export.export)
app.command("serve", cls=Command, epilog=serve.SERVE_EXAMPLES)(serve.serve)
app.command("explore", cls=Command, epilog=serve.EXPLORE_EXAMPLES)(serve.explore)
app.command("bench", cls=Command, epilog=bench.EXAMPLES)(bench.bench)
app.add_typer(datasets.app, name="datasets")


def main() -> None:
    """Run the command line; every failure is one line on standard error and an exit status."""
    _open_missing_streams()
    swallowed_interrupts_return()
    if not current().first:  # of several processes one speaks
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 # until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):  # what it cannot show, it shows as \u…
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = app(standalone_mode=False) or 0
        sys.stdout.flush()  # here, where what goes wrong is still reported
        sys.exit(status)
    except GlassError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:  # before the command began
        _fail("stopped", 130)
    except BrokenPipeError:  # the reader of a pipe has gone, which is its right
        _drop_output()
        sys.exit(141)
    except OSError as error:
        _drop_output()
        _fail(f"{error.filename or 'standard output'}: {error.strerror}", 1)
    except MemoryError:
        _fail("not enough memory for a model of this size", 1)
    except Exception as error:  # a wrong option, as reported by the parser behind Typer
        format_message = getattr(error, "format_message", None)
        if format_message is None:
            raise
        _fail(f"{format_message()} (see {_help_command(error)})", 2)


def _open_missing_streams() -> None:
    """Open what the caller has closed (`2>&-`), so that no file of ours takes its number.

    Messages then go nowhere, as asked; results that cannot be written are an error.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Standard output that can only be read: writing to it fails, and that is reported.
            handle = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            setattr(sys, name, open(handle, mode))  # noqa: SIM115, PTH123 # until the process ends


def _drop_output() -> None:
    """Let what is left in the buffer of standard output go nowhere when the process ends."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: it has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _help_command(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'glassgpt'} --help"


def _fail(message: str, status: int) -> None:
    here, place = current(), ""
    if not here.first:
        # What is wrong here is most often wrong in the first process, too, which says so and ends;
        # then torchrun ends us before we can say it again.
        time.sleep(PATIENCE)
        place = f" (process {here.rank} of {here.world})"
    with contextlib.suppress(OSError):  # nobody reads it; the exit status says it, too
        print(f"glassgpt{place}: {one_line(message)}", file=sys.stderr, flush=True)
    if here.world > 1:  # no wait for the others, who may be lost or waiting for us
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
