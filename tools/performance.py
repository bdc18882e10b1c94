"""Write docs/performance.md: engines, whole commands, imports, and the reference on every Python.

    python tools/performance.py            # some minutes; on a machine with nothing else to do
    python tools/performance.py --measure  # only the reference on this interpreter; prints JSON

The engines are timed by tools/benchmark.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import groupby
from pathlib import Path

from determinism import VERSIONS, find

ROOT = Path(__file__).parent.parent
DOCUMENTS = 16
TRAIN = ["-m", "glassgpt", "train", "english"]
LONG = [*TRAIN, "--steps", "100000"]
COMMANDS = {
    "`python -c pass`": ["-c", "pass"],
    "`python -c 'import numpy'`": ["-c", "import numpy"],
    "`glassgpt --version`": ["-m", "glassgpt", "--version"],
    "`glassgpt --help`": ["-m", "glassgpt", "--help"],
    "`glassgpt train english --steps 1`": [*TRAIN, "--steps", "1"],
    "`glassgpt train english`: 1,000 steps": TRAIN,
    "`glassgpt train english --steps 100000`": LONG,
    "the same in float32": [*LONG, "--dtype", "float32"],
}
HEAD = """# Performance

Written by `make performance`; do not edit. `glassgpt bench` measures your machine.

"""
METHOD = """
After a warm-up, all cases are timed in turn, round after round, so that a noisy moment affects all
of them equally. *best* is the shortest wall time: what the machine can do. *median* includes the
effect of other programs (see the load). *CPU* is the least processor time, summed over all threads.
A single thread is pinned to one core. Documents are bundled English names, spread evenly over all
lengths; for a context of 64 they are concatenated to fill it. Operations are counted by the formula
in `tools/benchmark/operations.py`: those that the mathematics needs, with a fused multiply-add
counted as two. *peak* is the share of the speed that a large matrix product in NumPy (512 x 512,
one thread, in the same rounds) reaches, times the number of threads. *× scalar* is the speed
relative to the reference, which makes one `Value` per number.

"""
TAIL = """
## What was not measured

Wheels for other platforms (Linux on arm64 and with musl, macOS, Windows) are built from one machine
by `make wheels` and were not run, so their speed is unknown. The scalar figures are those of our
own reference; other people's scripts and ports were not timed.
"""


def environment(bytecode: str) -> dict[str, str]:
    """As for a program that is installed: its bytecode is kept from one run to the next."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": bytecode}


def engines(bench: dict) -> str:
    m = bench["machine"]
    loads = " and ".join(f"{m[k][0]:.1f}" for k in ("load", "load_after") if m[k])
    peaks = " and ".join(f"{p['gflops']:.0f} GFLOP/s in {p['dtype']}" for p in bench["peak"])
    text = (
        f"{m['cpu']}, {m['cores']} cores; {m['system']}; {m['python']}, NumPy {m['numpy']}, "
        f"GlassGPT {m['glassgpt']}; {m['date']}. Load average before and after: "
        f"{loads}. A large matrix product: {peaks}.\n{METHOD}"
    )
    for (size, batch), rows in groupby(bench["training"], key=lambda r: (r["size"], r["batch"])):
        group = list(rows)
        first, shape = group[0], group[0]["model"]
        text += (
            f"## {size}, {batch} document{'s' if batch > 1 else ''} per step\n\n"
            f"Width {shape['n_embd']}, layers {shape['n_layer']}, context {shape['block_size']}: "
            f"{first['num_params']:,} parameters, {first['operations']:,} operations per step.\n\n"
            "| engine | | threads | best, µs per step | median | CPU | GFLOP/s | peak | "
            "× scalar |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n"
        )
        for r in group:
            ratio = f"{r['ratio_to_scalar']:,.0f}" if r["ratio_to_scalar"] else ""
            times = (short(r[key]) for key in ("best_us", "median_us", "cpu_us"))
            text += (
                f"| {r['engine']} | {r['dtype']} | {r['threads']} | {' | '.join(times)} | "
                f"{r['gflops']:.3g} | {r['share_of_peak']:.1%} | {ratio} |\n"
            )
        text += "\n"
    text += (
        "## Names generated per second\n\n"
        "By S after 1,000 steps, at temperature 0.5, on one thread.\n"
        "*All at once* is one call of `generate`; *one by one* is a loop in Python.\n\n"
        "| engine | | | best | median |\n|---|---|---|---:|---:|\n"
    )
    for r in bench["generation"]:
        text += (
            f"| {r['engine']} | {r['dtype']} | {r['how']} | {r['names_a_second']:,.0f} | "
            f"{r['median_names_a_second']:,.0f} |\n"
        )
    if bench["larger"]:
        text += (
            "\n## PyTorch on larger models\n\nFull windows of random tokens. *compile* is how much "
            "longer the first step takes than the best one; *MFU* the share of what a large matrix "
            "product in PyTorch reaches on as many threads. More in [scaling.md](scaling.md).\n\n"
        )
        text += larger_models(bench["larger"]).removesuffix("\n")
    return text


def larger_models(rows: list[dict]) -> str:
    text = (
        "| | parameters | tokens per step | | threads | | best, ms per step | median | "
        "compile, s | tokens/s | GFLOP/s | MFU |\n"
        "|---|---:|---:|---|---:|---|---:|---:|---:|---:|---:|---:|\n"
    )
    for r in rows:
        extra = f"{max(0.0, r['first_ms'] - r['best_ms']) / 1e3:.0f}" if r["compiled"] else ""
        text += (
            f"| {r['shape']} | {r['num_params']:,} | {r['tokens']:,} | {r['dtype']} | "
            f"{r['threads']} | {'compiled' if r['compiled'] else 'eager'} | "
            f"{short(r['best_ms'])} | {short(r['median_ms'])} | {extra} | "
            f"{r['tokens_per_second']:,.0f} | {r['flops'] / 1e9:.3g} | {r['mfu']:.1%} |\n"
        )
    return text + "\n"


