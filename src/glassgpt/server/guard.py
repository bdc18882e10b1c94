"""A wrapper around the application: limits, host names, headers, and the operator's error lines.

Written here, because the limits of uvicorn and the middleware of Starlette answer in plain text and
without these headers, and neither limits the size of a body."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import glassgpt
from glassgpt.server import cors, limits
from glassgpt.server.errors import BUG, ApiError, busy
from glassgpt.server.security import HEADERS

PACKAGE = Path(glassgpt.__file__).parent
UNKNOWN_HOST = (
    "this server does not answer to that host name; its operator can allow it with --allow-host"
)


class Guard:
    """Answers every request with the headers of `security`, and with an error in the usual form.

    Args:
        hosts: host names that the server answers to; None for any. On the loopback this keeps web
            pages out whose own host name points at 127.0.0.1 (DNS rebinding).
        cors_origins: web sites whose pages may read the answers.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str] | None = None,
        cors_origins: Sequence[str] = (),
    ) -> None:
        self.app, self.hosts = app, hosts
        self.requests = 0
        self._inner = cors.allow(self._answer, cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"  # answered like GET, without the body

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._inner({**scope, "method": "GET"} if head else scope, receive, send_guarded)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what the application answers, or an error."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            self.requests += 1
            if self.hosts is not None and _host(scope) not in self.hosts:
                raise ApiError(421, UNKNOWN_HOST, "Host")
            if self.requests > limits.MAX_REQUESTS:
                raise busy(f"already has {limits.MAX_REQUESTS} requests")
            body = await _read(scope, receive)
            async with asyncio.timeout(limits.REQUEST_SECONDS):
                await self.app(scope, _replay(body, receive), watched)
            return
        except ApiError as error:
            answer = error
        except TimeoutError:
            answer = ApiError(
                503, f"the request took longer than {limits.REQUEST_SECONDS:g} seconds"
            )
        except Exception as error:
            _report(scope, error)
            answer = ApiError(500, BUG)
        finally:
            self.requests -= 1
        if not started:
            await answer.answer()(scope, receive, send)


def _host(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"host"), b"")
    try:
        return urlsplit(f"//{given.decode('latin-1')}").hostname or ""
    except ValueError:
        return ""


async def _read(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises ApiError if it is too large or too slow."""
    most = limits.MAX_TRAIN_BODY_BYTES if scope["path"] == "/train" else limits.MAX_BODY_BYTES
    too_large = ApiError(413, f"the body is larger than {most:,} bytes", "body", most)
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > most:
            raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.BODY_SECONDS):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > most:
                    raise too_large
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        late = f"the body did not arrive within {limits.BODY_SECONDS:g} seconds"
        raise ApiError(408, late, headers={"Connection": "close"}) from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """Pass on the body that was read, and after it what comes from the client."""
    read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return read.pop() if read else await receive()

    return replay


def _report(scope: Scope, error: Exception) -> None:
    """Print one line for the operator, with the place in our code."""
    places = [
        f" ({Path(frame.filename).name}:{frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(PACKAGE)
    ]
    what = " ".join(f"{type(error).__name__}: {error}".split())
    print(
        f"glassgpt: {scope['method']} {scope['path']}: {what}{(places or [''])[-1]}",
        file=sys.stderr,
    )
