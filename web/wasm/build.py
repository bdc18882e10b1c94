"""Compile kernel.c to WebAssembly with SIMD: dist/kernel-float64.wasm and dist/kernel-float32.wasm.

    python web/wasm/build.py

Needs `ziglang` from the Python package index (tools/wheels.txt pins it): a C compiler that brings
the few library functions that the kernel uses (malloc, memset, memcpy), so that the module imports
nothing at all.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1] / "src/glassgpt/engines/native"
DIST = HERE / "dist"

FLAGS = [
    *("-target", "wasm32-wasi", "-mexec-model=reactor", "-msimd128"),
    *("-std=gnu11", "-O3", "-fvisibility=hidden"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros"),
    *("-DGLASS_NO_THREADS", "-DVECTOR_BYTES=16", "-DTILE_ROWS=4"),
    *("-Wl,--export-dynamic", "-Wl,--export=malloc", "-Wl,--export=free", "-Wl,--strip-all"),
]


def main() -> None:
    DIST.mkdir(exist_ok=True)
    for dtype, define in (("float64", []), ("float32", ["-DGLASS_FLOAT32"])):
        out = DIST / f"kernel-{dtype}.wasm"
        compiler = [sys.executable, "-m", "ziglang", "cc"]
        source = str(NATIVE / "kernel.c")
        subprocess.run([*compiler, *FLAGS, *define, source, "-o", str(out)], check=True)
        out.chmod(0o644)
        print(f"{out.relative_to(HERE.parents[1])}  {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
