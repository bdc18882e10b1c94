"""The torch engine on the larger models that it is for: tokens a second, and how much of the peak.

A step goes through full windows of tokens drawn at random: how fast it is does not depend on what
they say, nor on the weights, which are drawn by NumPy (CPython would take minutes for the largest).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.cases import SIZES
from benchmark.threads import in_torch, torch_threads
from benchmark.timing import Work, interleaved
from glassgpt import engines
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import Engine, TrainState
from glassgpt.errors import EngineError
from glassgpt.scale.torch import throughput
from glassgpt.scale.torch.placement import Device, Placement
from glassgpt.scale.torch.placement import Work as Done

GPT2 = ModelConfig(50304, 12, 768, 12, 1024)
"""The shape of GPT-2 small (Radford et al. 2019); lm_head is a matrix of its own."""
INIT_STD = 0.02
GPU_TOKENS = 16384
"""A step on a GPU: fewer would leave it waiting for the next."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A model, and how many windows a step takes on a processor."""

    name: str
    model: ModelConfig
    windows: int

    def on(self, device: str) -> int:
        """Windows a step on this kind of device."""
        return self.windows if device == "cpu" else max(1, GPU_TOKENS // self.model.block_size)


LADDER = (
    Shape("L", SIZES["L"], 32),
    Shape("width 256", ModelConfig(4096, 4, 256, 4, 128), 8),
    Shape("width 512", ModelConfig(8192, 8, 512, 8, 256), 4),
    Shape("GPT-2 small", GPT2, 1),
)


@dataclass(frozen=True, slots=True)
class Case:
    """Training steps of the torch engine on a shape."""

    shape: Shape
    dtype: str
    threads: int
    """Of the processor; on another device none of them computes."""
    compiled: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What to time, and where."""

    device: Device = "auto"
    dtypes: tuple[str, ...] = ()
    """None: float32, and on a GPU bfloat16, too."""
    compiled: bool | None = None
    """Compiled as well; None: on a GPU, and where every shape is timed."""
    full: bool = False
    """Every shape on a processor, too, where the largest take a minute."""

    def cases(self, device: str, threads: int) -> Iterator[Case]:
        """On this kind of device, "all" threads being so many."""
        gpu = device != "cpu"
        compiled = gpu or self.full if self.compiled is None else self.compiled
        dtypes = self.dtypes or (("float32", "bfloat16") if gpu else ("float32",))
        counts = (threads,) if gpu or threads == 1 else (1, threads)
        for shape in LADDER if gpu or self.full else LADDER[:2]:
            for dtype in dtypes:
                for count in counts:
                    for how in (False, True) if compiled and count == threads else (False,):
                        yield Case(shape, dtype, count, how)


def check(plan: Plan) -> None:
    """Raise EngineError where PyTorch or the device is not there, or lacks one of the dtypes."""
    for dtype in plan.dtypes or ("float32",):
        engines.check("torch", dtype, device=plan.device)


def run(
    plan: Plan,
    threads: int,
    rounds: int,
    seconds: float,
    say: Callable[[str], object],
    wanted: Callable[[Case], bool] = lambda case: True,
) -> list[dict[str, Any]]:
    """Time the cases of a plan, one after another: two large models need not be in memory at once.

    Args:
        threads: how many "all" are.
        rounds, seconds: of each case, at most.
        say: is told of what cannot be timed; the other cases are.
        wanted: which of the cases; others are passed over.
    """
    import torch

    from glassgpt.scale.torch.spread import device_for

    first = (plan.dtypes or ("float32",))[0]
    device = device_for(Placement(device=plan.device), first)
    precision = torch.get_float32_matmul_precision()
    peaks: dict[tuple[str, int], tuple[float, str]] = {}
    rows = []
    for case in filter(wanted, plan.cases(device.type, threads)):
        try:
            # Whatever a case sets for the whole process must not reach the next one.
            torch.set_float32_matmul_precision(precision)
            with torch_threads(case.threads):
                peak = throughput.peak_flops(device, case.dtype)
            # Measured before each case: a busy moment must not make the others look good.
            kind = case.dtype, case.threads
            peaks[kind] = max(peak, peaks.get(kind, peak))
            row = timed(case, device.type, rounds, seconds)
        except (EngineError, MemoryError, torch.OutOfMemoryError) as error:
            reason = str(error).partition(". ")[0] or "not enough memory"
            say(f"{case.shape.name}, {case.dtype}: {reason}")
            continue
        finally:
            torch.set_float32_matmul_precision(precision)
        rows.append(row)
    where = throughput.device_name(device) if device.type != "cpu" else "cpu"
    for row in rows:
        most, source = peaks[row["dtype"], row["threads"]]
        row |= {"device": where, "peak": most, "peak_source": source, "mfu": row["flops"] / most}
    return rows


def timed(case: Case, device: str, rounds: int, seconds: float) -> dict[str, Any]:
    """A case as plain data. Raises EngineError or MemoryError where it cannot be done here."""
    shape, windows = case.shape, case.shape.on(device)
    model = shape.model
    engine = build(model, case.dtype, device, case.compiled)
    rng = np.random.default_rng(42)
    size = (windows, model.block_size + 1)
    batch = list(rng.integers(0, model.vocab_size, size, dtype=np.int64))
    with torch_threads(case.threads):
        first = _first_step(engine, batch, case.compiled)

    def prepare(times: int) -> Callable[[], object]:
        return lambda: engine.train([batch] * times, [0.0] * times)

    # On a GPU a call of several steps does not wait in between: as in training.
    round_seconds = 0.01 if device == "cpu" else 0.2
    work = in_torch(Work(prepare, 1.0, case.threads))
    [timing] = interleaved([work], rounds, round_seconds, seconds)
    done = Done()
    done.add(model, [model.block_size] * windows)
    return {
        "shape": shape.name,
        "model": model.to_dict(),
        "num_params": model.num_params,
        "windows": windows,
        "tokens": done.tokens,
        "operations": done.flops,
        "dtype": case.dtype,
        "threads": case.threads,
        "compiled": case.compiled,
        "best_ms": timing.best * 1e3,
        "median_ms": timing.median * 1e3,
        "first_ms": first * 1e3,
        "rounds": timing.rounds,
        "tokens_per_second": done.tokens / timing.best,
        "flops": done.flops / timing.best,
    }


def build(model: ModelConfig, dtype: str, device: str, compiled: bool) -> Engine:
    """A torch engine of this shape on one device; its weights are not those of any recipe."""
    import torch

    # What was compiled for the last case would count against the number that may be kept.
    torch.compiler.reset()
    rng = np.random.default_rng(42)
    params = {
        name: rng.standard_normal(shape, dtype=np.float32).astype(np.float64) * INIT_STD
        for name, shape in model.shapes.items()
    }
    return engines.create(
        *("torch", model, TrainState.fresh(params), TrainConfig(), dtype),
        device=device,
        compile=compiled,
    )


def _first_step(engine: Engine, batch: Sequence[Any], compiled: bool) -> float:
    """Seconds; a compiled model is compiled in it, whether or not it has been before."""
    started = time.perf_counter()
    if compiled:
        _compile(engine, batch)
    else:
        engine.train([batch], [0.0])
    return time.perf_counter() - started


def _compile(engine: Engine, batch: Sequence[Any]) -> None:
    import torch._inductor.config as inductor

    with inductor.patch(force_disable_caches=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "dynamo_pgo force disabled")
        engine.train([batch], [0.0])
