"""The compiled kernel: which builds of it are here, which of them this processor can run."""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable
from ctypes import POINTER, c_double, c_int, c_int32, c_void_p
from pathlib import Path
from typing import Any

from glassgpt.engines.native import build as _build

LEVELS = tuple(_build.LEVELS[_build.machine()])
"""Instruction-set levels of this kind of machine, lowest first."""

PATIENCE = 0.02
"""Seconds: a call that may take longer runs beside the main thread, which waits for Ctrl-C."""


def levels(dtype: str = "float64") -> list[str]:
    """The levels that are compiled and that this processor can run, lowest first."""
    present = [level for level in LEVELS if _path(level, dtype).exists()]
    if not present:
        return []
    # The lowest runs everywhere, and knows how to ask the processor for more.
    can: int = load(present[0], dtype).glass_cpu_level()
    return [level for level in present if LEVELS.index(level) <= can]


def unavailable() -> str | None:
    """Why there is no native engine, in a few words; None where there is one."""
    try:
        if levels():
            return None
        built = any(_build.LIB.glob("kernel-*"))
        return f"the kernel is {'compiled from other sources' if built else 'not compiled'}"
    except OSError as error:
        return f"the kernel cannot be loaded: {error}"


def available() -> bool:
    return unavailable() is None


@functools.cache
def load(level: str, dtype: str) -> ctypes.CDLL:
    """One build of the kernel, with the types of its functions declared."""
    library = ctypes.CDLL(str(_path(level, dtype)))
    p, i, d = c_void_p, c_int, c_double
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "glass_cpu_level": (i, []),
        "glass_create": (p, [i] * 5),
        "glass_free": (None, [p]),
        "glass_import": (None, [p, p, p, p, i]),
        "glass_export": (i, [p, p, p, p]),
        "glass_train": (i, [p, p, p, i, i, p, d, d, d, p, i, POINTER(c_int32)]),
        "glass_loss_and_grads": (i, [p, p, p, i, POINTER(d), p]),
        "glass_surprises": (i, [p, p, p, i, p]),
        "glass_session": (p, [p]),
        "glass_session_free": (None, [p]),
        "glass_feed": (None, [p, i, p]),
        "glass_generate": (i, [p, p, i, i, i, d, i, p, i, p, p, p, POINTER(i)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def interruptible(call: Callable[[Any], int]) -> int:
    """Run a long call so that Ctrl-C ends it: in a thread, while this one can hear signals.

    On an exception here the kernel is told to stop, which it does between two passes over a few
    documents; the updates made so far are kept.
    """
    stop, result, working = c_int32(0), [0], threading.Lock()

    def run() -> None:
        with working:
            if not stop.value:
                result[0] = call(ctypes.byref(stop))

    thread = threading.Thread(target=run)
    try:
        thread.start()  # it may be running although Ctrl-C comes before `start` returns
        while thread.is_alive():
            thread.join(PATIENCE)
    except BaseException:
        stop.value = 1
        with working:  # the kernel has returned, or will not be called
            raise
    return result[0]


def _path(level: str, dtype: str) -> Path:
    return _build.LIB / _build.library_name(level, dtype)
