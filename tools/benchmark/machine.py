"""What the timings were taken on, and how busy it was."""

from __future__ import annotations

import os
import sys
from typing import Any

BLAS_VARIABLES = (
    "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip


def one_blas_thread() -> None:
    """Let matrix products in NumPy use one thread; only heard before NumPy is loaded."""
    for name in BLAS_VARIABLES:
        os.environ.setdefault(name, "1")


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """As `glassgpt bench` says it."""
    from glassgpt import benchmark

    return benchmark.machine() | {"cores": cores()}
