"""What the numpy engine does to each row of a matrix by itself: softmax and RMSNorm."""

from __future__ import annotations

import numpy as np

from glassgpt.engines.batch import Array


def softmax(x: Array) -> Array:
    """Over the last axis. The ufuncs are called directly and in place: at seven rows of sixteen
    numbers, what a step costs is the calls."""
    e: Array = x - np.maximum.reduce(x, -1, keepdims=True)
    np.exp(e, out=e)
    e /= np.add.reduce(e, -1, keepdims=True)
    return e


def rmsnorm(x: Array) -> tuple[Array, Array]:
    """y = x s with s = (mean(x^2) + 1e-5)^-1/2 of each row; returns y and s."""
    scale: Array = np.vecdot(x, x)[:, None]
    scale /= x.shape[-1]
    scale += 1e-5
    np.sqrt(scale, out=scale)
    np.reciprocal(scale, out=scale)
    return x * scale, scale


def rmsnorm_backward(dy: Array, y: Array, scale: Array) -> Array:
    """dx = s (dy - y mean(y dy)): moving x along y is undone by the scale."""
    along = np.vecdot(dy, y)[:, None]
    along /= y.shape[-1]
    dx: Array = dy - y * along
    dx *= scale
    return dx
