"""Files that are there whole or not at all, and files that are nothing but files."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

_NO_SURPRISES = (
    getattr(os, "O_NOFOLLOW", 0)  # a link is refused, wherever it leads
    | getattr(os, "O_NONBLOCK", 0)  # a pipe is refused, too, and not waited for
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def write_atomically(path: Path, content: bytes | Iterable[bytes | memoryview]) -> int:
    """Write a new file beside `path`, make sure it is on the disk, then put it in its place.

    Whoever reads `path` sees the old content or the new one, also after a crash. A link stays, and
    the file that it leads to is replaced. What is no file, such as /dev/null or a pipe, is written
    to and not replaced; so is /dev/stdout, wherever it leads. Raises OSError.

    Args:
        content: the whole of it, or parts that are written one after the other.

    Returns its size in bytes.
    """
    parts = [content] if isinstance(content, bytes) else content
    if is_stream(path):
        with path.open("ab") as file:  # not "wb": behind `>> file` stands what must not be lost
            return sum(file.write(part) for part in parts)
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_SURPRISES, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            size = sum(file.write(part) for part in parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
    return size


def sync_directory(path: Path) -> None:
    """Make sure that a rename in it has reached the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_stream(path: Path) -> bool:
    """Whether this is there to be written to, and never replaced: a device, a pipe, /dev/stdout."""
    descriptor = str(path) in ("/dev/stdout", "/dev/stderr") or os.path.realpath(
        path.parent
    ).startswith("/proc/")  # /dev/fd leads there
    return path.exists() and not path.is_dir() and (descriptor or not path.is_file())


def leftovers(directory: Path, name: str) -> list[Path]:
    """What `write_atomically` of this name left in the directory when it was killed."""
    return [
        path
        for path in directory.glob(f".{name}.*.tmp")
        if len(path.name) == len(f".{name}.12345678.tmp")
    ]


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """A file descriptor of a regular file; links, pipes and devices are refused.

    A directory from a stranger can hold them: a link to your diary, a pipe that never ends.
    Raises OSError.
    """
    try:
        handle = os.open(path, flags | _NO_SURPRISES, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a pipe or socket nobody reads
            raise _not_regular(path) from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _not_regular(path)
    return handle


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a regular file. Raises OSError, also where there are more than the limit."""
    with os.fdopen(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f"it is larger than {limit:,} bytes", str(path))
        return file.read(size)  # not limit: read() makes room for all that it is asked for


def _not_regular(path: Path) -> OSError:
    return OSError(errno.EINVAL, "it is a link or a device, not a regular file", str(path))
