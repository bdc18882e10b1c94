"""The explorer with one model in it as a static site, with header files for the usual hosts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from glassgpt.errors import RunError
from glassgpt.runs.directory import SavedRun
from glassgpt.runs.export import model_json
from glassgpt.server import sitefiles
from glassgpt.server.security import CHECK_FIRST, FOREVER, HEADERS

MODEL = "model.json"
"""Beside index.html, where the explorer looks for a run."""


def export(saved: SavedRun, target: Path, force: bool = False) -> list[Path]:
    """Write the site into a new or empty directory, and return its files. Raises RunError.

    Args:
        force: also write into a directory that has other files; those with the same names are
            replaced.
    """
    if not sitefiles.is_built():
        raise RunError(sitefiles.MISSING)
    try:
        if target.exists() and not target.is_dir():
            raise RunError(f"{target} exists already and is not a directory; choose another name")
        if not force and target.exists() and any(target.iterdir()):
            raise RunError(
                f"{target} exists already; choose another directory, or write into it with --force"
            )
        shutil.copytree(sitefiles.SITE, target, dirs_exist_ok=True)
        (target / "index.html").write_text(sitefiles.index_html(MODEL), encoding="utf-8")
        (target / MODEL).write_text(model_json(saved, documents=True), encoding="utf-8")
        for name, content in header_files().items():
            (target / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {target}: {error.strerror or error}") from None
    return sorted(path for path in target.rglob("*") if path.is_file())


def header_files() -> dict[str, str]:
    """File name -> content. Each host reads its own file and ignores the others."""
    return {
        "_headers": _netlify(),  # Netlify, Cloudflare Pages
        "vercel.json": _vercel(),
        ".htaccess": _apache(),
        "nginx-headers.conf": _nginx(),
        ".nojekyll": "",  # GitHub Pages: take every file as it is (it has no headers to set)
    }


def _netlify() -> str:
    lines = ["/*", *(f"  {name}: {value}" for name, value in HEADERS.items())]
    # The rules add up, so the lifetime stands in rules that do not overlap.
    lines += ["/assets/*", f"  Cache-Control: {FOREVER}"]
    lines += [
        line for path in ("/", f"/{MODEL}") for line in (path, f"  Cache-Control: {CHECK_FIRST}")
    ]
    return "\n".join(lines) + "\n"


def _vercel() -> str:
    def rule(source: str, headers: dict[str, str]) -> dict[str, object]:
        return {"source": source, "headers": [{"key": k, "value": v} for k, v in headers.items()]}

    rules = [rule("/(.*)", HEADERS), rule("/assets/(.*)", {"Cache-Control": FOREVER})]
    return json.dumps({"headers": rules}, indent=2) + "\n"


def _apache() -> str:
    lines = ["<IfModule mod_headers.c>"]
    lines += [f'  Header always set {name} "{value}"' for name, value in HEADERS.items()]
    lines += [f'  Header set Cache-Control "{CHECK_FIRST}"']
    lines += [f'  Header set Cache-Control "{FOREVER}" "expr=%{{REQUEST_URI}} =~ m#/assets/#"']
    lines += ["</IfModule>", "AddType application/wasm .wasm", "AddType font/woff2 .woff2"]
    return "\n".join(lines) + "\n"


def _nginx() -> str:
    lines = ["# In the server block of nginx: include /path/to/nginx-headers.conf;"]
    lines += [f'add_header {name} "{value}" always;' for name, value in HEADERS.items()]
    return "\n".join(lines) + "\n"
