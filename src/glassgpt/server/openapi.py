"""What the OpenAPI document, which docs/openapi.json keeps, says beside the routes and schemas."""

from __future__ import annotations

from typing import Any

from glassgpt.server import limits
from glassgpt.server.schemas import Error
from glassgpt.server.streams import MEDIA_TYPE, Event

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = f"""\
Ask a tiny GPT, watch each of its steps, train a new one. Requests change nothing on the server.
Every error is `{{"error": "one line", "field": …, "limit": …}}`.

Which texts a run can read depends on the run: `limits` of `GET /model` lists the characters that it
knows, and how long a prompt may be.

The server accepts at most {limits.MAX_JOBS} jobs and {limits.MAX_REQUESTS} requests at a time; one
more is answered 503 with `Retry-After`. A body may have {limits.MAX_BODY_BYTES:,} bytes, that of
`/train` {limits.MAX_TRAIN_BODY_BYTES:,} (413).
"""

WORDS = {
    404: "There is no such run.",
    408: "The body did not arrive in time.",
    409: "A model is being trained already.",
    413: "The body is too large.",
    422: "The request is not valid; the answer names the field and the limit.",
    503: "The server is busy; Retry-After says when to try again.",
}
EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


def failures(*statuses: int) -> Responses:
    return {status: {"model": Error, "description": WORDS[status]} for status in statuses}


def answer(description: str, media_type: str, **content: Any) -> Responses:
    """The document's entry for 200."""
    return {200: {"description": description, "content": {media_type: content}}}


def stream(description: str, *example: Event) -> Responses:
    text = b"".join(event.encode() for event in example).decode()
    return answer(description, MEDIA_TYPE, schema=EVENT, example=text)


GENERATE = stream(
    "The texts.",
    Event("start", {"run": "english", "prompt": "a", "n": 1, "temperature": 0.5}),
    Event("step", {"number": 0, "position": 1, "token": "a", "choice": "n"}),
    Event("sample", {"number": 0, "text": "anna", "novelty": "in file"}),
    Event("end", {"samples": 1}),
)
TRAIN = stream(
    "Events as they happen.",
    Event("start", {"num_params": 3872, "documents": 10}),
    Event("steps", {"start": 0, "losses": [2.88], "text": "mia"}),
    Event("end", {"steps": 1000, "of": 1000, "stopped": None, "samples": []}),
)
JSON = answer("The file.", "application/json", schema={"type": "object"})
BYTES = answer(
    "The file.", "application/octet-stream", schema={"type": "string", "format": "binary"}
)
