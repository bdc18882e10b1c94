"""Downloading: checked, cached, never half there, and clear where there is no network."""

from __future__ import annotations

import dataclasses
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from glassgpt import datasets
from glassgpt.datasets import REGISTRY, Entry, download
from glassgpt.errors import DataError

CONTENT = b"".join(b"name%d\n" % i for i in range(5000))
Answer = Callable[[BaseHTTPRequestHandler], None]


def whole(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(CONTENT)))
    request.end_headers()
    request.wfile.write(CONTENT)


def cut_short(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(CONTENT)))
    request.end_headers()
    request.wfile.write(CONTENT[:1000])


def not_found(request: BaseHTTPRequestHandler) -> None:
    request.send_error(404)


def no_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


@dataclasses.dataclass
class Host:
    """A web server on this machine; counts what it was asked for."""

    answer: Answer = whole
    asked: int = 0
    url: str = ""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("no_proxy", "*")
    state = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked += 1
            state.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/names.txt"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache directory, not made yet."""
    path = tmp_path / "cache" / "glassgpt"
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda app: str(path.with_name(app)))
    return path


@pytest.fixture
def entry(host: Host) -> Entry:
    return dataclasses.replace(
        REGISTRY["names"], url=host.url, sha256=hashlib.sha256(CONTENT).hexdigest()
    )


def test_fetched_once_then_kept(host: Host, cache: Path, entry: Entry) -> None:
    seen: list[tuple[int, int]] = []
    path = download.fetch(entry, lambda done, total: seen.append((done, total)))
    assert path == cache / "names.txt"
    assert path.read_bytes() == CONTENT
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert len(seen) > 1
    assert {total for _, total in seen} == {seen[-1][0]} == {len(CONTENT)}
    assert download.fetch(entry) == path
    assert host.asked == 1


def test_load_fetches_by_name(
    host: Host, cache: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGISTRY, "names", entry)
    data = datasets.load("names")
    assert (data.name, len(data.documents), data.sha256) == ("names", 5000, entry.sha256)


def test_a_damaged_copy_is_fetched_anew(host: Host, cache: Path, entry: Entry) -> None:
    cache.mkdir(parents=True)
    (cache / "names.txt").write_bytes(CONTENT[:-1])
    assert download.fetch(entry).read_bytes() == CONTENT
    assert host.asked == 1


@pytest.mark.usefixtures("host")
def test_a_wrong_checksum_is_not_kept(cache: Path, entry: Entry) -> None:
    with pytest.raises(DataError, match=r"has sha256 [0-9a-f]{64}, not 00: the download was disc"):
        download.fetch(dataclasses.replace(entry, sha256="00"))
    assert not cache.exists()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (cut_short, "has sha256|IncompleteRead"),
        (not_found, "Not Found"),
        (no_http, "SSH"),
    ],
)
def test_a_bad_answer(host: Host, cache: Path, entry: Entry, answer: Answer, says: str) -> None:
    host.answer = answer
    with pytest.raises(DataError, match=says) as caught:
        download.fetch(entry)
    assert "\n" not in str(caught.value)
    assert not cache.exists()


def test_no_network_names_the_bundled_sets(cache: Path, entry: Entry) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(DataError) as caught:
            download.fetch(dataclasses.replace(entry, url=url))
    assert str(caught.value).startswith(f"cannot download {url} (")
    assert str(caught.value).endswith(
        "refused); without a network use a bundled data set (english, hindi, startups, ten) "
        "or the path of a file of your own"
    )
    assert not cache.exists()


def test_a_host_that_never_answers(
    host: Host, cache: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    host.answer = lambda _: over.wait(2)  # type: ignore[assignment,return-value]
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.1)
    try:
        with pytest.raises(DataError, match="timed out"):
            download.fetch(entry)
    finally:
        over.set()
    assert not cache.exists()


def test_too_much_is_refused(
    host: Host, cache: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="more than 100 bytes"):
        download.fetch(entry)
    assert not cache.exists()


@pytest.mark.usefixtures("host")
def test_a_cache_that_cannot_be_written(cache: Path, entry: Entry) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file in the way")
    with pytest.raises(DataError, match=r"^cannot keep the download in .*: File exists$"):
        download.fetch(entry)
