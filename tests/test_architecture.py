"""The house: imports run one way, files stay small, heavy things are loaded when needed."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from glassgpt import engines
from support import SRC

ORDER = (
    *("errors", "config", "files", "reference", "text", "engines", "datasets", "training"),
    *("sampling", "trace", "evaluation", "runs", "pictures"),
    *("fit", "progress", "answers", "model"),
    *("scale", "benchmark", "server", "cli", "__main__"),
)
"""A part of the package imports only parts that stand before it in this list; so does nobody who
stands before `scale` import it: large things are named in registries and loaded when asked for."""

OUTSIDE_CORE = {"pictures", "scale", "benchmark", "cli", "server", "__main__"}

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


def part(module: str) -> str:
    return module.partition(".")[0]


@every_file
def test_imports_run_one_way(path: Path) -> None:
    module = name_of(path)
    if module == "__init__":
        return  # the face of the library; see `test_heavy_modules_wait_until_they_are_needed`
    assert part(module) in ORDER, f"{part(module)} has no place in ORDER yet: what may it use?"
    for used in {part(name) for name in inside(path)} - {"glassgpt", part(module)}:
        before = ORDER.index(used) < ORDER.index(part(module))
        assert before, f"{module} must not import {used}"


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
    assert lines <= (344 if path.name == "reference.py" else 300)


def lines_of_code(path: Path) -> int:
    """Lines that are neither blank, nor comment, nor docstring."""
    source = path.read_text(encoding="utf-8")
    texts: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(ast.Constant(str())):
                texts |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    code: set[int] = set()
    aside = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (*aside, tokenize.ENDMARKER):
            code |= set(range(token.start[0], token.end[0] + 1))
    return len(code - texts)


def test_the_code_fits_its_budgets() -> None:
    """What is new must make room; a budget changes only by a record in docs/decisions."""
    counts = {module: lines_of_code(path) for module, path in MODULES.items()}
    core = sum(n for module, n in counts.items() if part(module) not in OUTSIDE_CORE)
    assert counts["reference"] <= 232
    assert core <= 4_080
    assert sum(counts.values()) <= 9_080


@pytest.mark.parametrize(
    "module", ["glassgpt", "glassgpt.cli", "glassgpt.runs.directory", "glassgpt.evaluation"]
)
def test_heavy_modules_wait_until_they_are_needed(module: str) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & (HEAVY | ({"numpy"} if module in ("glassgpt", "glassgpt.cli") else set()))
