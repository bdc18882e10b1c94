"""Memory stays flat, however long training goes on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from glassgpt import engines

# A process of its own: what other tests have allocated and freed would blur its size.
PROGRAM = """
import os, sys
from glassgpt import datasets, engines
from glassgpt.datasets import from_texts
from glassgpt.config import TrainConfig
from glassgpt.text.characters import CharTokenizer
from glassgpt.training import begin

name, warm_up, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
documents = datasets.load("ten").documents
run, state, _ = begin(from_texts(documents), TrainConfig(steps=10**6))
engine = engines.create(name, run.model, state, run.training)
batches = [[run.tokenizer.encode(text)] for text in run.documents]


def train(count):
    for step in range(0, count, 10):
        engine.train(batches, [0.001] * 10)
        engine.surprises([batch[0] for batch in batches[:1]])
        engine.session().feed(0)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


train(warm_up)
before = resident()
train(steps)
print(resident() - before)
"""

STEPS = {"scalar": (30, 300)}  # 13 ms each; a leaked graph is 14 MB a step
MANY = (500, 3000)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/statm")
@pytest.mark.parametrize("name", engines.NAMES)
def test_training_holds_memory_flat(name: str) -> None:
    if name not in engines.available():
        pytest.skip(f"the {name} engine is not available here")
    command = [sys.executable, "-c", PROGRAM, name, *map(str, STEPS.get(name, MANY))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 5_000_000
