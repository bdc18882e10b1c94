"""Ctrl-C and SIGTERM as a polite request: finish the step, save, go. A second one goes at once."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from types import FrameType
from typing import Any, Self

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def swallowed_interrupts_return() -> None:
    """Raise a Ctrl-C again that struck where Python can only print and forget an exception.

    In a destructor, for instance, or in the end of a generator: Python calls `sys.unraisablehook`
    and goes on.
    """
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            # A moment later: raised in here, it would be swallowed once more.
            threading.Timer(0.01, _thread.interrupt_main).start()
        else:
            before(unraisable)

    sys.unraisablehook = hook


class Interrupts:
    """While entered, the first signal only sets a flag; the second raises KeyboardInterrupt.

    Args:
        patient: no signal does more than the first. torchrun hands on to its processes what the
            terminal has sent to them already; who will not wait for it has SIGKILL.
    """

    def __init__(self, patient: bool = False) -> None:
        self._patient = patient
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    def requested(self) -> bool:
        return self._received is not None

    @property
    def status(self) -> int:
        """The exit status by which a shell knows the signal: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self._received or signal.SIGINT)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # only it may set handlers
            for number in SIGNALS:
                before = signal.getsignal(number)
                # What is ignored stays so: SIGHUP under nohup, SIGINT in a script's background job.
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = before
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None and not self._patient:
            raise KeyboardInterrupt
        self._received = number
