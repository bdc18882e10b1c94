"""How the built explorer is served: whatever path is not one of the API's."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from glassgpt.server.errors import ApiError
from glassgpt.server.security import CHECK_FIRST, FOREVER
from glassgpt.server.sitefiles import MISSING, SITE, index_html, is_built

TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
"""Browsers insist on these, while the tables of types differ between systems."""


class Files(StaticFiles):
    """Static files with the right cache lifetimes."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        lasting = Path(path).parts[0] == "assets"
        response.headers["Cache-Control"] = FOREVER if lasting else CHECK_FIRST
        return response


def add(app: FastAPI, site: Path = SITE) -> None:
    """Answer what no route of the application answers with the files of the site."""
    for suffix, media_type in TYPES.items():
        mimetypes.add_type(media_type, suffix)
    page = index_html("model.json?documents=1", site) if is_built(site) else None

    @app.get("/", include_in_schema=False)
    async def explorer() -> HTMLResponse:
        if page is None:
            raise ApiError(404, f"{MISSING}; the API is described at /docs")
        return HTMLResponse(page, headers={"Cache-Control": CHECK_FIRST})

    if page is not None:
        app.router.default = GZipMiddleware(Files(directory=site))
