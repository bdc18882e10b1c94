"""Execute the notebooks from a clean kernel, and make a printable page of each.

    python tools/notebooks.py                    # all: executed copies and HTML in build/notebooks
    python tools/notebooks.py --in-place 03      # write the outputs of one into notebooks/
    python tools/notebooks.py --short --solutions --no-output 03     # what the tests do

--short sets GLASSGPT_SHORT=1 (fewer steps and seeds). --solutions puts each hidden solution to the
check of its exercise. No network is needed, and the HTML asks for none.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
SOLUTION = re.compile(r"<details>.*?```python\n(.*?)```.*?</details>", re.DOTALL)
CHECK = re.compile(r"^(checks\.check\(.*\));?$", re.MULTILINE)

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>
<body>{body}</body></html>
"""
STYLE = """
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #121212; background: #fff;
  font: 1rem/1.55 Outfit, "Helvetica Neue", Arial, sans-serif; }
h1 { border-bottom: 4px solid #121212; font-weight: 900; } h2 { margin-top: 2.5rem; }
a { color: #1040c0; } .anchor-link, .prompt, .jp-InputPrompt, .jp-OutputPrompt { display: none; }
pre { border-left: 4px solid #1040c0; padding: .6rem .8rem; background: #f0f0f0;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .82rem; line-height: 1.4; }
.jp-OutputArea pre, .output_area pre { border-color: #f0c020; background: #fff; }
.jp-OutputArea .highlight pre, .output_area .highlight pre { background: #f0f0f0; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem; }
th, td { border-bottom: 2px solid #121212; padding: .25rem .7rem; text-align: left; }
details { border: 2px solid #121212; padding: .4rem .8rem; margin: 1rem 0; }
summary { cursor: pointer; font-weight: 700; } img { max-width: 100%; }
blockquote { border-left: 8px solid #f0c020; margin-left: 0; padding: .1rem 1rem; }
.k, .kn, .kc, .ow { color: #d02020; } .s1, .s2, .sd { color: #1040c0; } .c1 { color: #606060; }
@media print { body { margin: 0; max-width: none; } pre, img, table { break-inside: avoid; } }
"""


def paths(numbers: list[str]) -> list[Path]:
    """The notebooks whose names start so; all of them without a number."""
    found = sorted(FOLDER.glob("[0-9]*.ipynb"))
    chosen = [p for p in found if not numbers or p.name.startswith(tuple(numbers))]
    if not chosen:
        sys.exit(f"no notebook starts with {' or '.join(numbers)}; there are: "
                 + ", ".join(p.stem for p in found))  # fmt: skip
    return chosen


def with_solutions(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """After each hidden solution a cell that runs it and demands that its check is content."""
    cells, checks = [], []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "code":
            checks += CHECK.findall(cell.source)
        for solution in SOLUTION.findall(cell.source) if cell.cell_type == "markdown" else []:
            tried = f"{solution}\nassert {checks.pop(0)}, 'the check refuses the solution'"
            cells.append(nbformat.v4.new_code_cell(tried))
    if checks:
        raise ValueError(f"an exercise has no solution: {checks}")
    notebook.cells = cells
    return notebook


def execute(notebook: nbformat.NotebookNode) -> None:
    """Run all cells in a fresh kernel, in the folder of the notebooks."""
    resources = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        resources=resources,
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    ).execute()
    # What differs from machine to machine without meaning anything stays out of the file.
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)


def printable(notebook: nbformat.NotebookNode, title: str) -> str:
    """One self-contained page: no script, nothing from elsewhere."""
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True)
    body, _ = exporter.from_notebook_node(notebook)
    body = re.sub(r"<script\b.*?</script>", "", body, flags=re.DOTALL)
    return PAGE.format(title=html.escape(title), style=STYLE, body=body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("number", nargs="*", help="such as 03; all where none is given")
    parser.add_argument("--short", action="store_true", help="fewer steps and seeds")
    parser.add_argument("--solutions", action="store_true", help="try the solutions as well")
    parser.add_argument("--in-place", action="store_true", help="write the outputs into notebooks/")
    parser.add_argument("--no-output", action="store_true", help="write nothing")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "notebooks")
    args = parser.parse_args()
    if args.in_place and (args.short or args.solutions):
        parser.error("what is committed comes from a full run without solutions")
    os.environ["GLASSGPT_SHORT"] = "1" if args.short else "0"
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    failed = []
    for path in paths(args.number):
        notebook = nbformat.read(path, as_version=4)
        if args.solutions:
            notebook = with_solutions(notebook)
        started = time.perf_counter()
        try:
            execute(notebook)
        except CellExecutionError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            failed.append(path.name)
            continue
        print(f"{path.name}  {time.perf_counter() - started:.1f} s", flush=True)
        if args.no_output:
            continue
        if args.in_place:
            nbformat.write(notebook, path)
        args.output.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, args.output / path.name)
        page = printable(notebook, path.stem.replace("_", " "))
        (args.output / f"{path.stem}.html").write_text(page, encoding="utf-8")
    if not args.no_output:
        print(f"pages in {args.output}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
