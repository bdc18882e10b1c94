"""From the logits of a next token to the token: temperature, top-k and one random number."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray


def distribution(
    logits: NDArray[np.float64], temperature: float, top_k: int | None
) -> NDArray[np.float64]:
    """What the next token is drawn from: probabilities `(vocab_size,)` that sum to 1."""
    if temperature == 0:
        probs = np.zeros_like(logits)
        probs[np.argmax(logits)] = 1.0
        return probs
    with np.errstate(all="ignore"):
        scaled = logits * (1 / temperature)
    if not np.isfinite(scaled).all():  # colder than floats can be told apart: as good as greedy
        return distribution(logits, 0, None)
    probs = softmax(scaled)
    if top_k is not None and top_k < len(probs):
        probs[np.argsort(-probs, kind="stable")[top_k:]] = 0.0
        probs /= probs.sum()
    return probs


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):  # differences beyond float are probabilities of 0
        e = np.exp(logits - logits.max())
    probs: NDArray[np.float64] = e / e.sum()
    return probs


def log_softmax(logits: NDArray[np.float64], choice: int) -> float:
    """log p of one token; unlike log(softmax), finite where p is too small for a float."""
    with np.errstate(all="ignore"):
        below = logits - logits.max()
        return float(below[choice] - np.log(np.exp(below).sum()))


def draw(weights: Sequence[float], uniform: float) -> int:
    """The index that `random.choices` would choose for this uniform number."""
    cumulative = list(accumulate(weights))
    return bisect(cumulative, uniform * cumulative[-1], 0, len(cumulative) - 1)
