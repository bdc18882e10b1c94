"""The engine in PyTorch: `model.py` trained with Adam, on one device or on many."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glassgpt.config import ModelConfig
from glassgpt.engines.base import (
    AdamConfig,
    BaseEngine,
    Document,
    Params,
    TrainState,
    check_documents,
    check_feed,
    check_state,
)
from glassgpt.errors import EngineError
from glassgpt.scale.torch.model import GPT, attention
from glassgpt.scale.torch.placement import Placement, Work
from glassgpt.scale.torch.rows import pack_rows
from glassgpt.scale.torch.spread import Spread, device_for, failures_explained

EVALUATION_ROWS = 8192
"""Rows read at once where no gradient is needed; bounds the memory of `surprises`."""


class TorchEngine(BaseEngine):
    """GPT and Adam in PyTorch, on one device or, under torchrun, on many.

    Args:
        dtype: float64, float32, or bfloat16: float32 weights, with matrix products and attention
            in bfloat16 (autocast).
        options: fields of `Placement`, where and how to compute; they change the speed and not,
            beyond rounding, the numbers.
    """

    def __init__(
        self,
        config: ModelConfig,
        state: TrainState,
        adam: AdamConfig,
        *,
        dtype: str = "float64",
        **options: Any,
    ) -> None:
        check_state(config, state)
        self.config, self.step = config, state.step
        self.work: Work = Work()
        self.placement = Placement(**options)
        self.device = device_for(self.placement, dtype)
        self.dtype = torch.float64 if dtype == "float64" else torch.float32
        self.autocast = dtype == "bfloat16"
        with torch.device("meta"):  # no memory, no random numbers: the weights are given
            self.model = GPT(config).to(self.dtype)
        self.model.to_empty(device="cpu")
        for name, parameter in self.model.named_parameters():
            parameter.data.copy_(torch.from_numpy(state.params[name.removesuffix(".weight")]))
        self.spread = Spread(
            self.model, self.model.layers, self.placement, self.device, half=self.autocast
        )
        by_name = dict(self.model.named_parameters())
        self.shards = {n: self.spread.shard(by_name[f"{n}.weight"]) for n in config.shapes}
        fused = self.device.type != "mps"
        self.adam = torch.optim.Adam(
            self.shards.values(), betas=(adam.beta1, adam.beta2), eps=adam.eps, fused=fused
        )
        for name, shard in self.shards.items():
            parameter = by_name[f"{name}.weight"]
            self.adam.state[shard] = {
                "step": torch.tensor(float(self.step), device=self.device if fused else "cpu"),
                "exp_avg": self.spread.distribute(state.m[name], parameter),
                "exp_avg_sq": self.spread.distribute(state.v[name], parameter),
            }
        if self.device.type != "cpu":  # what it has queued must not run out while we look at losses
            self.chunk_seconds = 1.0
        self.diverged = torch.zeros((), device=self.device)
        """1 from the first loss that is not finite on: no update is made any more."""

    @classmethod
    def check(cls, dtype: str, **options: Any) -> None:
        device_for(Placement(**options), dtype)

    def train(
        self, batches: Sequence[Sequence[Document]], learning_rates: Sequence[float]
    ) -> list[float]:
        losses: list[Tensor] = []
        self.diverged.zero_()
        with failures_explained(self.device):
            for batch, learning_rate in zip(batches, learning_rates, strict=True):
                # On a GPU nothing here waits for the result: while it computes, the next batch is
                # packed and sent. So a loss is looked at only after the last step, and it is the
                # device itself that makes no update after one that is not finite.
                losses.append(self._gradient(batch))
                self._update(learning_rate, losses[-1])
            values: list[float] = torch.stack(losses).tolist() if losses else []
        good = next((i for i, x in enumerate(values) if not math.isfinite(x)), len(values))
        self.step += good
        return values[: good + 1]

    def loss_and_grads(self, batch: Sequence[Document]) -> tuple[float, Params]:
        with failures_explained(self.device):
            loss = float(self._gradient(batch))
            grads = self.spread.gather({n: s.grad for n, s in self.shards.items()}, self.model)
        self.adam.zero_grad()
        return loss, grads

    def surprises(self, documents: Sequence[Document]) -> list[NDArray[np.float64]]:
        check_documents(self.config, documents)
        model = self._whole_model()
        result: list[NDArray[np.float64]] = []
        size = max(1, EVALUATION_ROWS // self.config.block_size)
        for start in range(0, len(documents), size):
            part = documents[start : start + size]
            rows = pack_rows(part, [0.0] * len(part), self.config, self.dtype).to(self.device)
            # forward, not the call: what is compiled is compiled for training.
            with failures_explained(self.device), torch.inference_mode(), self._precision():
                found = model.forward(*rows.inputs).double().cpu().numpy()
            result += np.split(found, np.cumsum(rows.lengths[:-1]))
        return result

    def session(self) -> TorchSession:
        self._whole_model()
        return TorchSession(self)

    def state(self) -> TrainState:
        """As every engine's; of a model in parts, whole in the first process only."""
        moments = self.adam.state
        with failures_explained(self.device):
            params, m, v = (
                self.spread.gather(tensors, self.model)
                for tensors in (
                    self.shards,
                    {n: moments[s]["exp_avg"] for n, s in self.shards.items()},
                    {n: moments[s]["exp_avg_sq"] for n, s in self.shards.items()},
                )
            )
        return TrainState(params, m, v, self.step)

    def _gradient(self, batch: Sequence[Document]) -> Tensor:
        """Leave the gradient in the shards; the loss of the whole batch, on the device."""
        check_documents(self.config, batch)
        total = torch.zeros((), dtype=self.dtype, device=self.device)
        parts = self.spread.parts(batch)
        for number, (documents, shares) in enumerate(parts, 1):
            rows = pack_rows(documents, shares, self.config, self.dtype).to(self.device)
            self.work.add(self.config, [n for n, s in zip(rows.lengths, shares, strict=True) if s])
            with self.spread.synchronised(number == len(parts)):
                with self._precision():
                    surprises = self.spread.net(*rows.inputs)
                loss = rows.weights @ surprises.to(self.dtype)
                loss.backward()
            total += loss.detach()
        self.spread.put_gradients(self.shards, self.model)
        return self.spread.mean(total)

    def _update(self, learning_rate: float, loss: Tensor) -> None:
        for group in self.adam.param_groups:
            group["lr"] = learning_rate
        if self.device.type == "mps":  # its fused Adam is not asked for: see __init__
            if math.isfinite(loss):
                self.adam.step()
        else:
            torch.maximum(self.diverged, (~loss.isfinite()).float(), out=self.diverged)
            self.adam.found_inf = self.diverged  # type: ignore[attr-defined] # as GradScaler does
            self.adam.step()
        self.adam.zero_grad()

    def _whole_model(self) -> GPT:
        if self.spread.sharded:
            raise EngineError(
                "the model is split over several processes; load it from its run directory"
            )
        return self.model

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast)


