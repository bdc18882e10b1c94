"""Write docs/openapi.json: the contract of the HTTP API, whatever runs are served."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fastapi import FastAPI

import glassgpt
from glassgpt.server.app import create_app

TARGET = Path(__file__).parent.parent / "docs" / "openapi.json"


def main(target: Path) -> None:
    app = create_app([glassgpt.train("ten", steps=1).saved]).app
    assert isinstance(app, FastAPI)
    text = json.dumps(app.openapi(), ensure_ascii=False, indent=1)
    target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
