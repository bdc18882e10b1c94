"""The OpenAPI document: what FastAPI knows, and what depends on the runs that are served."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from glassgpt.server import limits
from glassgpt.server.library import Library, Served
from glassgpt.server.schemas import Error
from glassgpt.server.streams import MEDIA_TYPE, Event, encode_all

DESCRIPTION = f"""\
Question a tiny GPT, watch each of its steps, train another one. The server keeps nothing that a
request could change. Every failure is `{{"error": "one line", "field": …, "limit": …}}`.

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
TEN = ["emma", "olivia", "ava", "sophia", "isabella", "mia", "charlotte", "amelia", "harper"]


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


def document(app: FastAPI, library: Library) -> dict[str, Any]:
    """Made once. What a request may hold depends on the runs: it is said as exactly as can be."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = made["components"]["schemas"]
        names = list(library.runs)
        for path in made["paths"].values():
            for operation in path.values():
                for parameter in operation.get("parameters", ()):
                    if parameter["name"] == "run":
                        parameter["schema"] = {"type": "string", "enum": names}
        pattern = _pattern(list(library.runs.values()))
        most = min(served.model.block_size for served in library.runs.values()) - 1
        for name, field in (("Generate", "prompt"), ("Tokenize", "text"), ("Trace", "text")):
            text = schemas[f"{name}Request"]["properties"][field]
            text |= {"pattern": pattern} if pattern else {}
            if field == "prompt":
                text["maxLength"] = min(most, limits.MAX_TEXT)
        for name, example in _examples(library.default).items():
            schemas[name]["examples"] = [example]
        app.openapi_schema = made
    return app.openapi_schema


def _pattern(runs: list[Served]) -> str | None:
    """Of texts that every one of the runs can read; None for any, or where it would be long."""
    alphabets = [a for served in runs if (a := served.tokenizer.alphabet) is not None]
    known = frozenset.intersection(*alphabets) if alphabets else None
    if known is None or len(known) > limits.MAX_PATTERN:
        return None
    return f"^[{''.join(re.escape(char) for char in sorted(known))}]*$" if known else "^$"


def _examples(served: Served) -> dict[str, dict[str, Any]]:
    """They work when pasted, for this run."""
    chars = served.tokenizer.chars
    letter = next((c for c in chars if c.isprintable() and not c.isspace()), chars[0])
    word = served.run.documents[0] if served.run.documents else letter
    start = word[: min(2, served.model.block_size - 1)]
    return {
        "GenerateRequest": {"prompt": start, "n": 5, "temperature": 0.5, "seed": 42},
        "TokenizeRequest": {"text": word[: limits.MAX_TEXT]},
        "TraceRequest": {"text": word[: served.model.block_size]},
        "TrainRequest": {"documents": TEN, "steps": 300, "samples": 5},
    }
