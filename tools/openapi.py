"""Write docs/openapi.json: the contract of the HTTP API, whatever runs are served."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fastapi import FastAPI

from glassgpt import datasets
from glassgpt.config import TrainConfig
from glassgpt.runs.directory import RunInfo, SavedRun
from glassgpt.server.app import create_app
from glassgpt.training import begin

TARGET = Path(__file__).parent.parent / "docs" / "openapi.json"


def main(target: Path) -> None:
    ten = datasets.load("ten")
    run, state, _ = begin(ten, TrainConfig(steps=1))
    saved = SavedRun(Path("ten"), run, RunInfo("ten", ten.sha256, "numpy"), state)
    app = create_app([saved]).app
    assert isinstance(app, FastAPI)
    text = json.dumps(app.openapi(), ensure_ascii=False, indent=1)
    target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
