"""Every named intermediate of one forward and backward pass.

The names and their order are those that `reference.GPT` shows to its `see` window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glassgpt.config import ModelConfig
from glassgpt.engines.base import AdamConfig, Document, TrainState, check_feed
from glassgpt.engines.numpy import Activations, Cache, NumpyEngine
from glassgpt.errors import DivergedError

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
    """Run one document (token ids with BOS at both ends) through the model, there and back.

    Raises DivergedError where a number is beyond floats, as in a damaged model.
    """
    engine = NumpyEngine(config, state, AdamConfig())
    forward, backward = engine.trace(document)
    values, grads = _named(forward, config), _named(backward, config)
    if not all(np.isfinite(a).all() for arrays in (values, grads) for a in arrays.values()):
        raise DivergedError("what this model computes for this text is not all finite numbers")
    return Trace(float(np.mean(values["loss"])), values, grads)


def size(config: ModelConfig, positions: int) -> int:
    """How many numbers the values and gradients of a trace of so many positions are."""
    e, heads = config.n_embd, config.n_head
    layer = 18 * e + 2 * heads * positions  # ten of n_embd, two of 4 n_embd, two of attention
    return 2 * positions * (4 * e + config.n_layer * layer + 2 * config.vocab_size)


class Glass:
    """A model to look into while it writes: the readable engine with its weights."""

    def __init__(self, config: ModelConfig, state: TrainState) -> None:
        self.engine = NumpyEngine(config, state, AdamConfig())

    def reader(self) -> Reader:
        """Start reading from an empty context."""
        return Reader(self.engine)


class Reader:
    """Reads token by token, as generation does, and shows what there is to see at each."""

    def __init__(self, engine: NumpyEngine) -> None:
        self.engine, self.cache = engine, Cache(engine.config, engine.dtype)

    def read(self, token_id: int) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
        """`emb_norm` `(n_embd,)`, and for each layer the rows of `attn_weights`, a row a head."""
        check_feed(self.engine.config, token_id, self.cache.length)
        a = self.engine.forward(np.array([[token_id]]), self.cache)
        self.cache.length += 1
        return a.top["emb_norm"][0], [layer["attn_weights"][0, :, 0] for layer in a.layers]


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
