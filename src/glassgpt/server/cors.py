"""CORS: which web sites may read the answers."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import HttpUrl, TypeAdapter, ValidationError
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from glassgpt.errors import ConfigError

URL = TypeAdapter(HttpUrl)


def origin(given: str) -> str:
    """An origin as browsers send it: `https://Example.org:443/` is `https://example.org`.

    Raises ConfigError for what is not an origin.
    """
    if given == "*":
        return given
    try:
        url = URL.validate_python(given)
    except ValidationError:
        url = None
    if url is None or url.username is not None:
        raise ConfigError(f"--cors-origin is {given!r}; it must be like https://example.org")
    made = str(HttpUrl.build(scheme=url.scheme, host=str(url.host), port=url.port)).rstrip("/")
    if url.path not in ("", "/") or url.query or url.fragment:
        raise ConfigError(f"--cors-origin is {given!r}; an origin has no path: write {made}")
    return made


def allow(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application, with answers that pages of these origins may read."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=[origin(given) for given in origins],
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["Content-Type", "Accept"],
        expose_headers=["Content-Disposition", "Retry-After"],
    )
