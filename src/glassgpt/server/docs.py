"""/docs: Swagger UI, from the files that the package `fastapi-swagger` installs.

The page that FastAPI makes loads these files from another host and starts them with a script inside
the page. Our policy allows neither, so the folder `docs_page` has a page and a script of our own.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware

from glassgpt.server.site import Files

PAGE = Path(__file__).with_name("docs_page")


def add(app: FastAPI, text: str) -> None:
    """Add the page. `text` is one that the default run can read: the examples use it."""

    @app.get("/docs", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/docs/openapi.json", include_in_schema=False)
    async def document() -> dict[str, Any]:
        shown = deepcopy(app.openapi())
        for name in ("TokenizeRequest", "TraceRequest"):
            shown["components"]["schemas"][name]["examples"] = [{"text": text}]
        return shown

    files = Files(directory=PAGE, packages=[("fastapi_swagger", "resources")])
    app.mount("/docs", GZipMiddleware(files))
