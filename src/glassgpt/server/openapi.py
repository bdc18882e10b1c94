"""The OpenAPI document, which docs/openapi.json keeps: the same for every server."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from glassgpt.server import limits
from glassgpt.server.schemas import Error
from glassgpt.server.streams import MEDIA_TYPE, Event, encode_all

DESCRIPTION = f"""\
Question a tiny GPT, watch each of its steps, train another one. The server keeps nothing that a
request could change. Every failure is `{{"error": "one line", "field": …, "limit": …}}`.

What a text may hold depends on the run: `limits` of `GET /model` lists the characters it knows and
how long a prompt may be.

At most {limits.MAX_JOBS} jobs are accepted at a time and {limits.MAX_REQUESTS} requests; one more
is answered 503 with `Retry-After`. A body may have {limits.MAX_BODY_BYTES:,} bytes, that of
`/train` {limits.MAX_TRAIN_BODY_BYTES:,} (413).
"""

WORDS = {
    404: "There is no such run.",
    408: "The body did not arrive in time.",
    409: "A model is being trained already.",
    413: "The body is too large.",
    422: "Something in the request is wrong; the answer names the field and the limit.",
    503: "Too much to do; Retry-After says when to try again.",
}

GENERATE = encode_all(
    (
        Event("start", {"run": "english", "prompt": "a", "n": 1, "temperature": 0.5}),
        Event("step", {"number": 0, "position": 1, "token": "a", "choice": "n"}),
        Event("sample", {"number": 0, "text": "anna", "novelty": "in file"}),
        Event("end", {"samples": 1}),
    )
).decode()
TRAIN = encode_all(
    (
        Event("start", {"num_params": 3872, "documents": 10}),
        Event("steps", {"start": 0, "losses": [2.88], "text": "mia"}),
        Event("end", {"steps": 1000, "of": 1000, "stopped": None, "samples": []}),
    )
).decode()
EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Error, "description": WORDS[status]} for status in statuses}


def file(media_type: str) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "string", "format": "binary"}
    if media_type == "application/json":
        schema = {"type": "object"}
    return {200: {"description": "The file.", "content": {media_type: {"schema": schema}}}}


def _stream(example: str) -> dict[str, Any]:
    return {MEDIA_TYPE: {"schema": EVENT, "example": example}}


def also_a_stream(example: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "The texts.", "content": _stream(example)}}


def only_a_stream(example: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "Events as they happen.", "content": _stream(example)}}


def encode(document: dict[str, Any]) -> bytes:
    """As docs/openapi.json has it."""
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def document(app: FastAPI) -> dict[str, Any]:
    """Made once, and the same whatever runs are served: what depends on a run is in GET /model."""
    if app.openapi_schema is None:
        app.openapi_schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
    return app.openapi_schema
