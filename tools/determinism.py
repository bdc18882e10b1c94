"""Write docs/determinism.md: how far each engine is from the reference, on every Python found.

    python tools/determinism.py            # looks for Python 3.11 to 3.14 on the path and in pyenv
    python tools/determinism.py --measure  # only this interpreter; prints JSON

The numbers are held against the conformance vectors. An interpreter without NumPy measures the
reference alone, which needs nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
RECIPES = ("recipe_ten", "recipe_names", "recipe_hindi")
HEAD = """# Determinism

Written by `make determinism`; do not edit. The table shows the largest absolute difference between
the results of an engine on this machine and the [conformance vectors](../conformance/README.md),
which the reference wrote on another machine: losses, gradients and weights of a tiny model (one
pass, three updates), losses and final weights of three recipes of 1,000 steps each, and how many of
the 60 sampled texts are the same, letter for letter. `0` means identical bits.

"""
TAIL = """
These guarantees are tested on every change (`tests/test_conformance.py`,
`tests/runs/test_resume.py`):

- the random stream, the order of documents, token ids, and the texts sampled: exactly the same on
  every machine, in every engine, in the browser;
- one engine, on one machine: the same bits run after run, however often it was stopped and resumed;
- float64, against the reference: 1e-12 after one step, 1e-9 after 1,000;
- float32: 1e-5 of the largest number of a tensor (or of 1) after one step. Over 1,000 steps single
  precision drifts, and texts may differ.

