"""`model.json`: a trained model in one self-contained file, for the browser and anybody else.

docs/model-file.md describes it. Numbers are the shortest decimals that give back the same float64.
"""

from __future__ import annotations

import json
from typing import Any

from glassgpt import __version__
from glassgpt.engines.base import Params
from glassgpt.runs.directory import VERSION, SavedRun


def model_json(saved: SavedRun, documents: bool = False) -> str:
    """The model of a run as JSON text; with `documents`, also what it read and every loss.

    A run on a corpus has no documents to give.
    """
    value: dict[str, Any] = {
        "format": "glassgpt-model",
        "version": VERSION,
        "made_by": f"glassgpt {__version__}",
        **facts(saved),
        "params": nested(saved.state.params),
    }
    if documents:
        if saved.run.documents:
            value["documents"] = saved.run.documents
        value["losses"] = saved.losses
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def facts(saved: SavedRun) -> dict[str, Any]:
    """What a run is, beside its numbers."""
    run, info = saved.run, saved.info
    return {
        "model": run.model.to_dict(),
        "tokenizer": run.tokenizer.to_dict(),
        "training": run.training.to_dict(),
        "step": saved.state.step,
        "temperature": info.temperature,
        "data": {
            "name": info.data_name,
            "sha256": info.data_sha256,
            "num_documents": run.num_documents,
            "num_train": run.num_train,
        },
    }


def nested(params: Params) -> dict[str, list[list[float]]]:
    """Tensor name -> list of rows."""
    return {name: array.tolist() for name, array in params.items()}


def trace_json(saved: SavedRun, snapshots: dict[int, Params]) -> str:
    """The history of a training run: every step, and the parameters after some of them.

    Args:
        snapshots: step (updates made; 0 is the initial weights) -> parameters.
    """
    run = saved.run
    value = {
        "format": "glassgpt-trace",
        "version": VERSION,
        "made_by": f"glassgpt {__version__}",
        "model": run.model.to_dict(),
        "tokenizer": run.tokenizer.to_dict(),
        "training": run.training.to_dict(),
        "steps": [
            {"step": i + 1, "documents": run.batch(i), "loss": loss, "learning_rate": rate}
            for i, (loss, rate) in enumerate(zip(saved.losses, saved.learning_rates, strict=True))
        ],
        "snapshots": [{"step": s, "params": nested(p)} for s, p in sorted(snapshots.items())],
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
