"""Every named intermediate of one forward and backward pass.

The names and their order are those that `reference.GPT` shows to its `see` window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glassgpt.config import ModelConfig
from glassgpt.engines.base import AdamConfig, Document, TrainState
from glassgpt.engines.numpy import Activations, NumpyEngine

TOP_BEFORE = ("tok_emb", "pos_emb", "emb_sum", "emb_norm")
LAYER = (
    "attn_norm", "q", "k", "v", "attn_scores", "attn_weights", "attn_out", "attn_proj",
    "attn_resid", "mlp_norm", "mlp_hidden", "mlp_relu", "mlp_proj", "mlp_resid",
)  # fmt: skip
TOP_AFTER = ("logits", "probs", "loss")
ATTENTION = ("attn_scores", "attn_weights")


@dataclass(frozen=True, slots=True)
class Trace:
    """One document read.

    `values` and `grads` map a name to an array with a row a position, `(T, width)`; for
    `layer{i}.attn_scores` and `layer{i}.attn_weights` `(n_head, T, T)`: query, then key, the upper
    triangle 0. `grads` is d(loss)/d(value); it has no `probs` and `loss`.
    """

    loss: float
    values: dict[str, NDArray[np.float64]]
    grads: dict[str, NDArray[np.float64]]


def names(n_layer: int) -> list[str]:
    """Of all intermediates, in the order in which they are computed."""
    layers = [f"layer{i}.{name}" for i in range(n_layer) for name in LAYER]
    return [*TOP_BEFORE, *layers, *TOP_AFTER]


def trace(config: ModelConfig, state: TrainState, document: Document) -> Trace:
    """Run one document (token ids with BOS at both ends) through the model, there and back."""
    engine = NumpyEngine(config, state, AdamConfig())
    forward, backward = engine.trace(document)
    values, grads = _named(forward, config), _named(backward, config)
    return Trace(float(np.mean(values["loss"])), values, grads)


def _named(a: Activations, config: ModelConfig) -> dict[str, NDArray[np.float64]]:
    arrays = {}
    for name in names(config.n_layer):
        layer, _, short = name.rpartition(".")
        source = a.layers[int(layer.removeprefix("layer"))] if layer else a.top
        if short in source:
            array = source[short]
            if short in ATTENTION:
                array = np.tril(array[0])
            elif short in ("q", "k", "v"):
                array = array[0].swapaxes(0, 1).reshape(-1, config.n_embd)
            else:
                array = array.reshape(-1, array.shape[-1])
            arrays[name] = np.array(array, np.float64)
    return arrays
