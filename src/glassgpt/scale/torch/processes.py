"""Several processes that train one model together, as torchrun starts them.

torchrun runs the same command in every process and tells each its place in the environment. All
of them read the same data and make the same steps; the first one decides, writes and speaks. What
they must agree on goes through `torch.distributed`, which is loaded only where there are several.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from glassgpt.errors import EngineError, GlassError, RunError


class LostProcessError(GlassError):
    """Another process of the same training has ended or cannot be reached."""


@dataclass(frozen=True, slots=True)
class Processes:
    """This process and its fellows; by itself where nobody has started more."""

    rank: int = 0
    """0 is the first process."""
    world: int = 1
    """How many there are, on all machines."""
    local_rank: int = 0
    """Among those on this machine: the number of the GPU that is ours."""
    local_world: int = 1
    """How many share this machine."""
    restarts: int = 0
    """How often torchrun has started all anew after a failure (--max-restarts)."""

    @property
    def first(self) -> bool:
        return self.rank == 0

    def agree(self, number: int) -> int:
        """What the first process says. Raises LostProcessError."""
        if self.world == 1:
            return number
        import torch
        import torch.distributed as dist

        said = torch.tensor(number, device=_meeting_place())
        with lost_process_noticed():
            dist.broadcast(said, 0)
        return int(said)

    def total(self, number: float) -> float:
        """The sum of what all say. Raises LostProcessError."""
        if self.world == 1:
            return number
        import torch
        import torch.distributed as dist

        total = torch.tensor(number, dtype=torch.float64, device=_meeting_place())
        with lost_process_noticed():
            dist.all_reduce(total)
        return float(total)

    def same(self, fingerprint: str, what: str) -> None:
        """Raise RunError in every process unless all have this fingerprint."""
        if self.world == 1:
            return
        import torch.distributed as dist

        found = [""] * self.world
        with lost_process_noticed():
            dist.all_gather_object(found, fingerprint)
        for rank, other in enumerate(found):
            if other != found[0]:
                raise RunError(
                    f"process {rank} has a different {what} from process 0: all must see the "
                    "same files, of the same version of glassgpt"
                )


def current() -> Processes:
    """Our place, from what torchrun has put into the environment. Raises EngineError."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:  # others use names as plain as RANK, too
        return Processes()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    try:
        rank, world, local_rank, local_world = (int(os.environ[name]) for name in names)
        restarts = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
        return Processes(rank, world, local_rank, local_world, restarts)
    except (KeyError, ValueError):
        raise EngineError(f"torchrun has not set {', '.join(names)} to numbers") from None


@contextmanager
def joined(processes: Processes, gpus: bool) -> Iterator[None]:
    """Find the others and, at the end, take leave of them.

    Args:
        gpus: speak through NCCL, between GPUs; else through Gloo.
    """
    if processes.world == 1:
        yield
        return
    import torch
    import torch.distributed as dist
    from torch.distributed.rendezvous import rendezvous

    if gpus:
        torch.cuda.set_device(processes.local_rank)
    with lost_process_noticed():
        store, rank, world = next(rendezvous("env://"))
        # torchrun keeps one store over its restarts; where an earlier start has left the addresses
        # of the dead is not where to look for ours.
        store = dist.PrefixStore(f"start{processes.restarts}", store)  # type: ignore[attr-defined]
        dist.init_process_group(
            "nccl" if gpus else "gloo",
            store=store,
            rank=rank,
            world_size=world,
            device_id=torch.device("cuda", processes.local_rank) if gpus else None,
        )
    yield
    # What DistributedDataParallel has hooked into the group must be gone before the group is, or
    # the interpreter may abort at its end. After an error nobody takes leave: the others may be
    # waiting for what will never come.
    gc.collect()
    dist.destroy_process_group()


@contextmanager
def lost_process_noticed() -> Iterator[None]:
    """Turn what Gloo or NCCL say of a lost peer into LostProcessError."""
    import torch.distributed as dist

    try:
        yield
    except (dist.DistError, RuntimeError) as error:
        text = re.sub(r"\[[^]]*\.cc:\d+\] *", "", str(error).partition("\n")[0]).partition(". ")[0]
        if not isinstance(error, dist.DistError) and not _names_a_peer(text):
            raise
        raise LostProcessError(f"another process of this training was lost ({text})") from None


def _meeting_place() -> str:
    """The device whose tensors the group can send."""
    import torch.distributed as dist

    return "cuda" if dist.get_backend() == "nccl" else "cpu"


def _names_a_peer(text: str) -> bool:
    signs = ("gloo", "NCCL", "Connection", "peer", "socket", "Timed out", "timed out")
    return any(sign in text for sign in signs)
