"""A directory that is there whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glassgpt.errors import RunError
from glassgpt.files.locks import NAME as LOCK
from glassgpt.files.locks import RunLock


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """A directory to fill beside the target, which takes its name when all went well.

    However it ends, by an error, Ctrl-C or a crash, the target is whole or not there. What a kill
    leaves behind is removed by the next call for the same target. Raises RunError where the
    target is there already or another process is making it, OSError where the disk refuses.
    """
    _refuse_existing(target)
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    _clean(target)
    with _writing(target):
        work = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        work.mkdir()
    try:
        with _writing(target):
            lock = RunLock(work)
            yield work
            for path in work.iterdir():
                _sync(path)
            _sync(work)
            lock.release()
            (work / LOCK).unlink()
            _refuse_existing(target)  # somebody may have been faster
            work.rename(target)
            _sync(target.parent)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _refuse_existing(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise RunError(f"{target} already exists; remove it or choose another directory")


def _clean(target: Path) -> None:
    """Remove what former calls left, known by the lock that nobody holds any more."""
    pattern = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.tmp")
    for path in target.parent.iterdir():
        if pattern.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            try:
                RunLock(path).release()
            except RunError:
                raise RunError(f"{target} is being prepared by another glassgpt") from None
            except OSError:
                continue  # not ours
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(f"cannot write {target}: {error.strerror or error}") from None


def _sync(path: Path) -> None:
    """Make sure that it is on the disk; a directory only where the system can."""
    if path.is_dir() and os.name != "posix":
        return
    with suppress(PermissionError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
