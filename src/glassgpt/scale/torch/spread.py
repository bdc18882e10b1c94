"""One model over the processes of a training: whole in each (DDP) or in parts (FSDP).

Every process gets the same batch and takes its share: documents rank, rank + world, … of it. The
loss of a batch is the mean over its documents, so a document's share is 1 / B wherever it is read,
and the sum over the processes is that of one process, however many there are. DDP (Li et al. 2020,
arXiv:2006.15704) and FSDP (Zhao et al. 2023, arXiv:2304.11277) average gradients over processes;
the shares are therefore multiplied by their number.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from glassgpt.engines.base import Document, Params
from glassgpt.errors import EngineError
from glassgpt.scale.torch.placement import Placement
from glassgpt.scale.torch.processes import lost_process_noticed

Part = tuple[list[Document], list[float]]
"""Documents, and the share of each in the loss: 1 / B, times the number of processes."""

COMPILED_FROM = 1_000_000
"""Parameters of a model for which torch.compile, on a GPU, is worth its minute."""
DDP_MEMORY = 0.4
"""Share of a device's memory that weights, gradients and moments may take whole in each."""


def device_for(placement: Placement, dtype: str) -> torch.device:
    """The device meant, if it is there and computes in this dtype. Raises EngineError."""
    kind = placement.device
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    there = {"cpu": True, "cuda": cuda, "mps": mps}
    if kind == "auto":
        kind = "cuda" if cuda else "mps" if mps and dtype != "float64" else "cpu"
    if not there[kind]:
        found = ", ".join(name for name, is_there in there.items() if is_there)
        raise EngineError(f"PyTorch finds no {kind} device here; there is: {found}")
    if kind == "mps" and dtype == "float64":
        raise EngineError("an mps device does not compute in float64; choose float32, or cpu")
    if kind == "mps" and placement.processes.world > 1:
        raise EngineError("several processes cannot share an mps device; choose cpu")
    if kind != "cuda":
        return torch.device(kind)
    number, count = placement.processes.local_rank, torch.cuda.device_count()
    if number >= count:
        raise EngineError(
            f"there are more processes on this machine than GPUs ({count}); "
            f"start {count} with torchrun --nproc-per-node {count}"
        )
    return torch.device("cuda", number)


