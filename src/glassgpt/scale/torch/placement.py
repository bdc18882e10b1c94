"""Where the torch engine works, and how much it has done; plain data, no PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from glassgpt.config import ModelConfig
from glassgpt.errors import ConfigError
from glassgpt.scale.torch.processes import Processes

Device = Literal["auto", "cpu", "cuda", "mps"]
Parallel = Literal["auto", "ddp", "fsdp"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Of the speed and the memory, not of the numbers.

    Attributes:
        device: auto takes a GPU where there is one.
        parallel: how several processes share the work. ddp: each has the whole model; fsdp: each
            has a part of it, and layers travel when they are needed; auto goes by size.
        compile: let torch.compile fuse operations; None where it pays: on GPUs, for larger models.
        micro_batch: documents that a process takes at once; gradients of the rest of its share are
            added up. None takes all at once.
    """

    device: Device = "auto"
    parallel: Parallel = "auto"
    compile: bool | None = None
    micro_batch: int | None = None
    processes: Processes = field(default_factory=Processes)

    def __post_init__(self) -> None:
        for name, allowed in (("device", Device), ("parallel", Parallel)):
            if (value := getattr(self, name)) not in get_args(allowed):
                raise ConfigError(
                    f"{name} is {value!r}; it must be one of {', '.join(get_args(allowed))}",
                    name,
                )
        if self.micro_batch is not None and not 1 <= self.micro_batch <= 2**20:
            raise ConfigError(
                f"micro_batch is {self.micro_batch}; it must be from 1 to {2**20}", "micro_batch"
            )

    @property
    def options(self) -> dict[str, Any]:
        """What is not as usual, by name: options of the torch engine."""
        usual = Placement()
        fields = ("device", "parallel", "compile", "micro_batch", "processes")
        return {n: x for n in fields if (x := getattr(self, n)) != getattr(usual, n)}

    @property
    def on_gpus(self) -> bool:
        """Whether the processes will meet on GPUs."""
        if self.processes.world == 1 or self.device in ("cpu", "mps"):
            return False
        import torch

        return torch.cuda.is_available()


@dataclass(slots=True)
class Work:
    """What this process has trained on."""

    tokens: int = 0
    """Predictions made."""
    flops: int = 0
    """Operations of their matrix products and attention, forward and backward, and no others.

    As in appendix B of PaLM (Chowdhery et al. 2022, arXiv:2204.02311), 6 for each weight that a
    token is multiplied with; attention counted by the pairs that a causal model looks at, which is
    half of what that paper counts. Nothing is counted twice that is computed twice.
    """

    def add(self, config: ModelConfig, lengths: Sequence[int]) -> None:
        """Documents of so many predictions."""
        e, n = config.n_embd, sum(lengths)
        weights = 12 * e * e * config.n_layer + config.vocab_size * e
        pairs = sum(t * (t + 1) // 2 for t in lengths)
        self.tokens += n
        self.flops += 6 * weights * n + 12 * e * config.n_layer * pairs
