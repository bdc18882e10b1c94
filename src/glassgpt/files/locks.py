"""One writer at a time: a lock on a directory, released when its holder ends, however it ends.

Why not a package: docs/decisions/0004-our-own-lock.md.
"""

from __future__ import annotations

import errno
import os
import sys
import weakref
from pathlib import Path

from glassgpt.errors import RunError
from glassgpt.files.atomic import open_regular

NAME = ".lock"
_HELD_ELSEWHERE = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class RunLock:
    """Held from construction until `release`, or until the process is no more, however it ends.

    The system keeps the lock, not the file, so a file that a kill leaves behind locks nothing.
    Where the file system has no locks (some network ones), `held` is False and nobody is refused.
    """

    def __init__(self, directory: Path) -> None:
        """Raises RunError if somebody else holds it, OSError if the directory is not writable."""
        path = directory / NAME
        while True:
            handle = open_regular(path, os.O_RDWR | os.O_CREAT)
            try:
                _lock(handle)
                self.held = True
            except OSError as error:
                if error.errno in _HELD_ELSEWHERE:
                    os.close(handle)
                    raise RunError(
                        f"{directory} is in use: another glassgpt is training there; "
                        "wait for it, stop it, or choose another directory"
                    ) from None
                self.held = False
            if not self.held or _same_file(handle, path):
                break
            os.close(handle)  # its holder has just removed it; lock the file that is there now
        self._close = weakref.finalize(self, os.close, handle)

    def release(self) -> None:
        self._close()


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
