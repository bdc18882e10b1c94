"""Reading a list: an honest report of what is in it, one clear line where it cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import datasets
from glassgpt.datasets import Report, loader, read_documents
from glassgpt.errors import DataError


def test_a_plain_file() -> None:
    documents, report = read_documents(b"emma\nava\n", "list")
    assert documents == ["emma", "ava"]
    assert report == Report(
        lines=2, empty=0, duplicates=0, characters=4, longest=4, bom=False, crlf=False
    )


def test_everything_odd_is_reported() -> None:
    raw = b"\xef\xbb\xbf" + "emma\r\n\r\n  ava\t\r\nemma\r\n \r\nemma\r\nmía".encode()
    documents, report = read_documents(raw, "list", "nfd")
    assert documents == ["emma", "ava", "emma", "emma", "mi\u0301a"]
    assert report == Report(
        lines=7, empty=2, duplicates=2, characters=6, longest=4, bom=True, crlf=True
    )


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=8),
        min_size=2,
    ).filter(lambda lines: sum(map(bool, lines)) >= 2),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
    st.booleans(),
)
def test_the_report_counts_right(lines: list[str], end: str, bom: str, ended: bool) -> None:
    if lines[0].startswith("\ufeff"):
        return  # a BOM of its own
    raw = (bom + end.join(lines) + end * ended).encode()
    documents, report = read_documents(raw, "list")
    assert documents == [line for line in lines if line]
    # Without a line end after it, an empty last line is not a line at all.
    assert report.lines == len(lines) - (not ended and lines[-1] == "")
    assert report.lines == report.empty + len(documents)
    assert report.duplicates == len(documents) - len(set(documents))
    assert report.longest == max(map(len, documents))
    assert (report.bom, report.crlf) == (bool(bom), end == "\r\n" and end in raw.decode())


def test_over_long_counts_documents_whose_end_is_never_seen() -> None:
    documents, report = read_documents(b"abc\nabcd\nabcde\n", "list")
    counts = [report.over_long(documents, block_size) for block_size in (3, 4, 5, 6, 7)]
    assert counts == [3, 2, 1, 0, 0]  # "abc" has four predictions: a, b, c and BOS


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "list has no text at all; it must have at least two non-empty lines"),
        (b"\xef\xbb\xbf", "list has no text at all; it must have at least two non-empty lines"),
        (b"\n\r\n \t\n", "list has no documents; it must have at least two non-empty lines"),
        (b"\nemma\n", "list has only one document; it must have at least two non-empty lines"),
        (b"emma\nav\0a\n", "list, line 2: a zero byte; this is a binary file, not a list"),
        (b"\x89PNG\r\n\x1a\n\0\0", "list, line 3: a zero byte; this is a binary file, not a list"),
        ("emma\nava\n".encode("utf-16"), "list is UTF-16; save it as UTF-8"),
        (b"\xfe\xff\0e\0m", "list is UTF-16; save it as UTF-8"),
        (
            "emma\nzoë\n".encode("latin-1"),
            "list, line 2: not UTF-8 (byte 0xeb); save the file as UTF-8",
        ),
        (b"emma\nava\n\xe0\xa4", "list, line 3: not UTF-8 (byte 0xe0); save the file as UTF-8"),
        (
            b"emma\n\nav\x1ba\n",
            "list, line 3: control character '\\x1b' (U+001B unnamed); "
            "a document must be plain text",
        ),
        (
            b"emma\nava\t3\nmia\t4\n",
            "list, line 2: control character U+0009, a tab; a document must be plain text",
        ),
        (
            b"emma\rava\rmia\nzoe",
            "list, line 1: control character '\\r' (U+000D unnamed); a document must be plain text",
        ),
        (
            b"emma\n" + b"a" * 1_000_001,
            "list, line 2: 1,000,001 bytes long; a document is one line of at most 1,000,000 bytes",
        ),
    ],
    ids=lambda x: repr(x)[:20],
)
def test_what_is_not_a_list(raw: bytes, says: str) -> None:
    with pytest.raises(DataError) as caught:
        read_documents(raw, "list")
    assert str(caught.value) == says
    assert caught.value.exit_code == 2


def test_a_line_of_a_million_bytes_is_still_a_line() -> None:
    documents, _ = read_documents(b"a" * 1_000_000 + b"\nb\n", "list")
    assert len(documents[0]) == 1_000_000


# --- paths ----------------------------------------------------------------------------------------


def test_a_path_that_is_not_there_names_the_sets() -> None:
    with pytest.raises(DataError) as caught:
        datasets.load("nmaes")
    assert str(caught.value) == (
        "there is no file 'nmaes' and no data set of that name; did you mean names?"
    )
    with pytest.raises(DataError) as caught:
        datasets.load("zzz.txt")
    assert str(caught.value) == (
        "there is no file 'zzz.txt' and no data set of that name; "
        "there are the data sets english, hindi, startups, ten and names"
    )


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"is a directory; it must be a text file, one item per line"
    ):
        datasets.load(str(tmp_path))


@pytest.mark.parametrize("source", ["a\0b", "a" * 5000, ""])
def test_an_impossible_path(source: str) -> None:
    with pytest.raises(DataError) as caught:
        datasets.load(source)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:  # chmod would not stop root
        raise PermissionError(13, "Permission denied")

    (tmp_path / "list.txt").write_text("emma\nava\n")
    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(DataError, match=r"^cannot read '.*list\.txt': Permission denied$"):
        datasets.load(str(tmp_path / "list.txt"))


def test_a_file_too_large_is_refused_before_it_is_all_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loader.MAX_FILE_BYTES == 2**30
    monkeypatch.setattr(loader, "MAX_FILE_BYTES", 9)
    path = tmp_path / "list.txt"
    path.write_bytes(b"emma\nava\n")
    assert datasets.load(str(path)).documents == ["emma", "ava"]
    path.write_bytes(b"emma\nava\n\n")
    with pytest.raises(DataError, match=r"list\.txt is larger than 9 bytes, the most a list may"):
        datasets.load(str(path))