def share_out(
    batch: Sequence[Document], rank: int, world: int, micro_batch: int | None
) -> list[Part]:
    """What a process reads of a batch, in parts of `micro_batch` documents at most.

    As many parts in every process, for they wait for each other. Where a process has nothing to do
    it reads the first document with a share of 0.
    """
    ours, share = list(batch[rank::world]), world / len(batch)
    most = -(-len(batch) // world)
    size = min(most, micro_batch or most)
    result = []
    for start in range(0, most, size):
        documents = ours[start : start + size]
        result.append((documents or [batch[0]], [share] * len(documents) or [0.0]))
    return result


@contextmanager
def failures_explained(device: torch.device) -> Iterator[None]:
    """A line for what a device or a fellow process cannot help. Raises GlassError for them."""
    try:
        with lost_process_noticed():
            yield
    except torch.OutOfMemoryError:
        raise EngineError(
            f"not enough memory on {device}: try a smaller --micro-batch, a shorter --block-size "
            "or, under torchrun, --parallel fsdp"
        ) from None
    except RuntimeError as error:
        if "DefaultCPUAllocator" in str(error):
            raise MemoryError from None
        if isinstance(error, torch._dynamo.exc.TorchDynamoException):
            reason = str(error).strip().partition("\n")[0]
            raise EngineError(f"torch.compile fails here ({reason}); use --no-compile") from None
        raise


class Spread:
    """How a model stands on the processes; `net` is what to call for a forward pass."""

    def __init__(
        self,
        model: nn.Module,
        layers: Sequence[nn.Module],
        placement: Placement,
        device: torch.device,
        half: bool,
    ) -> None:
        """`half`: products are made in bfloat16, so that is how weights may travel."""
        self.world, self.rank = placement.processes.world, placement.processes.rank
        self.micro_batch = placement.micro_batch
        self.device = device
        how = placement.parallel
        if how == "auto":
            how = "fsdp" if self._too_large(model, placement) else "ddp"
        self.sharded = self.world > 1 and how == "fsdp"
        compiled = placement.compile
        if compiled is None:
            size = sum(p.numel() for p in model.parameters())
            compiled = device.type == "cuda" and size >= COMPILED_FROM
        if not self.sharded:
            model.to(device)
        if compiled:
            for part in layers if self.sharded else [model]:
                part.compile()
        self.net: Any = model
        if self.sharded:
            from torch.distributed.device_mesh import init_device_mesh
            from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

            mesh, policy = init_device_mesh(device.type, (self.world,)), MixedPrecisionPolicy()
            if half:  # autocast would round the weights only after they have come
                policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32, None, False)
            for layer in layers:  # each is gathered when it is its turn, then let go
                fully_shard(layer, mesh=mesh, mp_policy=policy)
            fully_shard(model, mesh=mesh)  # what is left: embeddings, which stay float32, lm_head
        elif self.world > 1:
            self.net = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)

    def parts(self, batch: Sequence[Document]) -> list[Part]:
        """See `share_out`."""
        return share_out(batch, self.rank, self.world, self.micro_batch)

    @contextmanager
    def synchronised(self, last: bool) -> Iterator[None]:
        """Around forward and backward; only the last part's gradients travel, with all before."""
        if self.sharded:
            self.net.set_requires_gradient_sync(last)
        if self.world == 1 or self.sharded or last:
            yield
        else:
            with self.net.no_sync():
                yield

    def mean(self, loss: Tensor) -> Tensor:
        """Of what the processes have found, in each of them."""
        if self.world > 1:
            dist.all_reduce(loss)
            loss /= self.world
        return loss

    # --- parts of tensors ---

    def shard(self, parameter: nn.Parameter) -> Tensor:
        """What this process updates: the parameter, or a tensor that shares its part's memory."""
        if not self.sharded:
            return parameter
        local: Tensor = parameter.to_local()  # type: ignore[attr-defined] # it is a DTensor
        return local.detach().requires_grad_()

    def put_gradients(self, shards: Mapping[str, Tensor], model: nn.Module) -> None:
        """Where parameters lie in parts, hand each shard its gradient."""
        if self.sharded:
            for name, parameter in model.named_parameters():
                gradient: Any = parameter.grad
                shards[name.removesuffix(".weight")].grad = gradient.to_local()
                parameter.grad = None

    def distribute(self, array: NDArray[np.float64], like: nn.Parameter) -> Tensor:
        """A whole array as our part of it, beside our part of that parameter."""
        whole = torch.from_numpy(array).to(like.dtype)
        if not self.sharded:
            return whole.to(self.device, copy=True)
        from torch.distributed.tensor import distribute_tensor

        parts = distribute_tensor(whole.to(self.device), like.device_mesh, like.placements)  # type: ignore[attr-defined]
        return parts.to_local()

    def gather(self, tensors: Mapping[str, Tensor | None], model: nn.Module) -> Params:
        """Whole float64 arrays; of tensors in parts, only in the first process (others: empty)."""
        result: Params = {}
        by_name = {n.removesuffix(".weight"): p for n, p in model.named_parameters()}
        for name, tensor in tensors.items():
            like: Any = by_name[name]
            whole = torch.zeros_like(like) if tensor is None else tensor.detach()
            if self.sharded:
                from torch.distributed.tensor import DTensor

                whole = DTensor.from_local(
                    whole, like.device_mesh, like.placements, shape=like.shape, stride=like.stride()
                ).full_tensor()
                if self.rank:
                    continue
            result[name] = whole.double().cpu().numpy().copy()
        return result

    def _too_large(self, model: nn.Module, placement: Placement) -> bool:
        """Whether weights, gradients and both moments would crowd a device."""
        needed = 4 * sum(p.numel() * p.element_size() for p in model.parameters())
        if self.device.type == "cuda":
            memory = torch.cuda.get_device_properties(self.device).total_memory
        else:
            if not hasattr(os, "sysconf"):
                return False
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
            memory //= placement.processes.local_world
        return needed > DDP_MEMORY * memory
