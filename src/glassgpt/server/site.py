"""How the built explorer is served."""

from __future__ import annotations

import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from glassgpt.server.errors import ApiError
from glassgpt.server.security import CHECK_FIRST, FOREVER
from glassgpt.server.sitefiles import MISSING, SITE, index_html, is_built

TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""With nosniff these must be right; what the system believes differs from machine to machine."""


class Files(StaticFiles):
    """Static files with the right cache lifetime."""

    def __init__(self, directory: Path, cache: str) -> None:
        super().__init__(directory=directory)
        self.cache = cache

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = self.cache
        return response


def routes(site: Path = SITE) -> list[BaseRoute]:
    """One for each file and folder at the top, so that they shadow nothing of the API."""
    for suffix, media_type in TYPES.items():
        mimetypes.add_type(media_type, suffix)
    if not is_built(site):
        return [Route("/", _missing)]
    found: list[BaseRoute] = [Route("/", _page(site))]
    for path in sorted(site.iterdir()):
        if path.is_dir():
            cache = FOREVER if path.name == "assets" else CHECK_FIRST
            found.append(Mount(f"/{path.name}", GZipMiddleware(Files(path, cache))))
        else:
            found.append(Route(f"/{path.name}", _file(path)))
    return found


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return FileResponse(path, headers={"Cache-Control": CHECK_FIRST})

    return answer


def _page(site: Path) -> Callable[[Request], Awaitable[Response]]:
    page = index_html("model.json?documents=1", site)

    async def answer(request: Request) -> Response:
        return HTMLResponse(page, headers={"Cache-Control": CHECK_FIRST})

    return answer


async def _missing(request: Request) -> Response:
    raise ApiError(404, f"{MISSING}; the API is described at /docs")
