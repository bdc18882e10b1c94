"""Train the models that the explorer shows at first paint: `python tools/site_models.py DIRECTORY`.

Each is the recipe of its data set with seed 42, made here by the package, never by hand.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from glassgpt import datasets, engines
from glassgpt.config import TrainConfig
from glassgpt.files.atomic import write_atomically
from glassgpt.runs import export as modelfile
from glassgpt.runs.directory import RunInfo, load
from glassgpt.runs.writer import RunWriter
from glassgpt.training import begin, train

NAMES = ("english", "hindi", "startups", "ten")
LONG_STEPS = 20_000
"""After so many steps attention matters; a model of that age is at hand, without its history."""


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    texts = {name: make(name) for name in NAMES}
    texts["english-long"] = make("english", LONG_STEPS, history=False)
    for name, text in texts.items():
        write_atomically(directory / f"{name}.json", text.encode())
        print(f"{directory / name}.json: {len(text.encode()):,} bytes")


def make(name: str, steps: int = 1000, history: bool = True) -> str:
    """Train by the recipe of the data set; the model and, with history, documents and losses."""
    data = datasets.load(name)
    training = TrainConfig(steps=steps, learning_rate=data.recipe.learning_rate)
    run, state, _ = begin(data, training, block_size=data.recipe.block_size)
    engine = engines.create(engines.DEFAULT, run.model, state, training)
    with tempfile.TemporaryDirectory() as scratch:
        writer = RunWriter.create(
            Path(scratch) / name, run, RunInfo(name, data.sha256, engines.DEFAULT)
        )
        writer.save(state, [])
        chunks = list(train(run, engine))
        writer.save(engine.state(), chunks)
        return modelfile.model_json(load(writer.path), documents=history)


if __name__ == "__main__":
    main()
