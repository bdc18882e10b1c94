"""Tokens a second, and the share of what the hardware can do (model FLOP utilisation).

MFU as in appendix B of PaLM (Chowdhery et al. 2022, arXiv:2204.02311): the operations that the
mathematics of a step asks for, a second, over those of the hardware's fastest matrix products.
"""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from glassgpt.scale.torch.processes import Processes

if TYPE_CHECKING:
    import torch

    from glassgpt.engines.base import Engine

PUBLISHED = {
    ("B200",): 2250e12,
    ("H200", "NVL"): 835e12,
    ("H200",): 989e12,
    ("H100", "NVL"): 835e12,
    ("H100", "PCIe"): 756e12,
    ("H100",): 989e12,
    ("A100",): 312e12,
    ("L40S",): 362e12,
    ("L40",): 181e12,
    ("L4",): 121e12,
}
"""Operations a second of bfloat16 matrix products without sparsity, from the maker's data sheets,
by words of the device's name; the first entry counts whose words are all there."""

PRODUCT_OF = {"cpu": 1024, "cuda": 8192, "mps": 4096}
"""Size of the square matrices whose product is timed."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a training has done, all processes together."""

    tokens: int
    """Predictions made."""
    tokens_per_second: float
    flops: float
    """Operations a second, counted as `Work` does."""
    peak: float
    """The most that the hardware can do."""
    peak_source: str
    processes: int
    device: str

    @property
    def mfu(self) -> float:
        return self.flops / self.peak

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"mfu": self.mfu}

    def __str__(self) -> str:
        where = self.device if self.processes == 1 else f"{self.processes} × {self.device}"
        return (
            f"{self.tokens_per_second:,.0f} tokens per second on {where}: {readable(self.flops)}, "
            f"{self.mfu:.1%} of {readable(self.peak)} ({self.peak_source})"
        )


class Meter:
    """Counts what the torch engine does in a training; of other engines, which keep no count, None.

    The first chunk of steps does not count where there are others: it warms up, or even compiles.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine: Any = engine
        self.first: tuple[int, int, float] | None = None
        self.chunks, self.seconds = 0, 0.0

    def add(self, seconds: float) -> None:
        """A chunk has been trained on, in so many seconds."""
        self.chunks += 1
        self.seconds += seconds
        if (work := self.engine.work) and self.first is None:
            self.first = work.tokens, work.flops, seconds

    def read(self, processes: Processes) -> Throughput | None:
        """What was done by all processes; to be called in all of them."""
        if self.first is None:
            return None
        *before, warm = self.first if self.chunks > 1 else (0, 0, 0.0)
        tokens = processes.total(self.engine.work.tokens - before[0])
        flops = processes.total(self.engine.work.flops - before[1])
        seconds, device = max(self.seconds - warm, 1e-9), self.engine.device
        dtype = (
            "bfloat16" if self.engine.autocast else str(self.engine.dtype).removeprefix("torch.")
        )
        peak, source = peak_flops(device, dtype) if processes.first else (1.0, "")
        return Throughput(
            tokens=int(tokens),
            tokens_per_second=tokens / seconds,
            flops=flops / seconds,
            peak=peak * processes.world,
            peak_source=source,
            processes=processes.world,
            device=device_name(device),
        )


def device_name(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return device.type if device.type == "mps" else f"{threads} CPU thread" + "s" * (threads > 1)


def published(name: str) -> float | None:
    """What a data sheet says of bfloat16 on a device of this name, as CUDA gives it; None if we
    know of none, or if it is only a slice (MIG) of one."""
    words = set(re.split(r"[\s-]+", name.upper()))
    if "MIG" in words:
        return None
    return next((f for ws, f in PUBLISHED.items() if {w.upper() for w in ws} <= words), None)


def peak_flops(device: torch.device, dtype: str) -> tuple[float, str]:
    """Operations a second that the device can do at most, and how that is known."""
    known = published(device_name(device)) if device.type == "cuda" else None
    if known and dtype == "bfloat16":
        return known, "its data sheet"
    return matrix_product(device, dtype), "its fastest matrix product"


def matrix_product(device: torch.device, dtype: str, rounds: int = 8) -> float:
    """Operations a second of a product of large square matrices, the best of some rounds."""
    import torch

    n = PRODUCT_OF[device.type]
    a, b = (torch.randn(n, n, device=device).to(getattr(torch, dtype)) for _ in range(2))
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        total = (a @ b)[0, 0].item()  # asking for a number waits for the device
        best = min(best, time.perf_counter() - started)
    del total
    return 2 * n**3 / best


def readable(flops: float) -> str:
    """`83.6 GFLOP/s`, `412 TFLOP/s`."""
    unit, name = (1e12, "T") if flops >= 1e12 else (1e9, "G")
    return f"{flops / unit:.3g} {name}FLOP/s"
