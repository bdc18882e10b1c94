"""Which web sites may read the answers: CORS, around everything that answers."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from glassgpt.errors import ConfigError

PORTS = {"http": 80, "https": 443}


def origin(given: str) -> str:
    """An origin as browsers send it: `https://Example.org:443/` is `https://example.org`.

    Raises ConfigError for what is not an origin.
    """
    if given == "*":
        return given
    wrong = ConfigError(f"--cors-origin is {given!r}; it must be like https://example.org")
    try:
        parts = urlsplit(given)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port
    except ValueError:  # UnicodeError is one
        raise wrong from None
    if parts.scheme not in PORTS or not host or parts.username is not None:
        raise wrong
    host = f"[{host}]" if ":" in host else host
    made = f"{parts.scheme}://{host}"
    made += "" if port in (None, PORTS[parts.scheme]) else f":{port}"
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigError(f"--cors-origin is {given!r}; an origin has no path: write {made}")
    return made


def allow(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application, readable by the pages of these origins."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=[origin(given) for given in origins],
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["Content-Type", "Accept"],
        expose_headers=["Content-Disposition", "Retry-After"],
    )
