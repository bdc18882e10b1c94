"""`glassgpt serve` and `glassgpt explore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassgpt.cli import common
from glassgpt.cli.commands import run_names

SERVE_EXAMPLES = common.examples(
    "glassgpt serve",
    "glassgpt serve runs/english runs/hindi --port 8080",
    "glassgpt serve --cors-origin https://example.org",
)
EXPLORE_EXAMPLES = common.examples("glassgpt explore", "glassgpt explore runs/hindi")

HostOption = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all interfaces.")]
PortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free port.")
]


def serve(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN",
            help="Run directories, or their names in runs/; the first is the default run.",
            show_default="the latest run that made a step",
            autocompletion=run_names,
        ),
    ] = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(help="Web site whose pages may use this server; can be repeated."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Host name of the server behind a proxy; can be repeated."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the explorer.")] = False,
) -> None:
    """Serve trained runs over HTTP, with the explorer."""
    from glassgpt.server import running

    saved = [common.open_run(run) for run in runs] if runs else [common.open_run(None)]
    running.serve(saved, host, port, cors_origin or [], allow_host or [], open_, common.say)


def explore(
    run: common.RunArgument = None, host: HostOption = "127.0.0.1", port: PortOption = 8000
) -> None:
    """Open a trained run in the explorer, in the browser."""
    from glassgpt.errors import RunError
    from glassgpt.server import running
    from glassgpt.server.sitefiles import MISSING, is_built

    saved = common.open_run(run)
    if not is_built():
        raise RunError(MISSING)
    running.serve([saved], host, port, [], [], True, common.say)
