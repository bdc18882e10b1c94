"""A trace is the arithmetic itself: its values follow from each other, its gradients are slopes."""

from __future__ import annotations

import numpy as np
import pytest

from glassgpt.config import ModelConfig
from glassgpt.engines.base import TrainState
from glassgpt.trace import Trace, names, trace
from support import SMALL, small_params

DEEP = ModelConfig(vocab_size=5, n_layer=2, n_embd=6, n_head=3, block_size=4)
DOCUMENT = [4, 0, 3, 1, 2, 4]  # longer than the context: four predictions count
PARAMS = small_params(DEEP, seed=3)


@pytest.fixture(scope="module")
def seen() -> Trace:
    return trace(DEEP, TrainState.fresh(PARAMS), DOCUMENT)


def test_names_and_shapes(seen: Trace) -> None:
    assert list(seen.values) == names(2)
    assert len(names(1)) == 4 + 14 + 3
    assert set(seen.values) - set(seen.grads) == {"probs", "loss"}
    for name, array in seen.values.items():
        wide = {"logits": 5, "probs": 5, "loss": 1}.get(name, 6)
        wide *= 4 if name.endswith(("mlp_hidden", "mlp_relu")) else 1
        shape = (3, 4, 4) if name.endswith(("attn_scores", "attn_weights")) else (4, wide)
        assert (array.shape, array.dtype) == (shape, np.float64), name
        assert name not in seen.grads or seen.grads[name].shape == shape, name


def test_values_follow_from_each_other(seen: Trace) -> None:
    v = seen.values

    def same(name: str, want: np.ndarray) -> None:
        assert np.abs(v[name] - want).max() < 1e-12, name

    def norm(x: np.ndarray) -> np.ndarray:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)

    same("tok_emb", PARAMS["wte"][DOCUMENT[:4]])
    same("pos_emb", PARAMS["wpe"])
    same("emb_sum", v["tok_emb"] + v["pos_emb"])
    same("emb_norm", norm(v["emb_sum"]))
    x = "emb_norm"
    for i in range(2):
        at, p = f"layer{i}.", {k.partition(".")[2]: a for k, a in PARAMS.items() if f"r{i}." in k}
        same(at + "attn_norm", norm(v[x]))
        for name in "qkv":
            same(at + name, v[at + "attn_norm"] @ p[f"attn_w{name}"].T)
        q, k, values = (v[at + n].reshape(4, 3, 2).transpose(1, 0, 2) for n in "qkv")
        same(at + "attn_scores", np.tril(q @ k.transpose(0, 2, 1) / np.sqrt(2)))
        e = np.tril(np.exp(v[at + "attn_scores"]))
        same(at + "attn_weights", e / e.sum(-1, keepdims=True))
        mixed = (v[at + "attn_weights"] @ values).transpose(1, 0, 2).reshape(4, 6)
        same(at + "attn_out", mixed)
        same(at + "attn_proj", v[at + "attn_out"] @ p["attn_wo"].T)
        same(at + "attn_resid", v[x] + v[at + "attn_proj"])
        same(at + "mlp_norm", norm(v[at + "attn_resid"]))
        same(at + "mlp_hidden", v[at + "mlp_norm"] @ p["mlp_fc1"].T)
        same(at + "mlp_relu", np.maximum(v[at + "mlp_hidden"], 0))
        same(at + "mlp_proj", v[at + "mlp_relu"] @ p["mlp_fc2"].T)
        same(at + "mlp_resid", v[at + "attn_resid"] + v[at + "mlp_proj"])
        x = at + "mlp_resid"
    same("logits", v[x] @ PARAMS["lm_head"].T)
    e = np.exp(v["logits"])
    same("probs", e / e.sum(-1, keepdims=True))
    same("loss", -np.log(v["probs"][range(4), DOCUMENT[1:5]])[:, None])
    assert seen.loss == pytest.approx(v["loss"].mean(), rel=1e-15)


def test_embedding_gradients_are_slopes(seen: Trace) -> None:
    """Each token and position stands once, so a nudge of its row is a nudge of that one value."""
    step = 1e-6
    for name, tensor, row, position in (("tok_emb", "wte", 3, 2), ("pos_emb", "wpe", 1, 1)):
        for i in range(DEEP.n_embd):
            losses = []
            for shift in (step, -step):
                params = {k: a.copy() for k, a in PARAMS.items()}
                params[tensor][row, i] += shift
                losses.append(trace(DEEP, TrainState.fresh(params), DOCUMENT).loss)
            slope = (losses[0] - losses[1]) / (2 * step)
            assert seen.grads[name][position, i] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_nobody_looks_ahead(seen: Trace) -> None:
    """What comes later changes nothing before it."""
    later = trace(DEEP, TrainState.fresh(PARAMS), [4, 0, 3, 2, 2, 4])
    for name in ("logits", "layer1.attn_out"):
        assert np.array_equal(later.values[name][:3], seen.values[name][:3])
        assert not np.array_equal(later.values[name][3], seen.values[name][3])


def test_a_trace_is_the_callers_own() -> None:
    """Writing into one changes neither the weights nor the next trace."""
    state = TrainState.fresh(small_params())
    first = trace(SMALL, state, [4, 1, 4])
    kept = first.loss
    for array in (*first.values.values(), *first.grads.values()):
        array[:] = 0
    assert trace(SMALL, state, [4, 1, 4]).loss == kept


def test_an_impossible_document() -> None:
    with pytest.raises(ValueError, match="token ids must be from 0 to 4"):
        trace(SMALL, TrainState.fresh(small_params()), [4, 5, 4])
