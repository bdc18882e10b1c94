"""The notebooks run, their solutions pass their checks, and their text says what was measured."""

from __future__ import annotations

import ast
import importlib.util
import json
import math
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from glassgpt import evaluation, reference

pytest.importorskip("nbclient", reason="the notebooks need requirements/notebooks.txt")

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("[0-9]*.ipynb"))
FIGURE = re.compile(r"(?<![\d.])\d+\.\d{2,}(?![\d.])")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"notebooks_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    return load(FOLDER / "checks.py")


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_there_are_eight() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{i:02d}" for i in range(1, 9)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_short_with_solutions(path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "tools/notebooks.py", "--short", "--solutions", "--no-output", path.name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_with_the_outputs_of_a_whole_run(path: Path) -> None:
    for number, cell in enumerate(cells(path, "code"), 1):
        assert cell["execution_count"] == number, "not run from top to bottom in a clean kernel"
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", "".join(output["text"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_measured_figure_of_the_text_stands_in_the_code(path: Path) -> None:
    """A decimal with two digits or more is claimed or asserted by a cell; questions are exempt."""
    code = "\n".join(map(source, cells(path, "code"))).replace("_", "")
    known = {float(number) for number in re.findall(r"\d+\.\d+", code)}
    text = "\n".join(map(source, cells(path, "markdown")))
    text = re.sub(r"<details>.*?</details>|`[^`]*`", "", text, flags=re.DOTALL)
    text = re.sub(r"^\*\*(Predict|Exercise).*", "", text, flags=re.MULTILINE)
    unsupported = [x for x in FIGURE.findall(text) if float(x) not in known]
    assert not unsupported


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_code_shown_is_the_code_there_is(path: Path) -> None:
    files = [Path(m.__file__ or "") for m in (reference, evaluation)]
    real = {p.name: [line.strip() for line in p.read_text("utf-8").split("\n")] for p in files}
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            shown = "".join(output.get("data", {}).get("text/markdown", ""))
            found = re.fullmatch(r"\*.*/(\w+\.py)\*\n```python\n(.*)\n```", shown, re.DOTALL)
            if found:
                lines = [line.strip() for line in found[2].split("\n")]
                there = real[found[1]]
                starts = [i for i, line in enumerate(there) if line == lines[0]]
                assert any(there[i : i + len(lines)] == lines for i in starts), lines[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_has_what_a_session_needs(path: Path) -> None:
    text = "\n".join(map(source, cells(path, "markdown")))
    assert "Afterwards you can" in text
    assert text.count("**Predict") >= 4
    assert text.count("**Exercise") >= 2
    assert "## Exit question" in text
    assert text.count("<details>") == text.count("</details>") > text.count("**Exercise")


def test_an_open_answer_is_not_judged(
    checks: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def blank(x: float) -> None: ...

    for answer in (..., blank):
        assert not checks.check("3.2", answer)
    assert capsys.readouterr().out == "Exercise 3.2: not answered yet.\n" * 2


def test_a_table_of_27_rows_may_be_sampled_with_range_27(
    checks: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def follow(rows: Any, this: int) -> int:
        return random.choices(range(27), weights=rows[this])[0]

    assert checks.check("1.1", follow), capsys.readouterr().out


@pytest.mark.parametrize(
    ("guess", "measured", "says"),
    [
        (..., 0.5, "it: 0.5 (you made no guess)"),
        (0.25, 0.5, "it: 0.5; you said 0.25, off by 0.25"),
        ("0,25", 0.5, "it: 0.5; you said 0,25, off by 0.25"),
        ("20 %", 20.2, "it: 20.2; you said 20 %, off by 0.2"),
        ("2,973", 2973, "it: 2973; you said 2,973, off by 0"),
        ("many", 0.5, "it: 0.5; you said many, which is not a number"),
        (True, 0.5, "it: 0.5; you said True, which is not a number"),
        (None, 0.5, "it: 0.5; you said None, which is not a number"),
        ([1, 2], 0.5, "it: 0.5; you said [1, 2], which is not a number"),
        (10**400, 0.5, f"it: 0.5; you said 1{'0' * 59}…, which is not a number"),
        (float("nan"), 0.5, "it: 0.5; you said nan, which is not a number"),
        (False, False, "it: no; you said False: right"),
        ("Yes", False, "it: no; you said Yes: not in this case"),
        (" More ", "more", "it: more; you said More: right"),
        (3, "more", "it: more; you said 3: not in this case"),
    ],
)
def test_any_guess_is_answered_in_a_sentence(
    checks: ModuleType,
    capsys: pytest.CaptureFixture[str],
    guess: Any,
    measured: Any,
    says: str,
) -> None:
    checks.reveal("it", guess, measured)
    assert capsys.readouterr().out == f"{says}\n"


@pytest.mark.parametrize("guess", ["a, b", ["b", "a"], 5, None, [["a"]], "a", ...])
def test_any_order_and_any_names_are_answered(
    checks: ModuleType, capsys: pytest.CaptureFixture[str], guess: Any
) -> None:
    checks.reveal_order(guess, {"a": 1.0, "b": 2.0})
    checks.reveal_names("they", guess, ["a", "b"])
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_guess_is_looked_at(path: Path) -> None:
    """What a learner writes down is compared with the truth by some later cell."""
    code = "\n".join(map(source, cells(path, "code")))
    text = "\n".join(map(source, cells(path, "markdown")))
    guesses = re.findall(r"^(my_\w+) = \.\.\.", code, re.MULTILINE)
    assert len(guesses) >= text.count("**Predict")
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    reveals = [call for call in calls if ast.unparse(call.func).startswith("checks.reveal")]
    looked_at = re.findall(r"\bmy_\w+", "\n".join(map(ast.unparse, reveals)))
    assert sorted(guesses) == sorted(looked_at)


@pytest.mark.parametrize(
    ("number", "answer", "context", "hint"),
    [
        ("1.2", 2.0**2.2, (2.2,), "base is e"),
        ("1.2", "nine", (2.2,), "a number is wanted"),
        ("1.1", lambda rows, this: [0], (), "return one id"),
        ("2.1", lambda documents: sorted(documents), (), "but it should be"),
        ("2.2", 6, (), "BOS"),
        ("3.1", lambda a, b: (1.0, 2.0), (), "three numbers"),
        ("3.2", lambda v: math.tanh(v.data), (), "return a Value"),
        ("4.1", lambda v, e, t, n: v * e, (), "parameters"),
        ("4.2", lambda q, k, v: 1 / 0, (), "ZeroDivisionError"),
        ("5.1", lambda p: sum(math.log(x) for x in p) / len(p), (), "sign"),
        ("5.3", math.log(27), (), "vocabulary"),
        ("6.1", lambda probs, t: probs**t / (probs**t).sum(), (), "wrong way round"),
        ("7.3", "bigrams", (), "last token"),
        ("8.1", 1000, (), "with the cache"),
    ],
)
def test_a_wrong_answer_gets_its_hint(
    checks: ModuleType,
    capsys: pytest.CaptureFixture[str],
    number: str,
    answer: Any,
    context: tuple[Any, ...],
    hint: str,
) -> None:
    assert not checks.check(number, answer, *context)
    assert hint in capsys.readouterr().out


def test_a_claim_that_is_off_stops_a_full_run() -> None:
    pytest.importorskip("IPython")
    script = "from study import claim; claim(2.3, 2.5, 0.1)"
    for short, status in (("0", 1), ("1", 0)):
        env = {**os.environ, "GLASSGPT_SHORT": short, "PYTHONPATH": str(ROOT / "src")}
        run = subprocess.run([sys.executable, "-c", script], cwd=FOLDER, env=env, check=False,
                             capture_output=True, text=True)  # fmt: skip
        assert run.returncode == status
        assert status == 0 or "the text says 2.5, this run measures 2.3" in run.stderr


def test_the_article_is_its_template_with_figures_put_in() -> None:
    template = (ROOT / "docs" / "article" / "template.md").read_text(encoding="utf-8")
    pattern = re.sub(r"\\{\w+\\}", ".+?", re.escape(template))
    article = (ROOT / "docs" / "article.md").read_text(encoding="utf-8")
    assert re.fullmatch(pattern, article), "run tools/article.py"
    for picture in re.findall(r"\]\((article/\w+\.png)\)", article):
        assert (ROOT / "docs" / picture).is_file()
