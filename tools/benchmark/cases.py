"""What is timed: training steps of four sizes of model, names written, and the machine itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.threads import in_torch
from benchmark.timing import Work
from glassgpt import datasets, engines
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import Engine, TrainState
from glassgpt.sampling import SampleConfig, generate
from glassgpt.text.characters import CharTokenizer
from glassgpt.training import Run, begin, initial_params, train

SIZES = {
    "S": ModelConfig(27, 1, 16, 4, 16),
    "M": ModelConfig(27, 1, 64, 4, 16),
    "W": ModelConfig(27, 1, 128, 4, 16),
    "L": ModelConfig(27, 4, 128, 4, 64),
}
BATCHES = (1, 32)
DOCUMENTS = 16
"""That a timed pass goes through, one a step; where a step takes 32, a pass is one step."""
LONGEST_NAME = 16
"""A context of more than this no name fills."""
DTYPES = ("float64", "float32")
THREADED = ("native", "torch")
PEAK_SIZE = 512
"""Large enough for the full speed of matrix products, and done before the system interrupts."""


@dataclass(frozen=True, slots=True)
class Case:
    """Training steps of one engine."""

    size: str
    batch: int
    engine: str
    dtype: str
    threads: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the cases to time."""

    sizes: tuple[str, ...]
    scalar_sizes: tuple[str, ...]
    """The reference takes minutes for a pass of the larger ones."""
    engines: tuple[str, ...]
    threads: int
    """How many "all" are."""

    def cases(self) -> Iterator[Case]:
        for size in self.sizes:
            for batch in BATCHES if size == "S" or "L" in self.sizes else (1,):
                for engine in self.engines:
                    yield from self._cases(size, batch, engine)

    def _cases(self, size: str, batch: int, engine: str) -> Iterator[Case]:
        if engine == "scalar":
            if batch == 1 and size in self.scalar_sizes:
                yield Case(size, batch, engine, "float64", 1)
            return
        for dtype in DTYPES:
            yield Case(size, batch, engine, dtype, 1)
            # Threads share a batch; only these engines have any.
            if engine in THREADED and batch > 1 and self.threads > 1:
                yield Case(size, batch, engine, dtype, self.threads)


class Material:
    """Documents and weights for every size, from the bundled English names."""

    def __init__(self) -> None:
        self.names = datasets.load("english").documents
        self.tokenizer = CharTokenizer.from_documents(self.names)
        self._states: dict[str, TrainState] = {}

    def batches(self, size: str, batch: int) -> list[list[list[int]]]:
        """A pass: the steps, of each its documents."""
        count = max(batch, DOCUMENTS)
        encoded = [self.tokenizer.encode(d) for d in self._documents(SIZES[size], count)]
        return [encoded[i : i + batch] for i in range(0, count, batch)]

    def _documents(self, model: ModelConfig, count: int) -> list[str]:
        """Names spread evenly over all lengths; for a long context, names strung together."""
        if model.block_size > LONGEST_NAME:
            text, part = "".join(self.names), model.block_size
            return [text[i * part : (i + 1) * part] for i in range(count)]
        by_length = sorted(self.names, key=len)
        return [by_length[(2 * i + 1) * len(by_length) // (2 * count)] for i in range(count)]

    def engine(self, case: Case) -> Engine:
        model = SIZES[case.size]
        if case.size not in self._states:
            params = initial_params(model, random.Random(42), 0.08)
            self._states[case.size] = TrainState.fresh(params)
        state = self._states[case.size].copy()
        return engines.create(
            *(case.engine, model, state, TrainConfig(), case.dtype),
            **_on_the_cpu(case.engine, case.threads),
        )

    def training(self, case: Case) -> Work:
        """A unit is a step."""
        engine, batches = self.engine(case), self.batches(case.size, case.batch)

        def prepare(times: int) -> Callable[[], object]:
            # All the work of an update, but of rate 0: the weights stay however long it is timed.
            steps, rates = batches * times, [0.0] * (len(batches) * times)
            return lambda: engine.train(steps, rates)

        work = Work(prepare, len(batches), case.threads)
        return in_torch(work) if case.engine == "torch" else work

    def trained(self) -> tuple[Run, TrainState]:
        """The recipe's model after 1,000 steps, which writes names of natural lengths."""
        run, state, _ = begin(datasets.load("english"), TrainConfig())
        fastest = engines.create(engines.DEFAULT, run.model, state, run.training)
        for _ in train(run, fastest):
            pass
        return run, fastest.state()


def writing(material: Material, names: tuple[str, ...]) -> dict[tuple[str, str, str], Work]:
    """Names written by a trained model: (engine, dtype, how) and the work, a unit being a name."""
    run, state = material.trained()
    works = {}
    for name in names:
        for dtype in DTYPES if name == "native" else ("float64",):
            engine = engines.create(
                *(name, run.model, state.copy(), run.training, dtype), **_on_the_cpu(name, 1)
            )
            one_by_one = _one_by_one(engine, material.tokenizer)
            works[name, dtype, "one by one"] = (
                in_torch(one_by_one) if name == "torch" else one_by_one
            )
            if name == "native":
                works[name, dtype, "all at once"] = _all_at_once(engine, material.tokenizer)
    return works


def _on_the_cpu(engine: str, threads: int) -> dict[str, Any]:
    """Options of an engine: all of these cases are of the processor, whatever else there is."""
    options: dict[str, dict[str, Any]] = {
        "torch": {"device": "cpu"},
        "native": {"threads": threads},
    }
    return options.get(engine, {})


def _one_by_one(engine: Engine, tokenizer: CharTokenizer, names: int = 20) -> Work:
    """As `glassgpt train` and `glassgpt sample` do it, token by token in Python."""

    def write(times: int) -> None:
        for _ in range(times):
            rng = random.Random(42)
            for _ in range(names):
                generate(engine, tokenizer, rng, SampleConfig(0.5))

    return Work(lambda times: lambda: write(times), names)


def _all_at_once(engine: Engine, tokenizer: CharTokenizer, names: int = 1000) -> Work:
    """One call of the native engine."""

    def prepare(times: int) -> Callable[[], object]:
        n = names * times
        uniforms = np.random.default_rng(42).random(n * engine.config.block_size)
        return lambda: engine.generate([tokenizer.bos], uniforms, n, 0.5)

    return Work(prepare, names)


def matrix_product(dtype: str) -> Work:
    """What the machine can do: a product of large matrices in NumPy; a unit is an operation."""
    rng, n = np.random.default_rng(42), PEAK_SIZE
    a, b = (rng.standard_normal((n, n)).astype(dtype) for _ in range(2))
    out = np.empty_like(a)
    return Work(lambda times: lambda: [np.dot(a, b, out=out) for _ in range(times)], 2 * n**3)
