"""How many floating-point operations a training step is: by a formula, not by a counter.

An addition, multiplication, division, square root, exponential, logarithm or comparison of two
floats counts as one. Counted is what the mathematics asks for: no padding, no copies, nothing
computed twice, nothing for keys that a query must not see.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassgpt.config import ModelConfig


def document(model: ModelConfig, n: int) -> int:
    """Forward and backward of n predictions, up to the gradient of every weight.

    With width e, heads h, vocabulary V, layers L, and w = 12 e^2 L + V e weights in matrices:

    - matrices: a weight is multiplied and added once a position forward (2), and twice backward,
      for the gradient of what it was multiplied with and for its own (4): 6 w n;
    - attention: position t looks at t keys, n (n + 1) / 2 pairs in all; for each pair and column
      2 operations for the score, 2 for the mix of values, and twice that backward: 12 e a pair.
      For each pair and head: scaling, largest, subtraction, exponential, sum, division (6);
      backward product and sum, subtraction, product, scaling (5): 11 h a pair;
    - RMSNorm, 2 L + 1 of them: forward squares, their sum, scaling (3 e); backward product and sum,
      product, subtraction, scaling (5 e); and for each row 4 + 1 that do not depend on e;
    - ReLU: a comparison forward, one backward: 2 times 4 e a layer;
    - residuals: two additions of e numbers a layer forward, two backward: 4 e a layer;
    - embeddings: wte + wpe forward, two additions into their gradients backward: 3 e;
    - loss: largest, subtraction, exponential, sum, division, and the weight of the document
      backward: 6 V; a logarithm, the sum, and the subtraction of 1: 3.
    """
    e, h, vocab, layers = model.n_embd, model.n_head, model.vocab_size, model.n_layer
    weights = 12 * e * e * layers + vocab * e
    pairs = n * (n + 1) // 2
    attention = layers * pairs * (12 * e + 11 * h)
    norms = (2 * layers + 1) * (8 * e + 5)
    rest = layers * (8 * e + 4 * e) + 3 * e + 6 * vocab + 3
    return 6 * weights * n + attention + n * (norms + rest)


def update(model: ModelConfig) -> int:
    """Adam: 3 for m, 4 for v, 5 for the weight (root, + eps, division, rate, subtraction)."""
    return 12 * model.num_params


def step(model: ModelConfig, batch: Sequence[Sequence[int]]) -> int:
    """One training step: the documents of a batch, and one update."""
    lengths = [min(len(ids) - 1, model.block_size) for ids in batch]
    return sum(document(model, n) for n in lengths) + update(model)
