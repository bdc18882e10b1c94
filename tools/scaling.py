"""Write docs/scaling.md: what a step costs as models, batches and processes grow; plans for GPUs.

    python tools/scaling.py          # some minutes; on a machine with nothing else to do
    python tools/scaling.py --quick  # little of everything: to see whether it works
    python tools/scaling.py --device cuda  # larger models on that device; prints a table

Measured is the torch engine on the processor. The plans are arithmetic: see scaling_plan.py.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from benchmark import larger
from benchmark.machine import cores, machine
from benchmark.threads import torch_threads
from performance import ROOT, larger_models, load
from scaling_plan import plans, wrapped

from glassgpt.config import ModelConfig
from glassgpt.errors import GlassError
from glassgpt.scale.torch import throughput
from glassgpt.training import initial_params

BASE = larger.Shape("base", ModelConfig(256, 2, 128, 4, 64), 16)


def changed(**sizes: int) -> larger.Shape:
    return replace(BASE, model=replace(BASE.model, **sizes))


GROWTH = {
    "width": [changed(n_embd=n) for n in (32, 64, 128, 256, 512)],
    "layers": [changed(n_layer=n) for n in (1, 2, 4, 8)],
    "context": [changed(block_size=n) for n in (16, 64, 256, 1024)],
    "windows": [replace(BASE, windows=n) for n in (1, 4, 16, 64)],
}
TRAIN = [
    *("train", "english", "--engine", "torch", "--device", "cpu", "--n-embd", "128"),
    *("--n-layer", "2", "--batch-size", "64", "--samples", "0", "--json"),
]
ALONE = ["-m", "glassgpt"]
TOGETHER = [
    *("-m", "torch.distributed.run", "--nproc-per-node", "{}", "--rdzv-backend", "c10d"),
    *("--rdzv-endpoint", "localhost:0", "-m", "glassgpt"),
]
HEAD = """# Scaling

Written by `make scaling`; do not edit. The first part measures how the cost of a training step
grows with the model, the batch and the number of processes, on the CPU of one machine. The second
part plans training on 8 and on 64 GPUs; these plans are arithmetic, and `tools/benchmark/plan.py`
has every step of it.

**No figure here was measured on a GPU.** On a machine with a GPU, this command measures tokens per
second and the share of the GPU's peak, in float32 and in bfloat16, eager and compiled:

    python tools/scaling.py --device cuda

"""
METHOD = """
*tokens/s* is the number of predictions trained on per second, including the update: the best of
several rounds, each of one step on full windows of random tokens, in float32. *GFLOP/s* counts
operations as `scale/torch/placement.py` does: 6 per matrix weight and token, and 12 times the width
per pair of tokens in attention and layer (Chowdhery et al. 2022, arXiv:2204.02311, with half of
their pairs, because a causal model looks only back). *MFU* (model FLOP utilisation) is the share of
the speed of a large matrix product in PyTorch on the same number of threads.

"""
COMPILED = """## Eager and compiled

*compile* is how much longer the first step takes than the best one, with an empty compiler cache.

