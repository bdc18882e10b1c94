"""One shape for every failure: a line that says what was wrong, and the field and limit if any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from glassgpt.errors import ConfigError, DataError, GlassError
from glassgpt.server import limits

NO_JSON = "the body must be a JSON object, sent with Content-Type: application/json"
EMPTY = "the body is empty; it must be a JSON object, sent with Content-Type: application/json"
NO_OBJECT = "the body must be a JSON object, such as {}"
UNREADABLE = (
    "the body cannot be read as JSON: wrong encoding, nested too deep, or a number too long"
)
BUG = "an error inside the server; its operator can see which"

# What a failed check means in our words; {input} is shown shortened, the rest is pydantic's.
WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "greater_than_equal": "is {input}; it must be at least {ge}",
    "greater_than": "is {input}; it must be above {gt}",
    "less_than_equal": "is {input}; it must be at most {le}",
    "multiple_of": "is {input}; it must be a multiple of {multiple_of}",
    "string_too_short": "has too few characters; it must have at least {min_length}",
    "string_too_long": "has too many characters; it may have at most {max_length}",
    "too_short": "has {actual_length} items; it must have at least {min_length}",
    "too_long": "has too many items; it may have at most {max_length}",
    "string_pattern_mismatch": "must hold a visible character and no control character",
    "literal_error": "is {input}; it must be {expected}",
    "int_type": "is {input}; it must be a whole number",
    "float_type": "is {input}; it must be a number",
    "finite_number": "is {input}; it must be a finite number",
    "bool_type": "is {input}; it must be true or false",
    "string_type": "is {input}; it must be a string",
    "string_unicode": "must be valid Unicode text",
    "list_type": "is {input}; it must be a list",
}
LIMITS = ("ge", "gt", "le", "multiple_of", "min_length", "max_length", "expected")


class ApiError(Exception):
    """An answer other than 2xx."""

    def __init__(
        self,
        status: int,
        message: str,
        field: str | None = None,
        limit: int | float | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers
        self.field, self.limit = field, limit

    def answer(self) -> JSONResponse:
        body: dict[str, Any] = {"error": " ".join(self.message.split())}
        if self.field is not None:
            body["field"] = self.field
        if self.limit is not None:
            body["limit"] = self.limit
        return JSONResponse(body, self.status, self.headers)


def busy(why: str) -> ApiError:
    """503 with the time to wait."""
    wait = str(limits.RETRY_SECONDS)
    message = f"the server {why}; try again in {wait} seconds"
    return ApiError(503, message, headers={"Retry-After": wait})


def install(app: FastAPI) -> None:
    """Answer every exception that a route can raise in this shape."""

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> JSONResponse:
        return error.answer()

    @app.exception_handler(GlassError)
    async def glass_error(request: Request, error: GlassError) -> JSONResponse:
        blame = 422 if isinstance(error, ConfigError | DataError) else 500
        return ApiError(blame, str(error), next(iter(error.fields), None)).answer()

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return describe(error.errors(), sent == "application/json").answer()

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 400:  # only a body that cannot be parsed
            return ApiError(422, UNREADABLE, "body").answer()
        path = request.url.path
        words = {
            404: f"there is nothing at {path}; /docs says what there is",
            405: f"{request.method} is not possible at {path}; /docs says what is",
        }
        message = words.get(error.status_code, str(error.detail))
        return ApiError(error.status_code, message, headers=error.headers).answer()

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        return ApiError(500, BUG).answer()  # and the guard tells the operator


def describe(errors: Sequence[Mapping[str, Any]], as_json: bool) -> ApiError:
    """The first of pydantic's complaints, as one line with the field and the limit.

    `as_json`: the body was sent as JSON, so its header is not what is wrong with it.
    """
    first = errors[0]
    kind, context = str(first["type"]), dict(first.get("ctx") or {})
    place = [str(part) for part in first["loc"] if part not in ("body", "query")]
    if kind == "json_invalid":
        what = f"{context['error']} at character {int(first['loc'][-1]) + 1}"
        return ApiError(422, f"the body is not valid JSON: {what}", "body")
    if not place:
        empty = EMPTY if kind == "missing" else NO_OBJECT
        return ApiError(422, empty if as_json else NO_JSON, "body")
    field = ".".join(place)
    words = WORDS.get(kind, "cannot be used: " + str(first["msg"]).replace("{", "{{"))
    shown = repr(first.get("input"))
    shown = shown if len(shown) <= 40 else shown[:40] + "…"
    # A string may hold half of a surrogate pair, which no answer can carry.
    context["input"] = shown.encode("utf-8", "replace").decode()
    limit = next((context[name] for name in LIMITS if name in context), None)
    return ApiError(422, f"{field} {words.format(**context)}", field, limit)
