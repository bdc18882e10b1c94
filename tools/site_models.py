"""Train the models that the explorer shows at first paint: `python tools/site_models.py DIRECTORY`.

Each is the recipe of its data set with seed 42, made here by the package, never by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import glassgpt

NAMES = ("english", "hindi", "startups", "ten")
LONG_STEPS = 20_000
"""After so many steps attention matters; a model of that age is at hand, without its history."""


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        write(glassgpt.train(name), directory / f"{name}.json")
    long = glassgpt.train("english", steps=LONG_STEPS)
    write(long, directory / "english-long.json", history=False)


def write(model: glassgpt.Model, path: Path, history: bool = True) -> None:
    """The model and, with history, its documents and losses, in place of an older file."""
    path.unlink(missing_ok=True)
    model.export(path, documents=history)
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