def short(number: float) -> str:
    digits = 2 if number < 10 else 1 if number < 100 else 0
    return f"{number:,.{digits}f}"


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def run_once(arguments: list[str], folder: Path, env: dict[str, str]) -> tuple[float, float]:
    """Wall and processor time of a whole process, in milliseconds."""
    command = [sys.executable, *arguments]
    if "train" in arguments:
        command += ["-o", str(folder / f"run{random.random()}")]
    before, started = children_seconds(), time.perf_counter()
    subprocess.run(command, cwd=folder, env=env, capture_output=True, check=True)
    wall = time.perf_counter() - started
    return wall * 1e3, (children_seconds() - before) * 1e3


def children_seconds() -> float:
    """Processor time of all processes started here that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def commands(rounds: int, folder: Path, env: dict[str, str]) -> str:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):  # the first one warms up: it writes the bytecode
        for name, arguments in COMMANDS.items():
            one = run_once(arguments, folder, env)
            times[name] += [one] if number else []
    text = (
        "\n## Whole commands\n\nMilliseconds from start to end of the process, standard error and "
        f"output being pipes; best and median of {rounds} rounds, load {load()}.\n\n"
        "| command | best | median | CPU |\n|---|---:|---:|---:|\n"
    )
    for name, rows in times.items():
        wall, cpu = zip(*rows, strict=True)
        text += f"| {name} | {min(wall):.0f} | {statistics.median(wall):.0f} | {min(cpu):.0f} |\n"
    return text


def imports(rounds: int, folder: Path, env: dict[str, str]) -> str:
    """What `glassgpt train english` loads, by package, from the quickest of some runs."""
    parts = {"numpy": "NumPy", "glassgpt": "GlassGPT", "rich": "Rich", "typer": "Typer"}
    parts |= dict.fromkeys(("pydantic", "pydantic_core", "annotated_types"), "pydantic, for Typer")
    quickest: Counter[str] = Counter()
    for number in range(rounds):
        command = [sys.executable, "-X", "importtime", *TRAIN, "--steps", "1"]
        command += ["-o", str(folder / f"import{number}")]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        found: Counter[str] = Counter()
        for line in done.stderr.splitlines():
            if line.startswith("import time:") and "[us]" not in line:
                microseconds, _, name = line.removeprefix("import time:").split("|")
                package = name.strip().partition(".")[0]
                found[parts.get(package, "the standard library and others")] += int(microseconds)
        if not quickest or found.total() < quickest.total():
            quickest = found
    rows = "".join(f"| {name} | {us / 1000:.0f} |\n" for name, us in quickest.most_common())
    return (
        "\n## What `glassgpt train` imports\n\nMilliseconds by `-X importtime`, which itself adds "
        f"some; the quickest of {rounds} runs: {quickest.total() / 1000:.0f} in all.\n\n"
        f"| package | ms |\n|---|---:|\n{rows}"
    )


def measure(rounds: int = 5) -> dict[str, object]:
    """The reference's training step, in milliseconds of processor time."""
    sys.path.insert(0, str(ROOT / "src" / "glassgpt"))
    import reference

    sys.path.pop(0)
    names = reference.read_documents(ROOT / "src" / "glassgpt" / "datasets" / "english.txt")
    tokenizer = reference.Tokenizer("".join(names))
    names.sort(key=len)
    picked = [names[(2 * i + 1) * len(names) // (2 * DOCUMENTS)] for i in range(DOCUMENTS)]
    documents = [tokenizer.encode(name) for name in picked]
    model = reference.GPT(tokenizer.vocab_size)
    adam = reference.Adam(model.parameters())

    def steps() -> None:
        for token_ids in documents:
            model.loss(token_ids).backward()
            adam.step(0.0)

    best = {}
    for _ in range(rounds):
        for name, collector in (("collecting", gc.enable), ("resting", gc.disable)):
            collector()
            started = time.process_time()
            steps()
            milliseconds = (time.process_time() - started) / DOCUMENTS * 1e3
            best[name] = min(milliseconds, best.get(name, milliseconds))
    return {"python": platform.python_version()} | best


def scalar() -> str:
    text = (
        "\n## The reference and the garbage collector\n\nMilliseconds of processor time for a "
        "training step of S, without NumPy. The graph of a step has no cycles, so the reference "
        f"lets Python's cyclic garbage collector rest meanwhile. Load {load()}.\n\n"
        "| Python | collector at work | at rest, as we run it |\n|---|---:|---:|\n"
    )
    for python in filter(None, map(find, VERSIONS)):
        done = subprocess.run([python, __file__, "--measure"], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{python}: {done.stderr[-2000:]}")
        row = json.loads(done.stdout)
        text += f"| {row['python']} | {row['collecting']:.1f} | {row['resting']:.1f} |\n"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--quick", action="store_true", help="the small sizes only")
    parser.add_argument("--rounds", type=int, default=10, help="of the whole commands")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "performance.md")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure()))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = environment(str(folder / "bytecode"))
        command = [sys.executable, "-m", "benchmark", *([] if options.quick else ["--full"])]
        done = subprocess.run(
            command, cwd=ROOT / "tools", env=env, stdout=subprocess.PIPE, text=True, check=True
        )
        text = HEAD + engines(json.loads(done.stdout))
        text += commands(options.rounds, folder, env) + imports(options.rounds, folder, env)
    text += scalar() + TAIL
    options.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
