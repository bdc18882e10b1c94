"""Load a server: thousands of requests, many at once, on the loopback only.

    python tools/load.py runs/english --requests 5000 --at-once 64

Starts `glassgpt serve` on a free port, asks a mixture of questions, and prints for each kind its
latencies, how many failed, and the server's memory. Exits with 1 if anything failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

QUESTIONS: list[tuple[str, float, str, str, Any, str]] = [
    # name, share, method, path, body, what to accept
    ("health", 0.10, "GET", "/health", None, "*/*"),
    ("model", 0.10, "GET", "/model", None, "*/*"),
    ("model.json", 0.05, "GET", "/model.json", None, "*/*"),
    ("page", 0.05, "GET", "/docs", None, "*/*"),
    ("tokenize", 0.10, "POST", "/tokenize", {"text": "{word}"}, "*/*"),
    ("trace", 0.15, "POST", "/trace", {"text": "{word}"}, "*/*"),
    ("generate 1", 0.20, "POST", "/generate", {"n": 1}, "*/*"),
    ("generate 10", 0.10, "POST", "/generate", {"n": 10}, "*/*"),
    ("with steps", 0.05, "POST", "/generate", {"n": 2, "steps": True}, "*/*"),
    ("as a stream", 0.10, "POST", "/generate", {"n": 2}, "text/event-stream"),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="a run directory")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--at-once", type=int, default=64)
    options = parser.parse_args()
    command = [sys.executable, "-m", "glassgpt", "serve", str(options.run), "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        first = server.stderr.readline()
        address = re.search(r"http://\S+?:\d+", first)
        if address is None:
            print(f"the server does not start: {first}", file=sys.stderr)
            return 1
        return asyncio.run(load(address[0], server.pid, options.requests, options.at_once))
    finally:
        server.send_signal(signal.SIGINT)
        stopping = time.perf_counter()
        server.wait(timeout=10)
        print(f"stopped within {time.perf_counter() - stopping:.2f} s")


async def load(base: str, pid: int, requests: int, at_once: int) -> int:
    chooser = random.Random(0)
    shares = [share for _, share, *_ in QUESTIONS]
    waiting = iter(chooser.choices(QUESTIONS, shares, k=requests))
    times: dict[str, list[float]] = defaultdict(list)
    failures: Counter[str] = Counter()
    host, port = base.removeprefix("http://").split(":")
    document = json.loads((await Connection(host, port).ask("GET", "/openapi.json"))[1])
    word = document["components"]["schemas"]["TraceRequest"]["examples"][0]["text"]

    async def client() -> None:
        connection = Connection(host, port)
        for number, (name, _, method, path, body, accept) in enumerate(waiting):
            sent = ""
            if body is not None:
                seed = {"seed": number} if path == "/generate" else {}
                sent = json.dumps(body | seed).replace("{word}", word)
            started = time.perf_counter()
            try:
                status, content = await connection.ask(method, path, sent, accept)
                if status != 200:
                    failures[f"{name}: {status} {content[:80]!r}"] += 1
                elif accept != "*/*" and b"event: end" not in content:
                    failures[f"{name}: the stream has no end"] += 1
            except (OSError, ValueError, asyncio.IncompleteReadError) as error:
                failures[f"{name}: {type(error).__name__} {error}"] += 1
                connection = Connection(host, port)
            times[name].append(time.perf_counter() - started)

    before, cpu, started = memory(pid), cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(at_once)))
    seconds, cpu = time.perf_counter() - started, cpu_seconds(pid) - cpu
    print(
        f"{requests:,} requests, {at_once} at once: {seconds:.1f} s, {requests / seconds:.0f} a s"
    )
    print(f"{'milliseconds':14}{'count':>7}{'median':>8}{'95 %':>8}{'99 %':>8}{'worst':>8}")
    for name, *_ in QUESTIONS:
        row = sorted(times[name])
        if row:
            at = [row[min(len(row) - 1, int(q * len(row)))] * 1000 for q in (0.5, 0.95, 0.99, 1)]
            print(f"{name:14}{len(row):7,}" + "".join(f"{x:8.1f}" for x in at))
    print(f"the server took {cpu / requests * 1000:.2f} ms of processor time a request")
    print(f"memory of the server: {before} MB before, {memory(pid)} MB after, {peak(pid)} MB peak")
    print(f"failures: {failures.total()}")
    for failure, count in failures.most_common(10):
        print(f"  {count} x {failure}")
    return 1 if failures else 0


class Connection:
    """A client as cheap as can be, so that the server is what is measured."""

    def __init__(self, host: str, port: str) -> None:
        self.host, self.port = host, int(port)
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, body: str = "", accept: str = "*/*"
    ) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        self.streams = self.streams or await asyncio.open_connection(self.host, self.port)
        reader, writer = self.streams
        content = body.encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: {accept}\r\n"
        if content:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        writer.write(head.encode() + b"\r\n" + content)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: (\d+)", answer)
        if length:
            return int(answer.split()[1]), await reader.readexactly(int(length[1]))
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append((await reader.readexactly(size + 2))[:-2])
        await reader.readline()
        return int(answer.split()[1]), b"".join(parts)


def memory(pid: int) -> str:
    return _status(pid, "VmRSS")


def peak(pid: int) -> str:
    return _status(pid, "VmHWM")


def cpu_seconds(pid: int) -> float:
    path = Path(f"/proc/{pid}/stat")
    if not path.exists():
        return math.nan  # not Linux
    user, system = path.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _status(pid: int, name: str) -> str:
    path = Path(f"/proc/{pid}/status")
    if not path.exists():
        return "?"  # not Linux
    found = re.search(rf"{name}:\s+(\d+) kB", path.read_text())
    return f"{int(found[1]) / 1024:.0f}" if found else "?"


if __name__ == "__main__":
    sys.exit(main())
