"""`glassgpt datasets`: list, show, download, prepare."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from glassgpt.cli import common, prepare
from glassgpt.cli.commands import Command, Group, data_names, whole
from glassgpt.cli.progress import bytes_bar

app = typer.Typer(
    cls=Group,
    help="Data to train on: list the data sets, show one, download one, or prepare a corpus.",
    epilog=common.examples(
        "glassgpt datasets",
        "glassgpt datasets show hindi",
        "glassgpt datasets prepare *.txt --documents file --tokens bytes -o books",
    ),
)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@app.command("list", cls=Command)
def list_(as_json: common.JsonOption = False) -> None:
    """List the data sets, one per line."""
    from glassgpt.datasets import REGISTRY

    if as_json:
        common.print_json({"datasets": [_entry(name) for name in REGISTRY]})
        return
    from rich.table import Column, Table

    table = Table("name", Column("items", justify="right"), "what it is", box=None)
    for entry in REGISTRY.values():
        where = " (downloaded on request)" if entry.url else ""
        table.add_row(entry.name, f"{entry.count:,}", entry.title + where)
    common.print_table(table)


@app.command("show", cls=Command)
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A data set, a text file, a corpus, or - for standard input.",
            autocompletion=data_names,
        ),
    ],
    n: Annotated[int, typer.Option("-n", parser=whole, help="Number of documents to show.")] = 10,
    as_json: common.JsonOption = False,
) -> None:
    """Show the source of a data set, facts about its content, and its first documents."""
    if Path(name).is_dir():
        prepare.show(Path(name), n, as_json)
        return
    loaded = _load(name)
    report = asdict(loaded.report)
    if as_json:
        facts = {"documents": len(loaded.documents), "sha256": loaded.sha256, "report": report}
        entry = _entry(name) or {"name": loaded.name}
        common.print_json(entry | facts | {"first": loaded.documents[: max(0, n)]})
        return
    console = common.stdout()
    for key, value in (_entry(name) | {"documents": f"{len(loaded.documents):,}"} | report).items():
        console.print(f"{key:>14}  {value}")
    console.print(f"{'sha256':>14}  {loaded.sha256}")
    console.print()
    for document in loaded.documents[: max(0, n)]:
        console.print(f"  {document}")


@app.command("download", cls=Command)
def download(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A data set that is not bundled.", autocompletion=data_names
        ),
    ] = "names",
) -> None:
    """Download a data set into the cache directory and verify its checksum."""
    from glassgpt.datasets import REGISTRY
    from glassgpt.datasets.download import fetch
    from glassgpt.errors import DataError

    entry = REGISTRY.get(name)
    if entry is None:
        raise DataError(f"there is no data set {name!r}; there are: {', '.join(REGISTRY)}")
    if not entry.url:
        print(f"{name} is bundled: {entry.path}")
        return
    with bytes_bar(f"downloading {name}") as progress:
        print(fetch(entry, progress))


app.command("prepare", cls=Command, epilog=prepare.EXAMPLES)(prepare.prepare)


def _load(name: str) -> Any:
    from glassgpt import datasets

    with bytes_bar(f"downloading {name}") as progress:
        return datasets.load(name, progress=progress)


def _entry(name: str) -> dict[str, Any]:
    from glassgpt.datasets import REGISTRY

    if name not in REGISTRY:
        return {}
    facts = asdict(REGISTRY[name])
    recipe: dict[str, Any] = facts.pop("recipe")
    return {key: value for key, value in facts.items() if value} | recipe
