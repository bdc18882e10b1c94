"""Wheels with the native kernel for six platforms, from one machine; and the pure-Python wheel.

    python tools/wheels.py [platform…]      # into dist/

Needs `hatchling` (as pyproject.toml pins it) and `ziglang` (tools/wheels.txt), a C compiler that
brings the headers and libraries of every platform. What this machine cannot run is built only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hatch_build import load_build_module  # noqa: E402

_build = load_build_module(ROOT)


@dataclass(frozen=True)
class Target:
    """A platform: the compiler's name for it, and Python's for its system and machine."""

    triple: str
    system: str
    machine: str


TARGETS = {
    "manylinux_2_17_x86_64": Target("x86_64-linux-gnu.2.17", "Linux", "x86_64"),
    "manylinux_2_17_aarch64": Target("aarch64-linux-gnu.2.17", "Linux", "aarch64"),
    "musllinux_1_2_x86_64": Target("x86_64-linux-musl", "Linux", "x86_64"),
    "macosx_11_0_x86_64": Target("x86_64-macos.11.0", "Darwin", "x86_64"),
    "macosx_11_0_arm64": Target("aarch64-macos.11.0", "Darwin", "arm64"),
    "win_amd64": Target("x86_64-windows-gnu", "Windows", "AMD64"),
}


def build_wheel(platform: str | None, lib: Path) -> None:
    """Run the build backend; `lib` holds the libraries for the platform (None: a pure wheel)."""
    settings = {"GLASSGPT_NO_KERNEL": "1"}
    if platform is not None:
        settings = {"GLASSGPT_WHEEL_PLATFORM": platform, "GLASSGPT_WHEEL_LIB": str(lib)}
    settings["GLASSGPT_NEED_SITE"] = "1"
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=True)


def main() -> None:
    names = sys.argv[1:] or list(TARGETS)
    for name in names:
        target = TARGETS[name]
        compiler = [sys.executable, "-m", "ziglang", "cc", "-target", target.triple]
        with tempfile.TemporaryDirectory() as folder:
            lib = Path(folder)
            libraries, reason = _build.build(
                lib, compiler, target.machine, target.system, extra=["-s"], rename_levels=True
            )
            if reason:
                sys.exit(f"{name}: {reason}")
            for path in lib.iterdir():
                if path not in libraries:
                    path.unlink()  # what the Windows linker leaves behind
            build_wheel(name, lib)
    if not sys.argv[1:]:
        build_wheel(None, ROOT)


if __name__ == "__main__":
    main()
