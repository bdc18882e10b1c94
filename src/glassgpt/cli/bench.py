"""`glassgpt bench`."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassgpt.cli import common
from glassgpt.cli.commands import engine_names, one_of, whole

if TYPE_CHECKING:
    from glassgpt.benchmark.larger import Plan

EXAMPLES = common.examples(
    "glassgpt bench",
    "glassgpt bench --engine native --engine numpy --rounds 50",
    "glassgpt bench --full --json",
    "glassgpt bench --engine torch --device cuda --dtype float32 --dtype bfloat16",
)
LARGER = "PyTorch on larger models (with --engine torch or --full)"


def bench(
    full: Annotated[
        bool,
        typer.Option(
            "--full/--quick",
            help="Time all model sizes and batch sizes, for some minutes, or the small ones only.",
        ),
    ] = False,
    engine: Annotated[
        list[str] | None,
        typer.Option(help="Time this engine only; can be repeated.", autocompletion=engine_names),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            parser=whole,
            help="Rounds of measurements; the best of each engine counts.",
            show_default="25; with --full 60",
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="Device: auto, cpu, cuda or mps.",
            rich_help_panel=LARGER,
            autocompletion=one_of("auto", "cpu", "cuda", "mps"),
        ),
    ] = "auto",
    dtype: Annotated[
        list[str] | None,
        typer.Option(
            help="Floating-point format: float64, float32 or bfloat16; can be repeated.",
            show_default="float32; on a GPU also bfloat16",
            rich_help_panel=LARGER,
        ),
    ] = None,
    compile_: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            help="Time torch.compile as well.",
            show_default="with --full and on a GPU",
            rich_help_panel=LARGER,
        ),
    ] = None,
    as_json: common.JsonOption = False,
) -> None:
    """Time every engine on this machine, in training and in writing names."""
    from glassgpt.errors import ConfigError

    if rounds is not None and rounds < 1:
        raise ConfigError(f"rounds is {rounds}; it must be at least 1", "rounds")
    from glassgpt.benchmark.machine import one_blas_thread

    one_blas_thread()  # before NumPy is loaded
    from glassgpt import engines
    from glassgpt.benchmark.report import FULL, QUICK, run

    names = tuple(dict.fromkeys(engine or ()))
    for name in names:
        engines.check(name, "float64")
    plan = _plan(names, full, device, tuple(dict.fromkeys(dtype or ())), compile_)
    common.say("timing" + (" for some minutes …" if full else " …"))
    result = run(FULL if full else QUICK, names, rounds, plan, common.say)
    if as_json:
        common.print_json(result)
    else:
        _print(result)


def _plan(
    names: tuple[str, ...], full: bool, device: str, dtypes: tuple[str, ...], compiled: bool | None
) -> Plan | None:
    """The larger models, where the torch engine is asked for. Raises what is wrong with it."""
    from glassgpt import engines
    from glassgpt.errors import ConfigError

    given = device != "auto" or dtypes or compiled is not None
    if names and "torch" not in names:
        if given:
            raise ConfigError("--device, --dtype and --compile are for --engine torch")
        return None
    if not given and "torch" not in (names or (engines.available() if full else ())):
        return None
    from glassgpt.benchmark import larger

    plan = larger.Plan(device, dtypes, compiled, full)  # type: ignore[arg-type] # check looks at it
    larger.check(plan)
    return plan


def _print(result: dict[str, Any]) -> None:
    console, about = common.stdout(), result["machine"]
    cores = common.count(about["cores"], "core")
    console.print(f"{about['cpu']}, {cores}; {about['system']}")
    load = f"; load {about['load'][0]:.1f}" if about["load"] else ""
    console.print(f"{about['python']}, NumPy {about['numpy']}; {about['date']}{load}")
    peaks = ", ".join(f"{p['gflops']:.0f} GFLOP/s in {p['dtype']}" for p in result["peak"])
    console.print(f"peak, a large matrix product in NumPy on one thread:\n  {peaks}")
    for _, group in groupby(result["training"], key=lambda row: (row["size"], row["batch"])):
        _print_steps(console, list(group))
    console.print("\nNames written a second, by the default model after 1,000 steps; one thread")
    table = _table("engine", "dtype", "how", "best >", "median >")
    for row in result["generation"]:
        table.add_row(
            *(row["engine"], row["dtype"], row["how"]),
            *(f"{row[key]:,.0f}" for key in ("names_a_second", "median_names_a_second")),
        )
    console.print(table)
    for _, group in groupby(result["larger"], key=lambda row: row["shape"]):
        _print_larger(console, list(group))
    _print_peaks(console, result["larger"])


def _print_steps(console: Any, rows: list[dict[str, Any]]) -> None:
    first, model = rows[0], rows[0]["model"]
    console.print(
        f"\n{first['size']}: width {model['n_embd']}, {common.count(model['n_layer'], 'layer')}, "
        f"context {model['block_size']}, {first['num_params']:,} parameters; "
        f"{common.count(first['batch'], 'document')} a step"
    )
    table = _table(
        *("engine", "dtype", "threads >", "best µs >", "median >", "CPU >"),
        *("GFLOP/s >", "peak >", "× scalar >"),
    )
    for row in rows:
        times = (_short(row[key]) for key in ("best_us", "median_us", "cpu_us"))
        ratio = row["ratio_to_scalar"]
        table.add_row(
            *(row["engine"], row["dtype"], str(row["threads"]), *times),
            *(f"{row['gflops']:.3g}", f"{row['share_of_peak']:.1%}"),
            f"{ratio:,.0f}" if ratio else "",
        )
    console.print(table)


def _print_larger(console: Any, rows: list[dict[str, Any]]) -> None:
    first, model = rows[0], rows[0]["model"]
    cpu = first["device"] == "cpu"
    where = "the CPU" if cpu else first["device"]
    unit, size = ("G", 1e9) if max(row["flops"] for row in rows) < 1e12 else ("T", 1e12)
    console.print(
        f"\nPyTorch on {where}, {first['shape']}: {first['num_params']:,} parameters;\n"
        f"width {model['n_embd']}, {common.count(model['n_layer'], 'layer')}, vocabulary "
        f"{model['vocab_size']:,}; {first['windows']} × {model['block_size']:,} tokens a step"
    )
    table = _table(
        *("dtype", "threads >" if cpu else "", "how", "best ms >", "median >", "compile s >"),
        *("tokens/s >", f"{unit}FLOP/s >", "MFU >"),
    )
    for row in rows:
        compiling = max(0.0, row["first_ms"] - row["best_ms"]) / 1e3
        table.add_row(
            *(row["dtype"], str(row["threads"]) if cpu else ""),
            *("compiled" if row["compiled"] else "eager", _short(row["best_ms"])),
            *(_short(row["median_ms"]), f"{compiling:.0f}" if row["compiled"] else ""),
            *(f"{row['tokens_per_second']:,.0f}", f"{row['flops'] / size:.3g}"),
            f"{row['mfu']:.1%}",
        )
    console.print(table)


def _print_peaks(console: Any, rows: list[dict[str, Any]]) -> None:
    """What the shares are of."""
    from glassgpt.benchmark.throughput import readable

    for row in {(row["dtype"], row["threads"]): row for row in rows}.values():
        threads = f", {common.count(row['threads'], 'thread')}" if row["device"] == "cpu" else ""
        peak = f"{readable(row['peak'])}, {row['peak_source']}"
        console.print(f"MFU in {row['dtype']}{threads}: of {peak}")


def _short(number: float) -> str:
    """Three digits at least: 5.21, 52.1, 521, 5,210."""
    return f"{number:,.{max(0, 2 - int(math.log10(max(number, 1))))}f}"


def _table(*headings: str) -> Any:
    """Columns; those whose heading ends in > are numbers."""
    from rich.table import Column, Table

    return Table(
        *(
            Column(h.removesuffix(" >"), justify="right" if h.endswith(">") else "left")
            for h in headings
        ),
        box=None,
        pad_edge=False,
    )