Other processors, compilers and BLAS libraries add numbers in a different order. This is the only
cause of the differences above.
"""


def furthest(actual: object, wanted: object) -> float:
    """The largest absolute difference of two numbers, lists of numbers, lists of lists…"""
    if isinstance(wanted, dict):
        return max(furthest(actual[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        assert len(actual) == len(wanted)
        return max(map(furthest, actual, wanted), default=0.0)
    return abs(actual - wanted)


class Reference:
    """reference.py by itself, from weights as lists."""

    def __init__(self, model: dict, params: dict, adam: tuple[float, float, float]) -> None:
        sys.path.insert(0, str(ROOT / "src" / "glassgpt"))
        import reference

        sys.path.pop(0)
        gc.disable()  # as the file itself does when it is run
        self.module, self.gpt = reference, reference.GPT(**model)
        for name, matrix in params.items():
            for row, numbers in zip(self.gpt.params[name], matrix, strict=True):
                for value, number in zip(row, numbers, strict=True):
                    value.data = number
        self.adam = reference.Adam(self.gpt.parameters(), *adam)

    def loss_and_grads(self, documents: list) -> tuple[float, dict]:
        loss, grads = self.backward(documents), self.matrices("grad")
        for p in self.gpt.parameters():
            p.grad = 0.0
        return loss, grads

    def train(self, batches: list, rates: list[float]) -> list[float]:
        losses = []
        for batch, rate in zip(batches, rates, strict=True):
            losses.append(self.backward(batch))
            self.adam.step(rate)
        return losses

    def backward(self, batch: list) -> float:
        total = 0.0
        for document in batch:
            loss = self.gpt.loss(document) * (1 / len(batch))
            loss.backward()
            total += loss.data
        return total

    def params(self) -> dict:
        return self.matrices("data")

    def sample(self, bos: int, rng: random.Random, temperature: float) -> list[int]:
        return self.module.sample(self.gpt, bos, rng, temperature)

    def matrices(self, field: str) -> dict:
        return {
            name: [[getattr(value, field) for value in row] for row in matrix]
            for name, matrix in self.gpt.params.items()
        }


class Behind:
    """An engine behind the seam."""

    def __init__(
        self, name: str, dtype: str, model: dict, params: dict, adam: tuple[float, float, float]
    ) -> None:
        import numpy as np

        from glassgpt import engines
        from glassgpt.config import ModelConfig, TrainConfig
        from glassgpt.engines.base import TrainState

        state = TrainState.fresh({k: np.array(v, np.float64) for k, v in params.items()})
        config, training = (
            ModelConfig(**model),
            TrainConfig(beta1=adam[0], beta2=adam[1], eps=adam[2]),
        )
        self.engine = engines.create(name, config, state, training, dtype)

    def loss_and_grads(self, documents: list) -> tuple[float, dict]:
        loss, grads = self.engine.loss_and_grads(documents)
        return loss, {name: array.tolist() for name, array in grads.items()}

    def train(self, batches: list, rates: list[float]) -> list[float]:
        return self.engine.train(batches, rates)

    def params(self) -> dict:
        return {name: array.tolist() for name, array in self.engine.state().params.items()}

    def sample(self, bos: int, rng: random.Random, temperature: float) -> list[int]:
        from glassgpt.sampling import SampleConfig, generate
        from glassgpt.text.characters import CharTokenizer

        tokenizer = CharTokenizer([chr(0x4E00 + i) for i in range(bos)])
        return generate(self.engine, tokenizer, rng, SampleConfig(temperature)).token_ids


def measure() -> list[dict[str, object]]:
    """A row for each engine and precision that this interpreter can run."""
    makers = {("reference", "float64"): Reference}
    try:
        sys.path.insert(0, str(ROOT / "src"))
        from glassgpt import engines
    except ImportError:
        pass  # there is no NumPy here
    else:
        for name in engines.available():
            for dtype in ("float64", "float32"):
                if name != "scalar":
                    makers[name, dtype] = lambda *a, n=name, d=dtype: Behind(n, d, *a)
    return [
        {"engine": name, "dtype": dtype} | measured(make) for (name, dtype), make in makers.items()
    ]


def measured(make) -> dict[str, object]:
    tiny = json.loads((ROOT / "conformance" / "tiny_model.json").read_text(encoding="utf-8"))
    adam = (tiny["adam"]["beta1"], tiny["adam"]["beta2"], tiny["adam"]["eps"])
    model = make(tiny["model"], tiny["params"], adam)
    one = 0.0
    for want in (*tiny["passes"], tiny["batch"]):
        loss, grads = model.loss_and_grads(want.get("documents") or [want["document"]])
        one = max(one, furthest(loss, want["loss"]), furthest(grads, want["grads"]))
    three = 0.0
    for want in tiny["adam"]["steps"]:
        [loss] = model.train([want["documents"]], [want["learning_rate"]])
        three = max(three, furthest(loss, want["loss"]), furthest(model.params(), want["params"]))
    thousand, same = 0.0, 0
    for name in RECIPES:
        recipe = json.loads((ROOT / "conformance" / f"{name}.json").read_text(encoding="utf-8"))
        off, texts = run_recipe(make, recipe)
        thousand, same = max(thousand, off), same + texts
    return {"one": one, "three": three, "thousand": thousand, "texts": same}


def run_recipe(make, recipe: dict) -> tuple[float, int]:
    t, shape, chars = recipe["training"], recipe["model"], recipe["data"]["chars"]
    rng = random.Random(t["seed"])
    rng.shuffle(list(range(recipe["data"]["num_documents"])))
    for matrix in recipe["params_first"].values():  # the stream goes through the weights
        for row in matrix:
            for _ in row:
                rng.gauss(0, t["init_std"])
    model = make(shape, recipe["params_first"], (t["beta1"], t["beta2"], t["eps"]))
    bos, ids = len(chars), {char: i for i, char in enumerate(chars)}
    docs = [[bos, *(ids[c] for c in text), bos] for text in recipe["documents"]]
    batches = [[docs[step % len(docs)]] for step in range(t["steps"])]
    rates = [t["learning_rate"] * (1 - step / t["steps"]) for step in range(t["steps"])]
    losses = model.train(batches, rates)
    off = max(furthest(losses, recipe["losses"]), furthest(model.params(), recipe["params_last"]))
    same = 0
    for text in recipe["samples"]:
        drawn = "".join(chars[i] for i in model.sample(bos, rng, recipe["temperature"]))
        same += drawn == text
    return off, same


def find(version: str) -> str | None:
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = sorted(pyenv.glob(f"{version}.*/bin/python"))
    return str(installed[-1]) if installed else shutil.which(f"python{version}")


def document() -> str:
    lines = ["| Python | engine | | one pass | three updates | 1,000 steps | texts the same |"]
    lines.append("|---|---|---|---|---|---|---|")
    for version in VERSIONS:
        python = find(version)
        if python is None:
            continue
        done = subprocess.run([python, __file__, "--measure"], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{python}: {done.stderr[-2000:]}")
        answer = json.loads(done.stdout)
        for row in answer["rows"]:
            shown = (f"{row[k]:.0e}" if row[k] else "0" for k in ("one", "three", "thousand"))
            lines.append(
                f"| {answer['python']} | {row['engine']} | {row['dtype']} | "
                f"{' | '.join(shown)} | {row['texts']} of 60 |"
            )
    where = f"\nMeasured on {platform.system()}, {platform.machine()}.\n"
    return HEAD + "\n".join(lines) + "\n" + where + TAIL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "determinism.md")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps({"python": platform.python_version(), "rows": measure()}))
        return
    text = document()
    options.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
