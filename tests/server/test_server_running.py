"""A real server: streams, clients that leave, stopping, and the commands that start it."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from glassgpt.server import limits
from glassgpt.server.running import address
from glassgpt.server.work import Pool
from serving import STREAM, app, events, served, wait_until

LONG = {"documents": ["emma", "olivia"], "steps": 10_000, "n_embd": 64, "n_layer": 4}


def test_a_stream_comes_piece_by_piece() -> None:
    with served() as (client, _), client.stream("POST", "/train", json=LONG) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "event: start"
        assert "event: steps" in lines  # long before the end
    # and leaving is all it takes to stop it


def test_generate_streams_over_a_real_connection() -> None:
    with served() as (client, _):
        body = {"n": 20, "seed": 5}
        with client.stream("POST", "/generate", json=body, headers=STREAM) as answer:
            answer.read()
        texts = [data["text"] for name, data in events(answer.text) if name == "sample"]
        whole = client.post("/generate", json=body).json()
    assert texts == [sample["text"] for sample in whole["samples"]]


def test_one_training_at_a_time_until_its_client_leaves() -> None:
    pool = Pool()
    with served(pool=pool) as (client, _):
        with client.stream("POST", "/train", json=LONG) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "event: start"
            refused = client.post("/train", json=LONG)
            assert refused.status_code == 409
            assert "already" in refused.json()["error"]
            assert pool.jobs == 1
        wait_until(lambda: pool.jobs == 0)
        short = client.post("/train", json={"documents": ["ab", "ba"], "steps": 5})
        assert events(short.text)[-1][0] == "end"


def test_others_are_answered_during_a_training() -> None:
    with served() as (client, _), client.stream("POST", "/train", json=LONG) as answer:
        lines = answer.iter_lines()  # kept, for the client leaves when it is forgotten
        assert next(lines) == "event: start"
        assert client.get("/health").json()["jobs"] == 1
        assert client.post("/generate", json={"n": 1}).status_code == 200


def test_no_thread_is_kept_by_those_who_do_not_read() -> None:
    pool = Pool(workers=1)
    with served(pool=pool) as (client, _):
        port = client.base_url.port
        body = b'{"n": 100, "steps": true}'
        head = (
            b"POST /generate HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        for connection in idle:
            connection.sendall(head + body)
        wait_until(lambda: pool.jobs > 0)
        assert client.post("/generate", json={"n": 1}).status_code == 200
        for connection in idle:
            connection.close()
        wait_until(lambda: pool.jobs == 0)


def test_nothing_more_is_computed_for_those_who_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SLICE_SECONDS", 0.0)
    left = iter([{"type": "http.request", "body": b'{"n": 100}', "more_body": False}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(left, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/generate", "headers": headers}
    scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http"}
    asyncio.run(app()(scope, receive, send))
    assert sent[0]["status"] == 503  # which nobody gets to see


def test_stopping_ends_the_streams() -> None:
    with served() as (client, server), client.stream("POST", "/train", json=LONG) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: start"
        server.stop()
        stopping = time.monotonic()
        assert '"the server is stopping"' in [*lines][-2]
        assert time.monotonic() - stopping < 2


# --- the commands ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "ten"
    command = ("train", "ten", "--steps", "20", "-o", str(path))
    assert glassgpt(*command).returncode == 0
    return path


def glassgpt(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glassgpt", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd)


@contextmanager
def started(*arguments: str) -> Iterator[tuple[str, Any]]:
    """The address of a server that runs as a command, and its process."""
    command = [sys.executable, "-m", "glassgpt", *arguments, "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+:\d+", line)
        assert found, line
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


def test_the_command_serves_and_stops_on_ctrl_c_with_a_stream_open(run: Path) -> None:
    with started("serve", str(run)) as (base, process), httpx.Client(base_url=base) as client:
        assert client.get("/model").json()["figures"]["step"] == 20
        with client.stream("POST", "/train", json=LONG) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "event: start"
            stopping = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
            assert time.monotonic() - stopping < 2
        rest = process.stderr.read()
        assert rest.splitlines()[-1] == "stopped"
        assert "Traceback" not in rest


def test_a_port_in_use_is_one_line(run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = glassgpt("serve", str(run), "--port", str(port))
    assert result.returncode == 1
    assert result.stderr == (
        f"glassgpt: cannot listen at 127.0.0.1 port {port}: Address already in use; "
        "try another --port\n"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["serve", "nowhere"], 1, "there is no run 'nowhere'"),
        (["serve"], 1, "there is no run in runs/ yet; make one with: glassgpt train"),
        (["explore"], 1, "there is no run in runs/ yet; make one with: glassgpt train"),
        (["serve", "{run}", "{run}"], 2, "two runs have the name 'ten'; rename one of them"),
        (["serve", "{run}", "--host", "no.such.host.invalid"], 1, "this machine has no address"),
        (["serve", "{run}", "--port", "70000"], 2, "Invalid value for '--port'"),
        (["serve", "{run}", "--cors-origin", "example.org"], 2, "like https://example.org"),
    ],
)
def test_what_goes_wrong_is_one_line(
    run: Path, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    result = glassgpt(*(a.replace("{run}", str(run)) for a in arguments), cwd=tmp_path)
    assert result.returncode == status
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert says in result.stderr


def test_addresses_as_a_browser_would_call_them() -> None:
    assert address("127.0.0.1", 80) == "http://127.0.0.1:80/"
    assert address("0.0.0.0", 8000) == "http://127.0.0.1:8000/"
    assert address("::1", 8000) == "http://[::1]:8000/"
