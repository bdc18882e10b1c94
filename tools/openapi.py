"""Write docs/openapi.json: the contract of the HTTP API, whatever runs are served."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from glassgpt import datasets
from glassgpt.config import TrainConfig
from glassgpt.runs.directory import RunInfo, SavedRun
from glassgpt.server import openapi
from glassgpt.server.app import create_app
from glassgpt.text.characters import CharTokenizer
from glassgpt.training import begin

TARGET = Path(__file__).parent.parent / "docs" / "openapi.json"


def main() -> None:
    ten = datasets.load("ten")
    tokenizer = CharTokenizer.from_documents(ten.documents)
    run, state, _ = begin(ten.documents, TrainConfig(steps=1), tokenizer)
    saved = SavedRun(Path("ten"), run, RunInfo("ten", ten.sha256, "numpy"), state, [])
    app = create_app([saved]).app
    assert isinstance(app, FastAPI)
    TARGET.write_bytes(openapi.encode(app.openapi()))


if __name__ == "__main__":
    main()
