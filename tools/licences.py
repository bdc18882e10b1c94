"""Write docs/licences.md: what GlassGPT ships or needs, and under which licences.

From the metadata of the packages installed here, and from the web explorer's lock file.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEAD = """# Licences

Written by `make licences`; do not edit. GlassGPT itself, its data sets (but for the downloaded
`names`, MIT, of [makemore](https://github.com/karpathy/makemore)), its kernel and its explorer are
[MIT](../LICENSE). They use the following packages, which keep their own licences. The files of
Swagger UI that `fastapi-swagger` brings with it are Apache-2.0.

"""


def names(requirements: Iterable[str]) -> list[str]:
    """The packages that requirements name, without extras nobody asked for and other systems."""
    return [
        re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        for requirement in requirements
        if "extra ==" not in requirement and "Windows" not in requirement
    ]


def licence(package: Distribution) -> str:
    meta = package.metadata
    classifiers = [c for c in meta.get_all("Classifier") or [] if c.startswith("License :: ")]
    short = (meta.get("License") or "").strip().split("\n")[0]
    listed = " and ".join(c.rpartition(" :: ")[2] for c in classifiers)
    return str(meta.get("License-Expression") or listed or short or "see the package")


def home(package: Distribution) -> str:
    urls = dict(url.split(", ", 1) for url in package.metadata.get_all("Project-URL") or [])
    known = {key.lower(): url for key, url in urls.items()}
    ways = ("homepage", "source", "source code", "repository", "github", "changelog")
    found = next((known[way] for way in ways if way in known), package.metadata.get("Home-page"))
    return str(found or "")


def closure(wanted: list[str]) -> dict[str, Distribution]:
    """These packages and all that they need; what is not installed here is left out."""
    found: dict[str, Distribution] = {}
    while wanted:
        name = wanted.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = distribution(name)
        except PackageNotFoundError:
            print(f"{name} is not installed here and is left out", file=sys.stderr)
            continue
        wanted += names(found[key].requires or [])
    return dict(sorted(found.items()))


def python_rows(wanted: list[str]) -> list[str]:
    return [
        f"| {package.metadata['Name']} | {licence(package)} | {home(package)} |"
        for package in closure(wanted).values()
    ]


def web_rows() -> list[str]:
    """What `npm` puts into the explorer: everything in the lock file but development tools."""
    lock = ROOT / "web" / "package-lock.json"
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"] if lock.exists() else {}
    return [
        f"| {path.rpartition('node_modules/')[2]} | {facts.get('license', 'see the package')} | |"
        for path, facts in sorted(packages.items())
        if path and not facts.get("dev") and not facts.get("devOptional")
    ]


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = {"Needed by the `glassgpt` package": project["dependencies"]}
    for extra, wanted in project.get("optional-dependencies", {}).items():
        parts[f"Needed by `glassgpt[{extra}]`"] = wanted
    text = HEAD
    for title, wanted in parts.items():
        if rows := python_rows(names(wanted)):
            table = ["| package | licence | home |", "|---|---|---|", *rows]
            text += f"## {title}\n\n" + "\n".join(table) + "\n\n"
    if rows := web_rows():
        table = ["| package | licence | |", "|---|---|---|", *rows]
        text += "## Built into the explorer\n\n" + "\n".join(table) + "\n\n"
    (ROOT / "docs" / "licences.md").write_text(text.rstrip() + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