class TorchSession:
    """One token at a time; keys and values so far are kept, `(n_layer, 2, n_head, T, head_dim)`."""

    def __init__(self, engine: TorchEngine) -> None:
        self.engine, config = engine, engine.config
        shape = (config.n_layer, 2, config.n_head, config.block_size, config.head_dim)
        dtype = torch.bfloat16 if engine.autocast else engine.dtype
        self.cache, self.length = torch.empty(shape, dtype=dtype, device=engine.device), 0
        self.look_back = [functools.partial(self._look_back, kv) for kv in self.cache]

    def feed(self, token_id: int) -> NDArray[np.float64]:
        check_feed(self.engine.config, token_id, self.length)
        self.length += 1
        ids = torch.tensor([[token_id], [self.length - 1]]).to(self.engine.device)
        with torch.inference_mode(), self.engine._precision():
            logits = self.engine.model.logits(ids[0], ids[1], self.look_back)
        row: NDArray[np.float64] = logits[0].double().cpu().numpy()
        return row

    def _look_back(self, kv: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        n_head, head_dim = kv.shape[1], kv.shape[3]
        for kept, new in zip(kv, (k, v), strict=True):
            kept[:, self.length - 1] = new.view(n_head, head_dim)
        keys, values = kv[:, :, : self.length]
        query = q.view(n_head, 1, head_dim)
        return attention(query, keys, values).view(1, -1)
