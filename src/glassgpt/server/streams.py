"""Server-sent events: a line with the name, a line with JSON, an empty line."""

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
    """Compact UTF-8; no NaN, no Infinity. Raises ValueError for those."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def wanted(accept: str | None) -> bool:
    """Whether an Accept header asks for a stream."""
    return MEDIA_TYPE in (accept or "").lower()


class EventStream(StreamingResponse):
    """Sends chunks as they come, and always calls `close`: at the end, or when the client leaves.

    No proxy should keep what is meant to be seen at once, hence the two headers.
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
