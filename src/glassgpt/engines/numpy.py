"""The model as matrices: every position of a document at once, and the backward pass by hand.

Rows are positions. A batch is padded to its longest document and flattened to N = B T rows; a
padding row has weight 0 in the loss, and no real row looks at it, for it comes later. In `backward`
each line stands beside the forward line that it answers (after the #).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgpt.config import ModelConfig
from glassgpt.engines.base import (
    NO_PROBABILITY,
    AdamConfig,
    BaseEngine,
    Document,
    Params,
    TrainState,
    check_documents,
    check_feed,
    check_state,
    flat,
    tensors,
)
from glassgpt.engines.batch import Array, Batch, pack
from glassgpt.engines.rowwise import rmsnorm, rmsnorm_backward, softmax

EVALUATION_BATCH = 64
"""Documents read at once where no gradient is needed; bounds the memory of `surprises`."""


@dataclass(slots=True)
class Activations:
    """Every named intermediate of one forward pass or, after `backward`, the gradient of each.

    Rows are positions: `(N, width)`. Attention arrays are `(B, n_head, T, T)`: query, then key.
    """

    top: dict[str, Array] = field(default_factory=dict)
    layers: list[dict[str, Array]] = field(default_factory=list)


class NumpyEngine(BaseEngine):
    """GPT and Adam on whole matrices, in float64 or float32."""

    def __init__(
        self, config: ModelConfig, state: TrainState, adam: AdamConfig, *, dtype: str = "float64"
    ) -> None:
        check_state(config, state)
        self.config, self.adam, self.step = config, adam, state.step
        self.dtype = np.dtype(dtype)
        # One flat vector of each kind, so that Adam is a few operations on all parameters; the
        # tensors are views into it.
        self.p, self.m, self.v = (
            flat(arrays).astype(self.dtype) for arrays in (state.params, state.m, state.v)
        )
        self.g, self.scratch = np.zeros((2, len(self.p)), self.dtype)
        self.params, self.layers = self._views(self.p)
        self.grads, self.layer_grads = self._views(self.g)
        self.head_scale = self.dtype.type(config.head_dim**-0.5)
        self.mask = np.zeros((0, 0), self.dtype)

    def train(
        self, batches: Sequence[Sequence[Document]], learning_rates: Sequence[float]
    ) -> list[float]:
        losses: list[float] = []
        with np.errstate(all="ignore"):  # a loss that is not finite is found and reported below
            for batch, learning_rate in zip(batches, learning_rates, strict=True):
                losses.append(self._gradient(batch))
                if not math.isfinite(losses[-1]):
                    break
                self._update(learning_rate)
        return losses

    def loss_and_grads(self, batch: Sequence[Document]) -> tuple[float, Params]:
        with np.errstate(all="ignore"):
            loss = self._gradient(batch)
        return loss, self._export(self.g)

    def surprises(self, documents: Sequence[Document]) -> list[NDArray[np.float64]]:
        result: list[NDArray[np.float64]] = []
        with np.errstate(all="ignore"):
            for start in range(0, len(documents), EVALUATION_BATCH):
                batch = self._pack(documents[start : start + EVALUATION_BATCH])
                rows = self._surprises(self.forward(batch.inputs), batch)
                rows = rows.reshape(batch.inputs.shape).astype(np.float64)
                result += [row[:n].copy() for row, n in zip(rows, batch.lengths, strict=True)]
        return result

    def trace(self, document: Document) -> tuple[Activations, Activations]:
        """Every named intermediate of one document, and d(loss)/d(each)."""
        batch = self._pack([document])
        with np.errstate(all="ignore"):
            a = self.forward(batch.inputs)
            a.top["loss"] = self._surprises(a, batch)[:, None]
            return a, self.backward(a, batch)

    def session(self) -> NumpySession:
        return NumpySession(self)

    def state(self) -> TrainState:
        params, m, v = map(self._export, (self.p, self.m, self.v))
        return TrainState(params, m, v, self.step)

    # --- the mathematics ---

    def forward(self, inputs: NDArray[np.intp], cache: Cache | None = None) -> Activations:
        """Token ids `(B, T)` to next-token probabilities; with a cache, as its next T positions."""
        c, p, (n_batch, n_time) = self.config, self.params, inputs.shape
        start = 0 if cache is None else cache.length
        mask = self._mask(start + n_time)[start:]
        rows, heads = n_batch * n_time, (n_batch, n_time, 3, c.n_head, c.head_dim)
        tok_emb, pos_emb = p["wte"].take(inputs, 0), p["wpe"][start : start + n_time]
        emb_sum = (tok_emb + pos_emb).reshape(rows, c.n_embd)
        x, emb_scale = rmsnorm(emb_sum)
        top = {"tok_emb": tok_emb, "pos_emb": pos_emb, "emb_sum": emb_sum, "emb_norm": x}
        top["emb_scale"] = emb_scale
        layers: list[dict[str, Array]] = []
        for i in range(c.n_layer):
            p = self.layers[i]
            attn_norm, attn_scale = rmsnorm(x)
            q, k, v = attn_norm.dot(p["attn_wqkv"].T).reshape(heads).transpose(2, 0, 3, 1, 4)
            if cache is not None:
                k, v = cache.extend(i, k, v)
            attn_scores = q @ k.swapaxes(-1, -2) * self.head_scale
            attn_weights = softmax(attn_scores + mask)
            attn_out = (attn_weights @ v).swapaxes(1, 2).reshape(rows, c.n_embd)
            attn_proj = attn_out.dot(p["attn_wo"].T)
            attn_resid = x + attn_proj
            mlp_norm, mlp_scale = rmsnorm(attn_resid)
            mlp_hidden = mlp_norm.dot(p["mlp_fc1"].T)
            mlp_relu = np.maximum(mlp_hidden, 0)
            mlp_proj = mlp_relu.dot(p["mlp_fc2"].T)
            x = attn_resid + mlp_proj
            layers.append(
                {
                    "attn_norm": attn_norm, "attn_scale": attn_scale, "q": q, "k": k, "v": v,
                    "attn_scores": attn_scores, "attn_weights": attn_weights,
                    "attn_out": attn_out, "attn_proj": attn_proj, "attn_resid": attn_resid,
                    "mlp_norm": mlp_norm, "mlp_scale": mlp_scale, "mlp_hidden": mlp_hidden,
                    "mlp_relu": mlp_relu, "mlp_proj": mlp_proj, "mlp_resid": x,
                }
            )  # fmt: skip
        top["logits"] = x.dot(self.params["lm_head"].T)
        top["probs"] = softmax(top["logits"])
        return Activations(top, layers)

    def backward(self, a: Activations, batch: Batch) -> Activations:
        """Gradient of the batch's loss for every parameter (into `self.grads`) and activation."""
        c, n_time = self.config, batch.inputs.shape[1]
        heads = (*batch.inputs.shape, c.n_head, c.head_dim)
        d = Activations(layers=[{} for _ in range(c.n_layer)])
        d_logits = a.top["probs"] * batch.weights[:, None]  # loss = weights . -log(probs[targets])
        d_logits.ravel()[batch.targets] -= batch.weights  # .. probs = softmax(logits)
        np.dot(d_logits.T, a.layers[-1]["mlp_resid"], out=self.grads["lm_head"])
        dx = d_logits.dot(self.params["lm_head"])  # logits = mlp_resid @ lm_head.T
        for i in reversed(range(c.n_layer)):
            p, g, f, b = self.layers[i], self.layer_grads[i], a.layers[i], d.layers[i]
            b["mlp_resid"] = b["mlp_proj"] = dx  # mlp_resid = attn_resid + mlp_proj
            b["mlp_relu"] = dx.dot(p["mlp_fc2"])  # mlp_proj = mlp_relu @ mlp_fc2.T
            np.dot(dx.T, f["mlp_relu"], out=g["mlp_fc2"])
            b["mlp_hidden"] = dh = b["mlp_relu"] * (f["mlp_hidden"] > 0)  # mlp_relu = max(.., 0)
            b["mlp_norm"] = dh.dot(p["mlp_fc1"])  # mlp_hidden = mlp_norm @ mlp_fc1.T
            np.dot(dh.T, f["mlp_norm"], out=g["mlp_fc1"])
            dx = dx + rmsnorm_backward(b["mlp_norm"], f["mlp_norm"], f["mlp_scale"])

            b["attn_resid"] = b["attn_proj"] = dx  # attn_resid = x + attn_proj
            b["attn_out"] = dx.dot(p["attn_wo"])  # attn_proj = attn_out @ attn_wo.T
            np.dot(dx.T, f["attn_out"], out=g["attn_wo"])
            d_mixed = b["attn_out"].reshape(heads).swapaxes(1, 2)  # attn_out = attn_weights @ v
            dw = b["attn_weights"] = d_mixed @ f["v"].swapaxes(-1, -2)
            weights = f["attn_weights"]  # attn_weights = softmax(attn_scores)
            ds = weights * (dw - np.vecdot(dw, weights)[..., None])
            b["attn_scores"] = ds
            ds = ds * self.head_scale  # attn_scores = q @ k.T / sqrt(head_dim)
            d_qkv = np.empty((heads[0], n_time, 3, c.n_head, c.head_dim), self.dtype)
            b["q"], b["k"], b["v"] = dq, dk, dv = d_qkv.transpose(2, 0, 3, 1, 4)
            np.matmul(ds, f["k"], out=dq)
            np.matmul(ds.swapaxes(-1, -2), f["q"], out=dk)
            np.matmul(weights.swapaxes(-1, -2), d_mixed, out=dv)
            d_rows = d_qkv.reshape(-1, 3 * c.n_embd)
            b["attn_norm"] = d_rows.dot(p["attn_wqkv"])  # q, k, v = attn_norm @ attn_wqkv.T
            np.dot(d_rows.T, f["attn_norm"], out=g["attn_wqkv"])
            dx = dx + rmsnorm_backward(b["attn_norm"], f["attn_norm"], f["attn_scale"])
        emb = rmsnorm_backward(dx, a.top["emb_norm"], a.top["emb_scale"])
        self.grads["wte"][:] = 0  # emb_sum = wte[inputs] + wpe[positions]
        np.add.at(self.grads["wte"], batch.inputs.ravel(), emb)
        self.grads["wpe"][n_time:] = 0
        np.add.reduce(emb.reshape(-1, n_time, c.n_embd), 0, out=self.grads["wpe"][:n_time])
        d.top = {"tok_emb": emb, "pos_emb": emb, "emb_sum": emb, "emb_norm": dx}
        d.top["logits"] = d_logits
        return d

    def _gradient(self, documents: Sequence[Document]) -> float:
        """Fill `self.grads`; return the loss."""
        batch = self._pack(documents)
        a = self.forward(batch.inputs)
        self.backward(a, batch)
        return float(batch.weights.dot(self._surprises(a, batch)))

    @staticmethod
    def _surprises(a: Activations, batch: Batch) -> Array:
        """-log p of each target, `(N,)`.

        The difference of two logits and the log of the largest p: none of them is too small for
        the number format, as p itself can be.
        """
        logits, probs = a.top["logits"], a.top["probs"]
        surprises: Array = np.maximum.reduce(logits, -1) - logits.take(batch.targets)
        surprises -= np.log(np.maximum.reduce(probs, -1))
        if surprises.dtype == np.float64:
            surprises[surprises > NO_PROBABILITY] = np.inf
        return surprises

    def _update(self, learning_rate: float) -> None:
        """p -= lr (m / c1) / (sqrt(v / c2) + eps), c = 1 - beta^t, in place.

        The corrections are moved into the rate, as in section 2 of the Adam paper: lr sqrt(c2) / c1
        times m / (sqrt(v) + eps sqrt(c2)).
        """
        self.step += 1
        beta1, beta2, u = self.adam.beta1, self.adam.beta2, self.scratch
        c1, c2 = 1 - beta1**self.step, 1 - beta2**self.step
        self.m *= beta1
        np.multiply(self.g, 1 - beta1, out=u)
        self.m += u
        self.v *= beta2
        np.multiply(self.g, self.g, out=u)
        u *= 1 - beta2
        self.v += u
        np.sqrt(self.v, out=u)
        u += self.adam.eps * math.sqrt(c2)
        np.divide(self.m, u, out=u)
        u *= learning_rate * math.sqrt(c2) / c1
        self.p -= u

    # --- in and out ---

    def _mask(self, n: int) -> Array:
        """What forbids a look at later positions, `(n, n)`; n is what is read, not block_size."""
        if len(self.mask) < n:
            self.mask = np.triu(np.full((2 * n, 2 * n), -np.inf, self.dtype), 1)
        return self.mask[:n, :n]

    def _pack(self, documents: Sequence[Document]) -> Batch:
        check_documents(self.config, documents)
        return pack(documents, self.config, self.dtype)

    def _views(self, vector: Array) -> tuple[Params, list[Params]]:
        """Tensors of one flat vector by name; and of each layer by short name, q, k, v as one."""
        views, e, layers = tensors(self.config, vector), self.config.n_embd, []
        start = (2 * self.config.vocab_size + self.config.block_size) * e
        for i in range(self.config.n_layer):
            prefix = f"layer{i}."
            layer = {k.removeprefix(prefix): a for k, a in views.items() if k.startswith(prefix)}
            layer["attn_wqkv"] = vector[start : start + 3 * e * e].reshape(3 * e, e)
            layers.append(layer)
            start += 12 * e * e
        return views, layers

    def _export(self, vector: Array) -> Params:
        return tensors(self.config, vector.astype(np.float64))


