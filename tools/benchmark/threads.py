"""How many threads PyTorch takes: a setting of the whole process, so it is put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmark.timing import Work


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let PyTorch share an operation on the processor among so many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_torch(work: Work) -> Work:
    """The same work, with as many threads in PyTorch as it says."""

    def prepare(times: int) -> Callable[[], object]:
        call = work.prepare(times)

        def limited() -> None:
            with torch_threads(work.threads):
                call()

        return limited

    return Work(prepare, work.units, work.threads)
