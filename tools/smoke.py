"""Try what is installed: every command's help, a run, and the HTTP API. Needs nothing else.

python tools/smoke.py        # `make floors` does, with the oldest versions allowed
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import urllib.request
from importlib.metadata import version
from pathlib import Path

COMMANDS = ("train", "sample", "eval", "explain", "explore", "serve", "export", "datasets", "bench")


def glassgpt(*arguments: str, folder: str) -> str:
    command = [sys.executable, "-m", "glassgpt", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode or "Traceback" in done.stderr:
        sys.exit(f"glassgpt {' '.join(arguments)} exits with {done.returncode}:\n{done.stderr}")
    return done.stdout


def ask_server(run: Path) -> None:
    """One request of each kind to a real server."""
    from glassgpt.runs import directory as checkpoint
    from glassgpt.server.app import create_app
    from glassgpt.server.running import Server, listen
    from glassgpt.server.work import Pool

    pool = Pool()
    server = Server(create_app([checkpoint.load(run)], pool=pool), pool)
    listener = listen("127.0.0.1", 0)
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    try:
        for path, body in {
            "/openapi.json": None,
            "/docs": None,
            "/docs/swagger-ui-bundle.js": None,
            "/model": None,
            "/generate": {"n": 2},
            "/trace": {"text": "mia"},
            "/train": {"documents": ["ab", "ba"], "steps": 3},
        }.items():
            data = None if body is None else json.dumps(body).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(base + path, data, headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == 200 and answer.read(), path
    finally:
        server.stop()
        thread.join(10)
        pool.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            assert "Usage" in glassgpt(command, "--help", folder=folder), command
        glassgpt("train", "ten", "--steps", "20", "-o", "run", folder=folder)
        for command in ("sample", "eval"):
            glassgpt(command, "run", folder=folder)
        glassgpt("explain", "run", "mia", folder=folder)
        ask_server(Path(folder, "run"))
    names = ("fastapi", "fastapi-swagger", "numpy", "platformdirs", "rich", "typer", "uvicorn")
    print("works with " + ", ".join(f"{name} {version(name)}" for name in names))


if __name__ == "__main__":
    main()
