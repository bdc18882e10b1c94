"""A bounded number of jobs that share a few threads by taking turns.

A job is an iterator: a thread takes items from it for SLICE_SECONDS, then the next job has its
turn. So a client that reads its stream slowly does not hold a thread, and a job whose client has
disconnected gets no further turn. Written here, because the thread pools of the libraries run a job
to its end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from glassgpt.server import limits
from glassgpt.server.errors import busy

T = TypeVar("T")


class Pool:
    def __init__(self, workers: int = limits.WORKERS, max_jobs: int = limits.MAX_JOBS) -> None:
        self.workers, self.max_jobs, self.jobs = workers, max_jobs, 0
        self.stopping = False
        """Set when the server is told to stop; streams then end by themselves."""
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="glassgpt")

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold a place in the queue. Raises ApiError (503) if all are taken."""
        if self.jobs >= self.max_jobs or self.stopping:
            stopping = "is stopping"
            raise busy(stopping if self.stopping else f"already has {self.jobs} jobs")
        self.jobs += 1
        try:
            yield
        finally:
            self.jobs -= 1

    async def run(self, function: Callable[[], T]) -> T:
        """The result of a function that takes about as long as a slice, or less."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def slices(self, items: Iterator[T]) -> AsyncIterator[list[T]]:
        """The items of an iterator, in a list for each slice of time."""
        more = True
        while more:
            batch, more = await self.run(lambda: _take(items))
            if batch:
                yield batch

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _take(items: Iterator[T]) -> tuple[list[T], bool]:
    """The items of one slice of time, at least one if any is left, and whether more may come."""
    taken, until = [], time.monotonic() + limits.SLICE_SECONDS
    for item in items:
        taken.append(item)
        if time.monotonic() >= until:
            return taken, True
    return taken, False