"""


def growth(passes: int, rounds: int, threads: int) -> str:
    """How the cost of a token grows with each of the sizes, the others staying as they are."""
    peak, timings = 0.0, {}
    for _ in range(passes):  # a busy moment of the machine must not fall on one shape alone
        with torch_threads(threads):
            peak = max(peak, throughput.peak_flops(torch.device("cpu"), "float32")[0])
        for shape in (shape for shapes in GROWTH.values() for shape in shapes):
            row = larger.timed(larger.Case(shape, "float32", threads, False), "cpu", rounds, 0.5)
            if shape not in timings or row["best_ms"] < timings[shape]["best_ms"]:
                timings[shape] = row
    base, m = timings[BASE], BASE.model
    text = (
        f"## How the cost grows\n\nFrom width {m.n_embd}, {m.n_layer} layers, context "
        f"{m.block_size}, vocabulary {m.vocab_size}, {BASE.windows} windows per step: one of them "
        f"changes, the others stay fixed. {threads} threads; the peak is "
        f"{throughput.readable(peak)}. *cost per token* is the time per token relative to the row "
        "in bold, and the last column is the same ratio for the number of operations.\n\n"
        "| | parameters | operations per token | tokens/s | GFLOP/s | MFU | cost per token | by "
        "operations |\n|---|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    for what, shapes in GROWTH.items():
        for shape in shapes:
            row = timings[shape]
            number = shape.windows if what == "windows" else size(shape.model, what)
            name = f"{what} {number:,}"
            each = row["operations"] / row["tokens"]
            text += (
                f"| {f'**{name}**' if shape == BASE else name} | {row['num_params']:,} | "
                f"{each:,.0f} | {row['tokens_per_second']:,.0f} | {row['flops'] / 1e9:.3g} | "
                f"{row['flops'] / peak:.1%} | "
                f"{base['tokens_per_second'] / row['tokens_per_second']:.2f} | "
                f"{each / (base['operations'] / base['tokens']):.2f} |\n"
            )
    return text + (
        "\nSmall models are held up by the number of operations that PyTorch starts, not by what "
        "they compute: there a larger width or batch costs less than its operations say. The cost "
        "of a token hardly depends on the batch once there are enough tokens in it.\n\n"
    )


def size(model: ModelConfig, what: str) -> int:
    names = {"width": "n_embd", "layers": "n_layer", "context": "block_size"}
    return int(getattr(model, names[what]))


def processes(steps: int, rounds: int, cores: int) -> str:
    """The same training in one process and in several, through torchrun."""
    ways = [(1, threads, "") for threads in sorted({1, cores})]
    ways += [(number, 1, how) for number in (2, 4) for how in ("ddp", "fsdp")]
    found: dict[tuple[int, int, str], dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for way in ways:
                got = trained(*way, steps, Path(folder) / f"{turn}-{'-'.join(map(str, way))}")
                if way not in found or speed(got) > speed(found[way]):
                    found[way] = got
    one = found[ways[0]]
    text = (
        f"## Processes\n\n`torchrun --nproc-per-node N -m glassgpt {' '.join(TRAIN)} --steps "
        f"{steps} --parallel …` in float64: the same {one['num_params']:,} parameters and the same "
        f"64 names per step, however many processes share them. This machine has {cores} cores, so "
        f"{'four processes only compete for them' if cores < 4 else 'each process has its own'}. "
        "*difference* is the largest between the losses of all steps and those of the first row; "
        f"speeds are the best of {rounds} trainings, load {load()}.\n\n"
        "| processes | threads in each | | tokens/s | speed | difference |\n"
        "|---:|---:|---|---:|---:|---:|\n"
    )
    for way, got in found.items():
        off = max(abs(a - b) for a, b in zip(got["losses"], one["losses"], strict=True))
        text += (
            f"| {way[0]} | {way[1]} | {way[2]} | {speed(got):,.0f} | {speed(got) / speed(one):.2f} "
            f"| {f'{off:.0e}' if off else '0'} |\n"
        )
    return text + (
        "\nOn processors of one machine threads and processes share the same memory and cores: "
        "this shows that the numbers are the same and what the sharing costs, not what GPUs or "
        "several machines would gain.\n\n"
    )


def trained(number: int, threads: int, how: str, steps: int, output: Path) -> dict:
    """What `glassgpt train --json` says."""
    start = ALONE if number == 1 else [part.format(number) for part in TOGETHER]
    command = [sys.executable, *start, *TRAIN, "--steps", str(steps), "-o", str(output)]
    command += ["--parallel", how] if how else []
    env = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def speed(got: dict) -> float:
    return float(got["throughput"]["tokens_per_second"])


def wanted(case: larger.Case, cores: int) -> bool:
    """On all cores, and the largest model only as one would train it."""
    return case.threads == cores and (case.shape.model != larger.GPT2 or case.dtype == "bfloat16")


def complain(line: str) -> None:
    print(line, file=sys.stderr)


def ladder(device: str, dtypes: tuple[str, ...], quick: bool) -> str:
    """Tokens a second and MFU of the larger models on a device, eager and compiled."""
    plan = larger.Plan(device, dtypes, full=not quick)  # type: ignore[arg-type] # check looks at it
    try:
        larger.check(plan)
        rows = larger.run(plan, cores(), *((1, 0.1) if quick else (30, 6.0)), complain)
    except GlassError as error:
        sys.exit(f"scaling.py: {error}")
    peaks = {(r["dtype"], r["threads"]): (r["peak"], r["peak_source"]) for r in rows}
    text = "".join(
        f"MFU in {dtype}, threads {threads}: of {throughput.readable(peak)}, {source}\n"
        for (dtype, threads), (peak, source) in peaks.items()
    )
    return f"{rows[0]['device'] if rows else device}\n\n{larger_models(rows)}{text}"


def drawing(rounds: int) -> str:
    """Millions of initial weights a second, to three digits, as the plans take it up."""
    model, best = ModelConfig(27, 2, 128, 4, 64), float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        initial_params(model, random.Random(42), 0.02)
        best = min(best, time.perf_counter() - started)
    return f"{model.num_params / best / 1e6:.3g}"


def host(rounds: int) -> str:
    """Milliseconds that the host of one GPU of 8 works for a step of 512 windows of 1,024."""
    from glassgpt.engines.base import check_documents
    from glassgpt.scale.torch.rows import pack_rows

    model, best = larger.GPT2, float("inf")
    rng = np.random.default_rng(42)
    batch = list(rng.integers(0, model.vocab_size, (512, 1025), dtype=np.uint16))
    for _ in range(rounds):
        started = time.perf_counter()
        check_documents(model, batch)
        for part in (batch[:32], batch[32:64]):
            pack_rows(part, [1 / 512] * 32, model, torch.float32)
        best = min(best, time.perf_counter() - started)
    return f"{best * 1e3:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a taste of each part")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "scaling.md")
    parser.add_argument("--device", help="time larger models there, and write nothing")
    parser.add_argument("--dtype", action="append", default=[], help="can be repeated")
    options = parser.parse_args()
    if options.device:
        print(ladder(options.device, tuple(options.dtype), options.quick))
        return
    quick, about = options.quick, machine()
    count, before, started = about["cores"], load(), time.perf_counter()
    grown = growth(*((1, 1) if quick else (3, 20)), count)
    shared = processes(*((3, 1) if quick else (30, 3)), count)
    plan = larger.Plan("cpu", ("float32", "bfloat16"), True, full=not quick)
    rounds, seconds = (1, 0.1) if quick else (20, 8.0)
    larger_rows = larger.run(plan, count, rounds, seconds, complain, lambda c: wanted(c, count))
    rate, waiting = drawing(2 if quick else 20), host(2 if quick else 20)
    text = HEAD + (
        f"{about['cpu']}, {count} cores; {about['system']}; {about['python']}, PyTorch "
        f"{torch.__version__}, GlassGPT {about['glassgpt']}; {about['date']}. Processes that "
        f"wanted a core, before and after: {before} and {load()}; "
        f"{time.perf_counter() - started:.0f} s in all.\n{METHOD}"
    )
    text += grown + shared + COMPILED + larger_models(larger_rows) + plans(rate, waiting)
    text = wrapped(text)
    options.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
