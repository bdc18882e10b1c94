"""The JSON and text files of a run directory: format, version, and a line for what is wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from glassgpt import __version__
from glassgpt.errors import GlassError, RunError
from glassgpt.files.atomic import read_regular, write_atomically

VERSION = 1
MAX_JSON_BYTES = 64 << 20
MAX_TEXT_BYTES = 1 << 30


class refusing:
    """Turn what is wrong with a file, or inside it, into a RunError that names the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise RunError(f"{self.path} is missing") from None
        if isinstance(error, OSError):
            raise RunError(f"cannot read {self.path}: {error.strerror}") from None
        if isinstance(error, KeyError):
            raise RunError(f"{self.path}: the key {error} is missing") from None
        if isinstance(error, GlassError | TypeError) and not isinstance(error, RunError):
            raise RunError(f"{self.path}: {error}") from None


def check_version(path: Path, version: object) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RunError(f"{path} has no valid version")
    if version > VERSION:
        raise RunError(
            f"{path} has version {version}; this glassgpt ({__version__}) reads up to {VERSION}: "
            "update it"
        )


def write_json(path: Path, value: dict[str, Any]) -> None:
    write_atomically(path, json_bytes(value))


def json_bytes(value: dict[str, Any]) -> bytes:
    # A file name that is not UTF-8 has surrogates; \udc80 is both Python's and JSON's way out.
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def read_text(path: Path, limit: int = MAX_TEXT_BYTES, sha256: str | None = None) -> str:
    """Raises RunError, also where a checksum is given and the file has another."""
    with refusing(path):
        raw = read_regular(path, limit)
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise RunError(f"{path} is damaged: its checksum is not the one in config.json")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RunError(f"{path} is damaged: it is not UTF-8") from None


def read_json(path: Path, kind: str, sha256: str | None = None) -> dict[str, Any]:
    text = read_text(path, MAX_JSON_BYTES, sha256)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}") from None
    if not isinstance(value, dict) or value.get("format") != kind:
        raise RunError(f"{path} is not a {kind} file")
    check_version(path, value.get("version"))
    return value
