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

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glassgpt.config import ModelConfig
from glassgpt.engines.base import NO_PROBABILITY, Params

LookBack = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys and values of a layer, `(N, n_embd)` each, to what its heads found, likewise."""


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


class LanguageModel(GPT):
    """The same modules as most PyTorch code expects a language model: ids in, logits out."""

    def forward(self, tokens: Tensor) -> Tensor:  # type: ignore[override]
        """`(B, T)` token ids, T at most block_size, to `(B, T, vocab_size)` logits."""
        batch, length = tokens.shape
        positions = torch.arange(length, device=tokens.device).repeat(batch)
        look_back = functools.partial(causal, self.n_head, (batch, length), None)
        logits = self.logits(tokens.flatten(), positions, [look_back] * len(self.layers))
        return logits.view(batch, length, -1)


def language_model(config: ModelConfig, params: Params) -> LanguageModel:
    """A module with these weights, float64."""
    module = LanguageModel(config).double()
    module.load_state_dict({f"{name}.weight": torch.from_numpy(a) for name, a in params.items()})
    return module


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
