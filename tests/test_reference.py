"""The definition itself: the model against PyTorch and finite differences, and its memory."""

from __future__ import annotations

import builtins
import gc
import math
import random
import weakref

import numpy as np
import pytest

from glassgpt import reference
from glassgpt.config import ModelConfig
from glassgpt.engines.scalar import collector_resting
from glassgpt.reference import GPT, Adam, Value
from support import arrays, assert_close, vectors

TINY = vectors("tiny_model")

# --- the model ------------------------------------------------------------------------------------


def tiny_model() -> GPT:
    """The tiny model with the vectors' weights."""
    config = ModelConfig.from_dict(TINY["model"])
    model = GPT(config.vocab_size, config.n_layer, config.n_embd, config.n_head, config.block_size)
    for name, matrix in model.params.items():
        for row, numbers in zip(matrix, TINY["params"][name], strict=True):
            for parameter, number in zip(row, numbers, strict=True):
                parameter.data = number
    return model


@pytest.mark.parametrize("index", range(len(TINY["passes"])))
def test_gradients_agree_with_pytorch(index: int) -> None:
    """An independent oracle: the same model in PyTorch operations, its autograd's gradients."""
    torch = pytest.importorskip("torch", reason="PyTorch, the independent oracle, is a dev extra")
    want, config = TINY["passes"][index], ModelConfig.from_dict(TINY["model"])
    p = {
        name: torch.tensor(array, requires_grad=True)
        for name, array in arrays(TINY["params"]).items()
    }

    def norm(x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5)

    tokens = torch.tensor(want["document"][: config.block_size + 1])
    n = len(tokens) - 1
    future = torch.ones(n, n, dtype=torch.bool).triu(1)
    x = norm(p["wte"][tokens[:-1]] + p["wpe"][:n])
    for i in range(config.n_layer):
        w = {name.rpartition(".")[2]: t for name, t in p.items() if name.startswith(f"layer{i}.")}
        q, k, v = (
            (norm(x) @ w[name].T).view(n, config.n_head, config.head_dim).transpose(0, 1)
            for name in ("attn_wq", "attn_wk", "attn_wv")
        )
        scores = (q @ k.transpose(1, 2) / config.head_dim**0.5).masked_fill(future, -math.inf)
        mixed = (scores.softmax(-1) @ v).transpose(0, 1).reshape(n, -1)
        x = x + mixed @ w["attn_wo"].T
        x = x + (norm(x) @ w["mlp_fc1"].T).relu() @ w["mlp_fc2"].T
    loss = torch.nn.functional.cross_entropy(x @ p["lm_head"].T, tokens[1:])
    loss.backward()

    model = tiny_model()
    got = model.loss(want["document"])
    got.backward()
    assert got.data == pytest.approx(loss.item(), rel=0, abs=1e-12)
    grads = {name: [[v.grad for v in row] for row in m] for name, m in model.params.items()}
    zero = torch.zeros(())  # a tensor that this document never touches has no gradient at all
    assert_close(grads, {n: (t.grad if t.grad is not None else zero) for n, t in p.items()}, 1e-12)


@pytest.mark.parametrize("tensor", list(TINY["params"]))
def test_model_gradients_are_finite_differences(tensor: str) -> None:
    """Directional: all weights of a tensor moved at once along its gradient."""
    document, model = TINY["passes"][0]["document"], tiny_model()
    model.loss(document).backward()
    weights = [v for row in model.params[tensor] for v in row]
    start, grads = [v.data for v in weights], [v.grad for v in weights]

    def at(shift: float) -> float:
        for v, data, grad in zip(weights, start, grads, strict=True):
            v.data = data + shift * grad
        return model.loss(document).data

    step, steepness = 1e-6, math.fsum(g * g for g in grads)
    assert (at(step) - at(-step)) / (2 * step) == pytest.approx(steepness, rel=1e-5)


def test_learning_rates_fall_to_zero_and_losses_are_those_before_the_update() -> None:
    first, second = tiny_model(), tiny_model()
    document = TINY["passes"][0]["document"]
    losses = dict(reference.train(first, Adam(first.parameters()), [document], 4, 0.1))
    adam, by_hand = Adam(second.parameters()), []
    for share in (1, 0.75, 0.5, 0.25):
        loss = second.loss(document)
        loss.backward()
        adam.step(0.1 * share)
        by_hand.append(loss.data)
    assert list(losses) == [1, 2, 3, 4]
    assert list(losses.values()) == by_hand


def test_training_that_blows_up_stops_before_the_update() -> None:
    model = tiny_model()
    adam = Adam(model.parameters())
    with pytest.raises(FloatingPointError, match=r"at step [2-9]: try a smaller --lr"):
        list(reference.train(model, adam, [[6, 0, 3, 6], [6, 5, 2, 6]], 10, 1e3))
    assert all(math.isfinite(v.data) for v in model.parameters())


# --- memory, rounding --------------------------------------------------------------


class Tracked(Value):
    """A Value that can be waited for."""

    __slots__ = ("__weakref__",)


def test_the_graph_of_a_step_is_freed_without_the_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gc.collect()
    model = tiny_model()
    alive: weakref.WeakSet[Value] = weakref.WeakSet()
    most = 0

    def tracked(*args: object) -> Value:
        nonlocal most
        value = Tracked(*args)
        alive.add(value)
        most = max(most, len(alive))
        return value

    monkeypatch.setattr(reference, "Value", tracked)
    # isinstance(other, Value) needs a class: let the module's own operators see the real one.
    monkeypatch.setattr(reference, "isinstance", lambda x, _: isinstance(x, Value), raising=False)
    adam = Adam(model.parameters())
    document = TINY["passes"][0]["document"]
    with collector_resting():
        for _ in reference.train(model, adam, [document], steps=3):
            pass
        assert len(alive) == 0
        reference.sample(model, 6, random.Random(1))
        assert len(alive) == 0
    assert most > 1000  # or nothing was watched


def test_floats_are_never_added_by_the_builtin_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since Python 3.12 sum() rounds floats differently; over Values it calls our own `+`."""

    def checked(items: list, start: object) -> object:
        assert isinstance(start, Value)
        assert all(isinstance(item, Value) for item in items)
        return builtins.sum(items, start)

    monkeypatch.setattr(reference, "sum", checked, raising=False)
    model = tiny_model()
    list(reference.train(model, Adam(model.parameters()), [[6, 0, 3, 6]], steps=1))
    assert np.isfinite(reference.sample(model, 6, random.Random(1))).all()
