"""Run the server on a port until it is told to stop.

The port is taken here and not by uvicorn, which would log its own error and exit.
"""

from __future__ import annotations

import os
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

import uvicorn

from glassgpt.errors import RunError
from glassgpt.runs.directory import SavedRun
from glassgpt.server.app import create_app
from glassgpt.server.guard import Guard
from glassgpt.server.sitefiles import MISSING, is_built
from glassgpt.server.work import Pool

LOOPBACK = ("127.0.0.1", "localhost", "::1")
GRACE_SECONDS = 1
"""How long the server waits for unfinished answers when it is told to stop."""


class Server(uvicorn.Server):
    """Tells streams at once that the server stops, so that they end by themselves."""

    def __init__(self, app: Guard, pool: Pool) -> None:
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self.pool = pool

    def stop(self) -> None:
        self.pool.stopping = self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.pool.stopping = True
        super().handle_exit(sig, frame)


def serve(
    runs: Sequence[SavedRun],
    host: str,
    port: int,
    cors_origins: Sequence[str],
    allowed_hosts: Sequence[str],
    open_browser: bool,
    say: Callable[[str], None],
) -> None:
    """Serve until Ctrl-C. Raises RunError if the port is not available."""
    pool = Pool()
    hosts = None
    if host in LOOPBACK or allowed_hosts:
        hosts = {*LOOPBACK, host.lower(), *(name.lower() for name in allowed_hosts)}
    app = create_app(runs, cors_origins, hosts, pool)
    listener = listen(host, port)
    url = address(host, listener.getsockname()[1])
    names = ", ".join(str(saved.path) for saved in runs)
    say(f"serving {names} at {url} (the API: {url}docs); stop with Ctrl-C")
    if not is_built():
        say(MISSING)
    server = Server(app, pool)
    if open_browser:
        page = url if is_built() else f"{url}docs"
        threading.Timer(0.3, webbrowser.open, [page]).start()
    with suppress(KeyboardInterrupt):  # Ctrl-C is the way to stop a server
        server.run(sockets=[listener])
    pool.close()
    say("stopped")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises RunError if it cannot."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise RunError(f"this machine has no address {host!r}") from None
    family, _, _, _, where = found[0]
    both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(where[:2], family=family, backlog=2048, dualstack_ipv6=both)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise RunError(
            f"cannot listen at {host} port {port}: {reason}; try another --port"
        ) from None


def address(host: str, port: int) -> str:
    """The address that a browser on this machine uses."""
    name = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"
