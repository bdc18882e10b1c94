"""Build hooks: the kernel is compiled into the wheel, the explorer taken along, the README adapted.

Without a compiler the kernel is left out; an explorer that is not built is said loudly, and
`GLASSGPT_NEED_SITE` makes it an error.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

NATIVE = Path("src/glassgpt/engines/native")
SITE = Path("src/glassgpt/site/index.html")
NO_SITE = f"{SITE.parent} is not built: what is made here has no explorer; run `make web` first"
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")


class KernelBuildHook(BuildHookInterface[Any]):
    """Adds `engines/native/lib/` to the wheel, and the platform's tag where it holds compiled code.

    `GLASSGPT_WHEEL_PLATFORM` and `GLASSGPT_WHEEL_LIB` name a platform and the folder of libraries
    compiled for it (tools/wheels.py sets them); `GLASSGPT_NO_KERNEL` asks for a pure wheel.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable" and not (Path(self.root) / SITE).is_file():
            if os.environ.get("GLASSGPT_NEED_SITE"):
                raise SystemExit(NO_SITE)
            self.app.display_warning(f"WARNING: {NO_SITE}")
        if self.target_name != "wheel" or os.environ.get("GLASSGPT_NO_KERNEL"):
            return
        lib = Path(self.root) / NATIVE / "lib"
        wheel_platform = os.environ.get("GLASSGPT_WHEEL_PLATFORM")
        if wheel_platform:
            libraries = sorted(Path(os.environ["GLASSGPT_WHEEL_LIB"]).iterdir())
        else:
            libraries, reason = load_build_module(Path(self.root)).build(lib)
            if not libraries:
                self.app.display_warning(
                    f"the native kernel was not compiled ({reason}); the numpy engine stands in"
                )
                return
            wheel_platform = this_platform()
        if version != "editable":  # an editable install finds them where they are
            for library in libraries:
                target = f"glassgpt/engines/native/lib/{library.name}"
                build_data["force_include"][str(library)] = target
        # Called through ctypes: one wheel serves every Python version.
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{wheel_platform}"


class ReadmeHook(MetadataHookInterface):
    """The README for an index page, where relative links lead nowhere.

    With a `Repository` among the project's URLs they lead there; without one only their text stays.
    """

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = index_page(text, metadata.get("urls", {}).get("Repository"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def index_page(text: str, repository: str | None) -> str:
    """The Markdown with absolute links, or with none where there is no address."""

    def replace(found: re.Match[str]) -> str:
        picture, words, path = found.groups()
        if repository is None:
            return "" if picture else words
        kind = "raw" if picture else "blob"
        return f"{picture}[{words}]({repository.rstrip('/')}/{kind}/HEAD/{path})"

    return LINK.sub(replace, text).replace("\n\n\n", "\n")


def this_platform() -> str:
    """The tag of this machine, e.g. linux_x86_64; of a universal Python on a Mac, only its part."""
    tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return tag.replace("universal2", os.uname().machine) if sys.platform == "darwin" else tag


def load_build_module(root: Path) -> ModuleType:
    """engines/native/build.py by its path, for the package itself needs NumPy to be imported."""
    spec = importlib.util.spec_from_file_location("_build", root / NATIVE / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
