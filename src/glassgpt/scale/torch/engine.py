"""The model as PyTorch modules: what `reference.py` does number by number, and its usual names.

    reference.py                          here
    linear(x, weights)                    nn.Linear(bias=False): x @ weight.T
    params["wte"][token_id]               nn.Embedding
    rmsnorm(x)                            F.rms_norm
    the loop over heads, keys and values  F.scaled_dot_product_attention(is_causal=True)
    -softmax(logits)[target].log()        F.cross_entropy
    Value.backward()                      Tensor.backward()
    Adam                                  torch.optim.Adam(fused=True)

The modules carry the reference's names, so `layer0.attn_wq.weight` is its `layer0.attn_wq`.
Documents of different lengths stand one after another as N rows, without padding: only attention,
which must keep them apart, spreads them out to `(B, n_head, T, head_dim)` and back.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from glassgpt.config import ModelConfig
from glassgpt.engines.base import (
    NO_PROBABILITY,
    AdamConfig,
    Document,
    Params,
    TrainState,
    check_documents,
    check_feed,
    check_state,
)
from glassgpt.errors import EngineError
from glassgpt.scale.torch.placement import Placement, Work
from glassgpt.scale.torch.rows import pack
from glassgpt.scale.torch.spread import Spread, device_for, failures_explained

LookBack = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys and values of a layer, `(N, n_embd)` each, to what its heads found, likewise."""

EVALUATION_ROWS = 8192
"""Rows read at once where no gradient is needed; bounds the memory of `surprises`."""


class Block(nn.Module):
    """One layer: look back, then think; each adds to the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        e = config.n_embd
        self.attn_wq = nn.Linear(e, e, bias=False)
        self.attn_wk = nn.Linear(e, e, bias=False)
        self.attn_wv = nn.Linear(e, e, bias=False)
        self.attn_wo = nn.Linear(e, e, bias=False)
        self.mlp_fc1 = nn.Linear(e, 4 * e, bias=False)
        self.mlp_fc2 = nn.Linear(4 * e, e, bias=False)

    def forward(self, x: Tensor, look_back: LookBack) -> Tensor:
        normed = rmsnorm(x)
        q, k, v = self.attn_wq(normed), self.attn_wk(normed), self.attn_wv(normed)
        x = x + self.attn_wo(look_back(q, k, v))
        return x + self.mlp_fc2(F.relu(self.mlp_fc1(rmsnorm(x))))  # type: ignore[no-any-return]


class GPT(nn.Module):
    """From token ids to the surprise at each next one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.layers = [Block(config) for _ in range(config.n_layer)]
        for i, layer in enumerate(self.layers):  # a plain list registers nothing; names do
            self.add_module(f"layer{i}", layer)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        targets: Tensor,
        shape: tuple[int, int],
        slots: Tensor | None,
    ) -> Tensor:
        """-log p of each target (nats), `(N,)`; see `Rows` for the arguments."""
        look_back = functools.partial(causal, self.n_head, shape, slots)
        logits = self.logits(tokens, positions, [look_back] * len(self.layers))
        surprises = F.cross_entropy(logits, targets, reduction="none")
        if surprises.dtype != torch.float64:
            return surprises
        # It never forms p, so it goes on where the reference's p is 0 and its loss infinite.
        return surprises.masked_fill(surprises > NO_PROBABILITY, math.inf)

    def logits(self, tokens: Tensor, positions: Tensor, look_back: Sequence[LookBack]) -> Tensor:
        """Scores for the next token, `(N, vocab_size)`, each layer looking back in its way."""
        x = rmsnorm(self.wte(tokens) + self.wpe(positions))
        for layer, look in zip(self.layers, look_back, strict=True):
            x = layer(x, look)
        return self.lm_head(x)  # type: ignore[no-any-return]


def rmsnorm(x: Tensor) -> Tensor:
    return F.rms_norm(x, x.shape[-1:], eps=1e-5)


def causal(
    n_head: int, shape: tuple[int, int], slots: Tensor | None, q: Tensor, k: Tensor, v: Tensor
) -> Tensor:
    """Each row looks at the rows of its document up to itself: `(N, n_embd)` in and out."""
    (b, t), width = shape, q.shape[-1]

    def heads(x: Tensor) -> Tensor:
        if slots is not None:  # the gaps come after a document's last row: nobody looks at them
            x = x.new_zeros(b * t, width).index_copy(0, slots, x)
        return x.view(b, t, n_head, width // n_head).transpose(1, 2)

    mixed = attention(heads(q), heads(k), heads(v), is_causal=True)
    rows = mixed.transpose(1, 2).reshape(b * t, width)
    return rows if slots is None else rows.index_select(0, slots)


def attention(q: Tensor, k: Tensor, v: Tensor, is_causal: bool = False) -> Tensor:
    """softmax(q k.T / sqrt(head_dim)) v of each head, `(…, T, head_dim)` in and out."""
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
    if q.device.type == "cpu":  # its kernel makes 0 of NaN; a run that has blown up must show it
        mixed = mixed + 0 * (q.detach().sum() + k.detach().sum())
    return mixed


class TorchEngine:
    """GPT and Adam in PyTorch, on one device or, under torchrun, on many.

    Args:
        dtype: float64, float32, or bfloat16: float32 weights, with matrix products and attention
            in bfloat16 (autocast).
        placement: where and how; it changes the speed and not, beyond rounding, the numbers.
    """

    def __init__(
        self,
        config: ModelConfig,
        state: TrainState,
        adam: AdamConfig,
        *,
        dtype: str = "float64",
        placement: Placement | None = None,
    ) -> None:
        check_state(config, state)
        self.config, self.step, self.work = config, state.step, Work()
        self.placement = placement or Placement()
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
        self.chunk_seconds = 0.04 if self.device.type == "cpu" else 1.0
        """For `training.train`: what a GPU has queued must not run out while we look at losses."""
        self.diverged = torch.zeros((), device=self.device)
        """1 from the first loss that is not finite on: no update is made any more."""

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
            rows = pack(part, [0.0] * len(part), self.config, self.dtype).to(self.device)
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
            rows = pack(documents, shares, self.config, self.dtype).to(self.device)
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
