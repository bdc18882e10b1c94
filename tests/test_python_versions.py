"""The same bits from every Python: reference.py under each interpreter found on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import SRC

VERSIONS = ["3.11", "3.12", "3.13", "3.14"]

# 30 steps, an evaluation of every kind of number there is: losses, weights, gradients, samples.
PROGRAM = """
import random, sys
sys.path.insert(0, sys.argv[1])
import reference
rng = random.Random(42)
documents = reference.read_documents(sys.argv[2])
rng.shuffle(documents)
tokenizer = reference.Tokenizer("".join(documents))
model = reference.GPT(tokenizer.vocab_size, n_layer=2, n_embd=8, n_head=2, rng=rng)
adam = reference.Adam(model.parameters())
encoded = [tokenizer.encode(document) for document in documents]
for step, loss in reference.train(model, adam, encoded, steps=30):
    print(step, repr(loss))
for document in encoded[:2]:
    model.loss(document).backward()
for p in adam.params:
    print(repr(p.data), repr(p.grad))
for _ in range(5):
    print(tokenizer.decode(reference.sample(model, tokenizer.bos, rng, 1.0)))
"""


def find(version: str) -> str | None:
    """An interpreter of this version, on the path or under pyenv."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = sorted(pyenv.glob(f"{version}.*/bin/python"))
    return str(installed[-1]) if installed else shutil.which(f"python{version}")


def numbers(python: str, directory: Path) -> list[str]:
    """What the program prints there, with nothing but the standard library in reach."""
    copy = shutil.copy(SRC / "reference.py", directory / "reference.py")
    ten = SRC / "datasets" / "ten.txt"
    command = [python, "-I", "-S", "-W", "error", "-c", PROGRAM, str(Path(copy).parent), str(ten)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return numbers(sys.executable, tmp_path_factory.mktemp("ours"))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_same_bits(version: str, ours: list[str], tmp_path: Path) -> None:
    python = find(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    assert len(ours) == 30 + 2 * (17 * 8) + 16 * 8 + 2 * 12 * 64 + 5
    assert numbers(python, tmp_path) == ours
