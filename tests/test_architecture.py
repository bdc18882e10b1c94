"""The house: imports run one way, files stay small, heavy things are loaded when needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from glassgpt import engines
from support import SRC

LAYERS = [
    {"errors", "files", "config", "reference", "text"},
    {"datasets", "engines", "scale"},
    {"training", "sampling", "trace", "evaluation", "benchmark", "runs", "pictures"},
    {"cli", "server", "__main__"},
]
"""A part of the package may use its own layer and those above it in this list."""

CONCRETE = {"engines.scalar", "engines.numpy", "engines.native", "scale.torch"}
"""The engines."""

HEAVY = {"torch", "fastapi", "pydantic", "uvicorn", "matplotlib", "starlette", "pandas"}

FILES = sorted(SRC.rglob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(SRC).as_posix())


def name_of(path: Path) -> str:
    """`engines/numpy.py` -> `engines.numpy`; a package is named as its directory."""
    return ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in FILES}


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it; `from x import y` as `x.y` if that is one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import in line {node.lineno}"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full.removeprefix("glassgpt.") in MODULES else str(node.module)


def inside(path: Path) -> set[str]:
    """The parts of the package that a file imports."""
    return {name.removeprefix("glassgpt.") for name in imports(path) if name.startswith("glassgpt")}


def layer(module: str) -> int:
    part = module.partition(".")[0]
    found = [i for i, parts in enumerate(LAYERS) if part in parts]
    assert found, f"{part} has no place in LAYERS yet: which parts may it use?"
    return found[0]


@every_file
def test_imports_run_one_way(path: Path) -> None:
    module = name_of(path)
    if module == "__init__":
        assert not inside(path)  # `import glassgpt` costs nothing
        return
    for used in inside(path) - {"glassgpt"}:
        assert layer(used) <= layer(module), f"{module} must not import {used}"


def test_data_sets_and_engines_know_nothing_of_each_other() -> None:
    for module, path in MODULES.items():
        parts = {used.partition(".")[0] for used in inside(path)}
        assert not (module.startswith("datasets") and "engines" in parts)
        assert not (module.startswith("engines") and parts & {"datasets", "text"})


def test_the_seam_does_not_know_what_is_behind_it() -> None:
    for module, path in MODULES.items():
        if module.startswith("engines"):
            assert not {used for used in inside(path) if used.startswith("scale")}, module


def test_no_module_needs_itself() -> None:
    """Imports inside functions count: a cycle is a cycle."""
    graph = {module: inside(path) - {"glassgpt"} for module, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


def test_no_engine_imports_another() -> None:
    assert len(engines.NAMES) == len(CONCRETE)

    def engine_of(module: str) -> str | None:
        return next((e for e in CONCRETE if f"{module}.".startswith(f"{e}.")), None)

    users = {
        (module, engine_of(used))
        for module, path in MODULES.items()
        for used in inside(path)
        if engine_of(used) and engine_of(used) != engine_of(module)
    }
    # Everybody else speaks to the seam; a trace shows what the readable engine computed.
    allowed = {("trace", "engines.numpy")}
    placing = {user for user in users if user[1] == "scale.torch"}
    assert users - placing == allowed


def test_the_reference_needs_nothing_but_the_standard_library() -> None:
    used = {name.partition(".")[0] for name in imports(SRC / "reference.py")}
    assert used <= sys.stdlib_module_names


@every_file
def test_files_can_be_read_in_one_sitting(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= (400 if path.name == "reference.py" else 320)


@pytest.mark.parametrize(
    "module", ["glassgpt", "glassgpt.cli", "glassgpt.runs.directory", "glassgpt.evaluation"]
)
def test_heavy_modules_wait_until_they_are_needed(module: str) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & (HEAVY | ({"numpy"} if module in ("glassgpt", "glassgpt.cli") else set()))
