"""Fetch a data set once into the user's cache directory, checked against its sha256."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import platformdirs

from glassgpt.datasets.registry import REGISTRY, Entry
from glassgpt.errors import DataError
from glassgpt.files.atomic import write_atomically

TIMEOUT_SECONDS = 10.0
MAX_BYTES = 100_000_000


def cache_path(entry: Entry) -> Path:
    return Path(platformdirs.user_cache_dir("glassgpt")) / f"{entry.name}.txt"


def fetch(entry: Entry, progress: Callable[[int, int], None] | None = None) -> Path:
    """The path of the cached file, downloaded first where it is not there or not intact.

    Raises DataError where the network or the checksum fails; a file is never left half written.
    """
    path = cache_path(entry)
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256:
            return path
    except OSError:
        pass  # not there yet
    from http.client import HTTPException  # slow to load, and nearly always the file is there
    from urllib.error import HTTPError, URLError

    try:
        raw = _download(entry.url, progress)
    except (OSError, URLError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()  # it holds the connection
        reason = getattr(error, "reason", None) or error
        bundled = ", ".join(e.name for e in REGISTRY.values() if not e.url)
        raise DataError(
            f"cannot download {entry.url} ({reason}); without a network use a bundled data set "
            f"({bundled}) or the path of a file of your own"
        ) from None
    found = hashlib.sha256(raw).hexdigest()
    if found != entry.sha256:
        raise DataError(
            f"{entry.url} has sha256 {found}, not {entry.sha256}: the download was discarded"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, raw)
    except OSError as error:
        raise DataError(f"cannot keep the download in {path}: {error.strerror}") from None
    return path


def _download(url: str, progress: Callable[[int, int], None] | None) -> bytes:
    import urllib.request

    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        total = int(response.headers.get("Content-Length") or 0)
        raw = bytearray()
        while part := response.read(1 << 14):
            raw += part
            if len(raw) > MAX_BYTES:
                raise ValueError(f"more than {MAX_BYTES:,} bytes")
            if progress:
                progress(len(raw), total)
        return bytes(raw)