class Cache:
    """Keys and values so far, `(n_layer, 2, 1, n_head, block_size, head_dim)`."""

    def __init__(self, config: ModelConfig, dtype: np.dtype[Any]) -> None:
        shape = (config.n_layer, 2, 1, config.n_head, config.block_size, config.head_dim)
        self.rows, self.length = np.zeros(shape, dtype), 0

    def extend(self, layer: int, k: Array, v: Array) -> tuple[Array, Array]:
        """Write new rows and return all rows so far; `length` moves after the last layer."""
        stop = self.length + k.shape[-2]
        self.rows[layer, 0, :, :, self.length : stop] = k
        self.rows[layer, 1, :, :, self.length : stop] = v
        return self.rows[layer, 0, :, :, :stop], self.rows[layer, 1, :, :, :stop]


class NumpySession:
    def __init__(self, engine: NumpyEngine) -> None:
        self.engine, self.cache = engine, Cache(engine.config, engine.dtype)

    def feed(self, token_id: int) -> NDArray[np.float64]:
        check_feed(self.engine.config, token_id, self.cache.length)
        with np.errstate(all="ignore"):
            a = self.engine.forward(np.array([[token_id]]), self.cache)
        self.cache.length += 1
        logits: NDArray[np.float64] = a.top["logits"][0].astype(np.float64)
        return logits
