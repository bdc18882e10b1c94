"""A directory that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glassgpt.errors import RunError
from glassgpt.files.atomic import sync_directory
from glassgpt.files.locks import NAME as LOCK
from glassgpt.files.locks import RunLock


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """A directory to fill beside the target, which takes its name when all went well.

    However it ends, by an error, Ctrl-C or a crash, the target is whole or not there, if what is
    in it is made sure to be on the disk. What a kill leaves behind is removed by the next call for
    the same target. Raises RunError where the target is there already, another process is making
    it, or the disk refuses.
    """
    work = target.with_name(f".{target.name}.prepare.tmp")
    try:
        _refuse_existing(target)
        work.mkdir(parents=True, exist_ok=True)
        if work.is_symlink():
            raise RunError(f"{work} is a link; remove it")
        lock = _locked(work, target)
        try:
            for leftover in work.iterdir():
                if leftover.name != LOCK:
                    leftover.unlink()
            yield work
            _refuse_existing(target)  # somebody may have made something else of that name
            if os.name != "posix":
                lock.release()  # Windows renames no directory with an open file
            work.rename(target)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        finally:
            lock.release()
        (target / LOCK).unlink()
        sync_directory(target.parent)
    except OSError as error:
        raise RunError(f"cannot write {target}: {error.strerror or error}") from None


def _refuse_existing(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise RunError(f"{target} already exists; remove it or choose another directory")


def _locked(work: Path, target: Path) -> RunLock:
    try:
        return RunLock(work)
    except RunError:
        raise RunError(f"{target} is being prepared by another glassgpt") from None
