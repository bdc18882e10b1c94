"""/docs: the OpenAPI document as a page of our own, for no request may leave the host.

It works without a script; with it, each example can be sent from the page.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse

HERE = Path(__file__).parent
BASE = "http://127.0.0.1:8000"


def add(app: FastAPI, text: str) -> None:
    """`text` is one that the default run can read: the page's examples are about it."""

    @app.get("/docs", include_in_schema=False)
    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(render(app.openapi(), str(request.base_url).rstrip("/"), text))

    @app.get("/docs/try.js", include_in_schema=False)
    async def script() -> FileResponse:
        return FileResponse(HERE / "docs.js", media_type="text/javascript")

    @app.get("/docs/style.css", include_in_schema=False)
    async def style() -> FileResponse:
        return FileResponse(HERE / "docs.css", media_type="text/css")


def render(document: dict[str, Any], base: str = BASE, text: str | None = None) -> str:
    parts = [
        _operation(document, path, method, operation, base, text)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    info = document["info"]
    intro = "".join(f"<p>{_text(part)}</p>" for part in info["description"].split("\n\n"))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])} API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/style.css">
<script src="docs/try.js" defer></script>
</head>
<body>
<header><h1>{escape(info["title"])} API <small>{escape(info["version"])}</small></h1>
{intro}
<p>For programs: <a href="openapi.json">openapi.json</a>.</p></header>
<main>{"".join(parts)}</main>
</body>
</html>
"""


def _operation(
    document: dict[str, Any],
    path: str,
    method: str,
    operation: dict[str, Any],
    base: str,
    text: str | None,
) -> str:
    title = f"{method.upper()} {path}"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    schema = _resolve(document, body["schema"]) if body else None
    example = schema.get("examples", [{}])[0] if schema else None
    if example and "text" in example and text is not None:
        example = example | {"text": text}
    answers = "".join(
        f"<tr><th scope=row>{status}<td>{_text(answer['description'])}"
        f"<td>{escape(', '.join(answer.get('content', {})))}"
        for status, answer in operation["responses"].items()
    )
    fields = [
        (p["name"] + " (query)", p["schema"], p.get("description", ""), p.get("required", False))
        for p in operation.get("parameters", ())
    ]
    if schema:
        required = schema.get("required", [])
        fields += [
            (name, value, value.get("description", ""), name in required)
            for name, value in schema["properties"].items()
        ]
    rows = "".join(
        f"<tr><th scope=row><code>{escape(name)}</code><td>{escape(_limits(value))}"
        f"<td>{'required. ' if needed else ''}{_text(words)}"
        for name, value, words, needed in fields
    )
    fields_table = (
        f"<table><caption>Fields</caption><tr><th>field<th>type and limits<th>meaning{rows}</table>"
        if rows
        else ""
    )
    summary = "".join(f"<p>{_text(p)}</p>" for p in operation.get("description", "").split("\n\n"))
    return f"""
<section aria-labelledby="{operation["operationId"]}">
<h2 id="{operation["operationId"]}"><code>{escape(title)}</code></h2>
{summary}
{fields_table}
<pre><code>{escape(curl(path, method, example, base, operation))}</code></pre>
{_form(path, method, example, operation)}
<table><caption>Answers</caption><tr><th>status<th>meaning<th>type{answers}</table>
</section>"""


def curl(path: str, method: str, example: Any, base: str, operation: dict[str, Any]) -> str:
    """A command that works when pasted into a shell."""
    if method == "get":
        output = "" if "application/json" in _media_types(operation) else " -O"
        return f"curl{output} '{base}{path}'"
    data = json.dumps(example, ensure_ascii=False).replace("'", "'\\''")
    command = f"curl -N '{base}{path}' -H 'Content-Type: application/json' -d '{data}'"
    if {"application/json", "text/event-stream"} <= _media_types(operation):
        command += f"\n\n{command} -H 'Accept: text/event-stream'"
    return command


def _form(path: str, method: str, example: Any, operation: dict[str, Any]) -> str:
    if method == "get":
        return ""
    label = escape(f"Body of {method.upper()} {path}", quote=True)
    content = escape(json.dumps(example, ensure_ascii=False, indent=1))
    streams = {"application/json", "text/event-stream"} <= _media_types(operation)
    stream = '<label><input type="checkbox"> as a stream</label>' if streams else ""
    return f"""<form hidden data-path="{escape(path.lstrip("/"), quote=True)}">
<textarea aria-label="{label}" rows="6" spellcheck="false">{content}</textarea>
<p><button>Send</button> {stream}</p>
<pre tabindex="0" aria-label="Answer" aria-live="polite" hidden></pre></form>"""


def _media_types(operation: dict[str, Any]) -> set[str]:
    return set(operation["responses"]["200"].get("content", {}))


def _resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
        return found
    return schema


def _limits(schema: dict[str, Any]) -> str:
    """`integer, 1 to 100, default 20`."""
    options = schema.get("anyOf", [schema])
    kinds = [str(o.get("type", "")) for o in options]
    s = options[0] | {k: v for k, v in schema.items() if k == "default"}
    parts = [" or ".join(filter(None, kinds))]
    if "enum" in s:
        parts.append("one of " + ", ".join(map(str, s["enum"])))
    low, high = s.get("minimum", s.get("exclusiveMinimum")), s.get("maximum")
    if low is not None and high is not None:
        above = "above " if "exclusiveMinimum" in s else ""
        parts.append(f"{above}{_number(low)} to {_number(high)}")
    if "multipleOf" in s:
        parts.append(f"a multiple of {s['multipleOf']}")
    for key, what in (("maxLength", "characters"), ("maxItems", "items")):
        if key in s:
            low = s.get(key.replace("max", "min"), 0)
            parts.append(f"{low:,} to {s[key]:,} {what}")
    if s.get("default") is not None:
        parts.append(f"default {json.dumps(s['default'])}")
    return ", ".join(filter(None, parts))


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def _text(words: str) -> str:
    """Escaped, with `code` as code."""
    pieces = escape(words).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))
