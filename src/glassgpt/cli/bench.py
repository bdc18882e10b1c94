"""`glassgpt bench`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from glassgpt.cli import common
from glassgpt.cli.commands import engine_names, whole

EXAMPLES = common.examples(
    "glassgpt bench",
    "glassgpt bench --engine native --engine numpy --rounds 50",
    "glassgpt bench --json",
)


def bench(
    engine: Annotated[
        list[str] | None,
        typer.Option(help="Time this engine only; can be repeated.", autocompletion=engine_names),
    ] = None,
    rounds: Annotated[
        int,
        typer.Option(parser=whole, help="Rounds of measurements; the best of each engine counts."),
    ] = 10,
    as_json: common.JsonOption = False,
) -> None:
    """Time every engine on this machine, in training and in writing names."""
    from glassgpt import engines
    from glassgpt.errors import ConfigError

    if rounds < 1:
        raise ConfigError(f"rounds is {rounds}; it must be at least 1", "rounds")
    for name in engine or ():
        engines.check(name, engines.DTYPES.get(name, ("float64",))[0])
    common.say("timing …")
    from glassgpt.benchmark import machine, measure

    about = machine()
    rows = measure(tuple(dict.fromkeys(engine or engines.available())), rounds)
    if as_json:
        common.print_json({"machine": about, "engines": rows})
    else:
        _print(about, rows)


def _print(about: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    from rich.table import Column, Table

    console, count = common.stdout(), common.count(about["cores"], "core")
    console.print(f"{about['cpu']}, {count}; {about['system']}")
    load = f"; load {about['load'][0]:.1f}" if about["load"] else ""
    console.print(f"{about['python']}, NumPy {about['numpy']}; {about['date']}{load}\n")
    headings = ("width", "µs a step", "median", "names a second")
    width, *numbers = (Column(heading, justify="right") for heading in headings)
    table = Table(width, "engine", "dtype", *numbers, box=None, pad_edge=False)
    for row in rows:
        figures = (row[key] for key in ("best_us", "median_us", "names_a_second"))
        cells = [str(row["width"]), row["engine"], row["dtype"]]
        table.add_row(*cells, *(f"{x:,.{0 if x >= 100 else 1}f}" for x in figures))
    common.print_table(table)
