"""Files are there whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from glassgpt.files.atomic import write_atomically

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_writes_and_replaces(tmp_path: Path) -> None:
    for content in (b"old", b"new\0content", b""):
        write_atomically(tmp_path / "model.bin", content)
        assert contents(tmp_path) == {"model.bin": content}


@pytest.mark.parametrize("fails", ["os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, error: BaseException
) -> None:
    path = tmp_path / "model.bin"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(fails, fail)
    with pytest.raises(type(error)):
        write_atomically(path, b"new")
    assert contents(tmp_path) == {"model.bin": b"old"}


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "model.bin", b"new")


def test_a_directory_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "model.bin").mkdir()
    with pytest.raises(OSError, match=r"model\.bin"):
        write_atomically(tmp_path / "model.bin", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@posix
@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    os.umask(mask)
    write_atomically(tmp_path / "model.bin", b"new")
    assert stat.S_IMODE((tmp_path / "model.bin").stat().st_mode) == mode
    assert os.umask(mask) == mask  # and it is what it was
