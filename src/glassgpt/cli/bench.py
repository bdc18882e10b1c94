"""`glassgpt bench`."""

from __future__ import annotations

from typing import Annotated

import typer

from glassgpt.cli import common

EXAMPLES = common.examples(
    "glassgpt bench",
    "glassgpt bench --rounds 20 --json",
)


def bench(
    rounds: Annotated[int, typer.Option(help="Interleaved rounds; the minimum counts.")] = 7,
    as_json: common.JsonOption = False,
) -> None:
    """Time every engine on this machine: microseconds a training step, and ratios."""
    from glassgpt import benchmark
    from glassgpt.errors import ConfigError

    if rounds < 1:
        raise ConfigError(f"rounds is {rounds}; it must be at least 1")
    machine, results = benchmark.machine(), benchmark.run(rounds)
    slowest = max(results, key=lambda r: r.best)
    if as_json:
        rows = [
            {"engine": r.engine, "best_us": r.best, "median_us": r.median, "rounds": r.rounds}
            | {"ratio_to_scalar": slowest.best / r.best}
            for r in results
        ]
        common.print_json({"machine": machine, "engines": rows})
        return
    from rich.table import Column, Table

    console = common.stdout()
    console.print("; ".join(f"{v}" for v in machine.values()))
    headings = ("µs a step (min)", "median", "times faster")
    table = Table("engine", *(Column(h, justify="right") for h in headings), box=None)
    for r in results:
        table.add_row(
            r.engine, f"{r.best:,.1f}", f"{r.median:,.1f}", f"{slowest.best / r.best:,.1f}"
        )
    console.print(table)
