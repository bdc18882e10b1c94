"""Run the benchmark; plain data comes out, for tables and for JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmark import larger, operations
from benchmark.cases import (
    DTYPES,
    PEAK_SIZE,
    SIZES,
    Case,
    Material,
    Selection,
    matrix_product,
    writing,
)
from benchmark.machine import cores, machine
from benchmark.timing import Timing, interleaved
from glassgpt import engines


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to time, and for how long."""

    sizes: tuple[str, ...]
    scalar_sizes: tuple[str, ...]
    rounds: int
    round_seconds: float
    limit_seconds: float
    larger_rounds: int = 10
    larger_seconds: float = 2.0
    """Of each of the larger models."""


# Short rounds: on a busy machine, what takes longer than a time slice is never timed undisturbed.
QUICK = Effort(("S", "M"), ("S",), 25, 0.01, 3.0)
FULL = Effort(tuple(SIZES), ("S", "M"), 60, 0.01, 12.0, 30, 6.0)


def run(
    effort: Effort,
    names: tuple[str, ...] = (),
    rounds: int | None = None,
    plan: larger.Plan | None = None,
    say: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Time engines of these names, by default all that there are.

    Args:
        plan: the larger models that the torch engine is timed on, if any.
        say: is told of those that cannot be timed.

    Returns what `python -m benchmark` prints.
    """
    names = names or tuple(engines.available())
    about, material, threads = machine(), Material(), cores()
    selection = Selection(effort.sizes, effort.scalar_sizes, names, threads)
    cases = list(selection.cases())
    written = writing(material, names)
    works = [
        *(matrix_product(dtype) for dtype in DTYPES),
        *(material.training(case) for case in cases),
        *written.values(),
    ]
    timings = interleaved(
        works, rounds or effort.rounds, effort.round_seconds, effort.limit_seconds
    )
    products, steps, texts = (
        timings[: len(DTYPES)],
        timings[len(DTYPES) : len(DTYPES) + len(cases)],
        timings[len(DTYPES) + len(cases) :],
    )
    peak = {dtype: 1e-9 / t.best for dtype, t in zip(DTYPES, products, strict=True)}
    scalar = {
        (c.size, c.batch): t.best for c, t in zip(cases, steps, strict=True) if c.engine == "scalar"
    }
    models = []
    if plan:
        count = rounds or effort.larger_rounds
        models = larger.run(plan, threads, count, effort.larger_seconds, say)
    return {
        "machine": about | {"load_after": machine()["load"]},
        "rounds": rounds or effort.rounds,
        "peak": [
            {"dtype": dtype, "gflops": gflops, "product_of": PEAK_SIZE}
            for dtype, gflops in peak.items()
        ],
        "training": [
            _step(material, case, timing, peak[case.dtype], scalar.get((case.size, case.batch)))
            for case, timing in zip(cases, steps, strict=True)
        ],
        "generation": [
            {
                "engine": engine,
                "dtype": dtype,
                "how": how,
                "names_a_second": 1 / timing.best,
                "median_names_a_second": 1 / timing.median,
                "rounds": timing.rounds,
            }
            for (engine, dtype, how), timing in zip(written, texts, strict=True)
        ],
        "larger": models,
    }


def _step(
    material: Material, case: Case, timing: Timing, peak: float, scalar: float | None
) -> dict[str, Any]:
    model, batches = SIZES[case.size], material.batches(case.size, case.batch)
    flops = sum(operations.step(model, batch) for batch in batches) / len(batches)
    gflops = flops / timing.best * 1e-9
    return asdict(case) | {
        "model": model.to_dict(),
        "num_params": model.num_params,
        "operations": round(flops),
        "best_us": timing.best * 1e6,
        "median_us": timing.median * 1e6,
        "cpu_us": timing.cpu * 1e6,
        "rounds": timing.rounds,
        "gflops": gflops,
        "share_of_peak": gflops / (peak * case.threads),
        "ratio_to_scalar": scalar / timing.best if scalar else None,
    }
