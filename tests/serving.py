"""What the tests of the server share: a run to serve, an application, a real server."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

import glassgpt
from glassgpt.runs.directory import SavedRun
from glassgpt.server.app import create_app
from glassgpt.server.guard import Guard
from glassgpt.server.running import Server, listen
from glassgpt.server.work import Pool


@functools.cache
def saved(name: str = "ten", steps: int = 200) -> SavedRun:
    """A run in memory, as `runs.directory.load` would give it."""
    return glassgpt.train(name, steps=steps, engine="numpy").saved


def app(*names: str, **options: Any) -> Guard:
    return create_app([saved(name) for name in names or ("ten",)], **options)


def ask(application: Any, method: str, path: str, **request: Any) -> httpx.Response:
    """One request to an application in this process."""

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **request)

    return asyncio.run(once())


def post(application: Any, path: str, body: Any, **request: Any) -> httpx.Response:
    return ask(application, "POST", path, json=body, **request)


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The names and data of a stream that has been read to its end."""
    found = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


STREAM = {"Accept": "text/event-stream"}


@contextmanager
def served(*names: str, **options: Any) -> Iterator[tuple[httpx.Client, Server]]:
    """A client of a real server on the loopback."""
    pool = options.setdefault("pool", Pool())
    server = Server(app(*names, **options), pool)
    listener = listen("127.0.0.1", 0)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    try:
        wait_until(lambda: server.started)
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(base_url=base, timeout=30) as client:
            yield client, server
    finally:
        server.stop()
        thread.join(timeout=10)
        assert not thread.is_alive()


def wait_until(condition: Any, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.01)
