"""One form for every error: a line that says what was wrong, and the field and the limit if any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from glassgpt.errors import ConfigError, DataError, GlassError
from glassgpt.server import limits

NO_OBJECT = "the body must be a JSON object such as {}, sent with Content-Type: application/json"
UNREADABLE = (
    "the body cannot be read as JSON: its encoding is wrong, it is nested too deeply, or a number "
    "in it is too long"
)
BUG = "an error occurred inside the server; its operator can see the details"

WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "string_pattern_mismatch": "must contain a visible character and no control character",
    "string_unicode": "must be valid Unicode text",
}
"""What some failed checks mean. The message of any other check is pydantic's, in plainer words."""
PLAINER = {
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "above",
    "a valid integer": "a whole number",
    "a valid boolean": "true or false",
    "a valid ": "a ",
}
LIMITS = ("ge", "gt", "le", "multiple_of", "min_length", "max_length", "expected")


@dataclass(eq=False)
class ApiError(Exception):
    """An answer other than 2xx."""

    status: int
    message: str
    field: str | None = None
    limit: int | float | str | None = None
    headers: Mapping[str, str] | None = None

    def answer(self) -> JSONResponse:
        said = {"error": " ".join(self.message.split()), "field": self.field, "limit": self.limit}
        body = {name: value for name, value in said.items() if value is not None}
        return JSONResponse(body, self.status, self.headers)


def busy(why: str) -> ApiError:
    """503, with the time to wait."""
    wait = str(limits.RETRY_SECONDS)
    message = f"the server {why}; try again in {wait} seconds"
    return ApiError(503, message, headers={"Retry-After": wait})


def install(app: FastAPI) -> None:
    """Answer every exception that a route can raise in this form."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        return _as_api_error(request, error).answer()

    for kind in (ApiError, GlassError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _as_api_error(request: Request, error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, GlassError):
        status = 422 if isinstance(error, ConfigError | DataError) else 500
        return ApiError(status, str(error), next(iter(error.fields), None))
    if isinstance(error, RequestValidationError):
        return describe(error.errors()[0])
    if not isinstance(error, HTTPException):
        return ApiError(500, BUG)  # and the guard tells the operator
    if error.status_code == 400:  # only a body that cannot be parsed
        return ApiError(422, UNREADABLE, "body")
    path = request.url.path
    words = {
        404: f"there is nothing at {path}; /docs lists the paths of the API",
        405: f"{path} does not support {request.method}; /docs says what it supports",
    }
    message = words.get(error.status_code, str(error.detail))
    return ApiError(error.status_code, message, headers=error.headers)


def describe(complaint: Mapping[str, Any]) -> ApiError:
    """A complaint of pydantic's as one line with the field and the limit."""
    context = complaint.get("ctx") or {}
    place = [str(part) for part in complaint["loc"] if part not in ("body", "query")]
    if complaint["type"] == "json_invalid":
        what = f"{context['error']} at character {int(place[-1]) + 1}"
        return ApiError(422, f"the body is not valid JSON: {what}", "body")
    if not place:
        return ApiError(422, NO_OBJECT, "body")
    field = ".".join(place)
    limit = next((context[name] for name in LIMITS if name in context), None)
    return ApiError(422, f"{field} {_words(complaint)}", field, limit)


def _words(complaint: Mapping[str, Any]) -> str:
    """`is 0; it must be at least 1`."""
    if complaint["type"] in WORDS:
        return WORDS[complaint["type"]]
    said = str(complaint["msg"]).partition(" after validation")[0]
    for pydantic, plainer in PLAINER.items():
        said = said.replace(pydantic, plainer)
    shown = repr(complaint.get("input"))
    shown = shown if len(shown) <= 40 else shown[:40] + "…"
    # A string may hold half of a surrogate pair, which no answer can carry.
    shown = shown.encode("utf-8", "replace").decode()
    rule = said.partition(" should ")[2]
    return f"is {shown}; it must {rule}" if rule else f"cannot be used: {said}"
