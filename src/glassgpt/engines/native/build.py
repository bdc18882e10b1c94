"""Compile kernel.c: every instruction-set level of this machine, in float64 and float32.

    python src/glassgpt/engines/native/build.py

The build hook runs this too, straight from the source tree, so it needs nothing but the standard
library. The libraries go to `engines/native/lib/`; `library.py` picks one of them at load time. The
name of each has a fingerprint of the sources and of this file, so that one built from others is not
taken.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "kernel.c"
LIB = HERE / "lib"

DTYPES = {"float64": [], "float32": ["-DGLASS_FLOAT32"]}

LEVELS: dict[str, dict[str, list[str]]] = {
    "x86_64": {
        "x86-64-v2": ["-march=x86-64-v2", "-DVECTOR_BYTES=16", "-DTILE_ROWS=4"],
        "x86-64-v3": ["-march=x86-64-v3", "-DVECTOR_BYTES=32", "-DTILE_ROWS=4"],
        "x86-64-v4": [
            "-march=x86-64-v4",
            "-mprefer-vector-width=512",
            "-DVECTOR_BYTES=64",
            "-DTILE_ROWS=8",
        ],
    },
    "arm64": {"arm64": ["-DVECTOR_BYTES=16", "-DTILE_ROWS=8"]},
    "other": {"generic": ["-DVECTOR_BYTES=16", "-DTILE_ROWS=4"]},
}
"""For each kind of machine its levels, lowest first, with the size of their vectors and tiles."""

# Multiplications and additions may be fused (more exact, not less), and nobody asks for errno,
# floating-point traps or the sign of a zero. Infinities, NaN and the order of additions are kept.
FLAGS = [
    "-std=gnu11",
    "-O3",
    "-shared",
    "-fvisibility=hidden",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-ffp-contract=fast",
]


def machine(name: str = "") -> str:
    """The key of LEVELS for a machine as `platform.machine()` names it (default: this one)."""
    name = (name or platform.machine()).lower()
    return {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}.get(
        name, "other"
    )


@functools.cache
def fingerprint() -> str:
    """Of all that decides what a library does: the sources, and how they are compiled."""
    parts = [SOURCE, *sorted((HERE / "kernel").glob("*.h")), Path(__file__)]
    return hashlib.sha256(b"\0".join(part.read_bytes() for part in parts)).hexdigest()[:12]


def library_name(level: str, dtype: str, system: str = "") -> str:
    """File name of one library, e.g. `kernel-x86-64-v3-float32-1f0c6a92b7d4.so`."""
    suffix = {"Windows": "dll", "Darwin": "dylib"}.get(system or platform.system(), "so")
    return f"kernel-{level}-{dtype}-{fingerprint()}.{suffix}"


def find_compiler() -> list[str] | None:
    """The command of a C compiler: `$CC`, or the first of cc, gcc, clang that is there."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    found = next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    return [found] if found else None


def build(
    out: Path = LIB,
    compiler: Sequence[str] | None = None,
    target_machine: str = "",
    system: str = "",
    extra: Sequence[str] = (),
    rename_levels: bool = False,
) -> tuple[list[Path], str]:
    """Compile what can be compiled, in parallel; the libraries, and why others are missing.

    A level that the compiler does not know is left out. The reason is empty if none is. For a
    compiler that writes x86_64_v2 where others write x86-64-v2, there is `rename_levels`.
    """
    compiler = compiler or find_compiler()
    if not compiler:
        return [], "there is no C compiler"
    system = system or platform.system()
    # Only Windows has code at any address without being told, and no such library for threads.
    link = [] if system == "Windows" else ["-fPIC", "-pthread"]
    out.mkdir(parents=True, exist_ok=True)

    def compile_one(level: str, dtype: str, flags: list[str]) -> tuple[Path | None, str]:
        path = out / library_name(level, dtype, system)
        new = path.with_name(
            f"{path.name}.{os.getpid()}"
        )  # so that a running process keeps the old one
        if rename_levels:
            flags = [re.sub(r"x86-64-(v\d)", r"x86_64_\1", flag) for flag in flags]
        command = [*compiler, *FLAGS, *link, *flags, *DTYPES[dtype], *extra]
        try:
            done = subprocess.run(
                [*command, str(SOURCE), "-o", str(new)], capture_output=True, text=True
            )
        except OSError as error:
            return None, str(error)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line]
            return None, f"{level}: {lines[0] if lines else done.stderr.strip() or 'no reason'}"
        new.replace(path)
        return path, ""

    levels = LEVELS[machine(target_machine)]
    jobs = [(level, dtype, flags) for level, flags in levels.items() for dtype in DTYPES]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda job: compile_one(*job), jobs))
    reasons = [reason for _, reason in results if reason]
    paths = [path for path, _ in results if path]
    if paths:
        for outdated in set(out.glob("kernel-*")) - set(paths):
            if fingerprint() not in outdated.name:
                with contextlib.suppress(OSError):  # Windows keeps what a process has loaded
                    outdated.unlink()
    return paths, reasons[0] if reasons else ""


def main() -> int:
    paths, reason = build()
    for path in paths:
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
    if reason:
        print(f"not everything could be compiled: {reason}", file=sys.stderr)
    return 0 if paths else 1


if __name__ == "__main__":
    sys.exit(main())
