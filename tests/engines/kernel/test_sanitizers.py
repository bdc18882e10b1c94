"""The kernel under AddressSanitizer and UndefinedBehaviorSanitizer, at every width of vectors."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-psabi"]
BUILD = ["gcc", "-std=gnu11", "-O1", "-g", "-fno-math-errno", *WARNINGS, *SANITIZERS]


def sanitizers_work(tmp: Path) -> bool:
    if not shutil.which("gcc"):
        return False
    (tmp / "empty.c").write_text("int main(void) { return 0; }\n")
    program = str(tmp / "empty")
    built = subprocess.run([*BUILD, str(tmp / "empty.c"), "-o", program], capture_output=True)
    return built.returncode == 0 and subprocess.run([program], capture_output=True).returncode == 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
def test_sweep_of_odd_sizes(vector_bytes: int, dtype: str, tmp_path: Path) -> None:
    if platform.machine() not in ("x86_64", "aarch64") or not sanitizers_work(tmp_path):
        pytest.skip("gcc has no sanitizers here")
    program = str(tmp_path / "sweep")
    # Vectors wider than the processor has are compiled to several of its own: all widths run.
    flags = [f"-DVECTOR_BYTES={vector_bytes}", f"-DTILE_ROWS={8 if vector_bytes == 64 else 4}"]
    flags += ["-DGLASS_FLOAT32"] if dtype == "float32" else []
    command = [*BUILD, *flags, str(HERE / "sweep.c"), "-o", program, "-pthread", "-lm"]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    done = subprocess.run(
        [program],
        capture_output=True,
        text=True,
        env={"ASAN_OPTIONS": "allocator_may_return_null=1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
