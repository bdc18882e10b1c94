"""Server-sent events: a line with the name, a line with JSON, and an empty line.

Written here, because the oldest FastAPI that we support has no events of its own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: dict[str, Any]

    def encode(self) -> bytes:
        return b"event: " + self.name.encode() + b"\ndata: " + encode_json(self.data) + b"\n\n"


def encode_json(value: Any) -> bytes:
    """Compact JSON in UTF-8. Raises ValueError for NaN and Infinity, which JSON does not have."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def wanted(accept: str | None) -> bool:
    """Whether an Accept header asks for a stream."""
    return MEDIA_TYPE in (accept or "").lower()


class EventStream(StreamingResponse):
    """Sends chunks as they come; calls `close` at the end, or when the client disconnects.

    The two headers tell proxies not to hold events back.
    """

    media_type = MEDIA_TYPE

    def __init__(self, chunks: AsyncIterator[bytes], close: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(chunks, headers=headers)
        self.close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.close()
