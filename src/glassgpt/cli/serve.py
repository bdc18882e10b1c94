"""`glassgpt serve` and `glassgpt explore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassgpt.cli import common

SERVE_EXAMPLES = common.examples(
    "glassgpt serve",
    "glassgpt serve runs/english runs/hindi --port 8080",
    "glassgpt serve --cors-origin https://example.org",
)
EXPLORE_EXAMPLES = common.examples("glassgpt explore", "glassgpt explore runs/hindi")

HostOption = Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for all.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")]


def serve(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]…",
            help="Run directories; the first is the default. By default the latest.",
        ),
    ] = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(help="A web site whose pages may ask this server; repeatable."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A name the server may be called by, behind a proxy; repeatable."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Answer questions about trained runs over HTTP, and serve the explorer."""
    from glassgpt.server import running

    saved = [common.open_run(run) for run in runs] if runs else [common.open_run(None)]
    running.serve(saved, host, port, cors_origin or [], allow_host or [], open_, common.say)


def explore(
    run: common.RunArgument = None, host: HostOption = "127.0.0.1", port: PortOption = 8000
) -> None:
    """Open a trained run in the browser: every number of it."""
    from glassgpt.errors import RunError
    from glassgpt.server import running
    from glassgpt.server.sitefiles import MISSING, is_built

    saved = common.open_run(run)
    if not is_built():
        raise RunError(MISSING)
    running.serve([saved], host, port, [], [], True, common.say)
