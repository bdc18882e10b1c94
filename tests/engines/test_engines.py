"""What every engine promises beyond the vectors: any shape, bad input, sessions, states.

The NumPy engine is compared with the scalar one on random small shapes; the contracts of
`engines/base.py` are checked on every engine there is.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt import engines
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import CHUNK_SECONDS, BaseEngine, Document, TrainState
from glassgpt.errors import DivergedError, EngineError
from support import PRECISIONS, SMALL, assert_close, build, furthest, skip_without, small_params

DOCUMENTS = [[4, 0, 1, 4], [4, 4], [4, 3, 2, 1, 0, 3, 2, 4], [4, 1, 4]]
every_engine = pytest.mark.parametrize("name", engines.NAMES)


@st.composite
def problems(draw: st.DrawFn) -> tuple[ModelConfig, list[list[Document]], int]:
    """A small shape, batches for two steps, a seed for the weights."""
    head_dim, n_head = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    vocab_size, block_size = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    config = ModelConfig(vocab_size, draw(st.integers(1, 3)), n_head * head_dim, n_head, block_size)
    document = st.lists(st.integers(0, vocab_size - 1), min_size=2, max_size=block_size + 3)
    batch = st.lists(document, min_size=1, max_size=3)
    return config, [draw(batch), draw(batch)], draw(st.integers(0, 2**32))


@pytest.mark.parametrize("name", [name for name in engines.NAMES if name != "scalar"])
@settings(max_examples=25)
@given(problem=problems())
def test_any_shape_computes_what_the_reference_computes(
    name: str, problem: tuple[ModelConfig, list[list[Document]], int]
) -> None:
    config, batches, seed = problem
    # Rates so high that the second step starts far from the first; eps so large that a gradient
    # which is nothing but rounding moves nothing.
    training, rates = TrainConfig(eps=1e-3), [0.3, 0.1]
    params = small_params(config, seed)
    ours, its = build(name, config, params, training), build("scalar", config, params, training)
    got, want = ours.loss_and_grads(batches[0]), its.loss_and_grads(batches[0])
    assert abs(got[0] - want[0]) <= 1e-12
    assert_close(got[1], want[1], 1e-11)
    assert furthest(ours.train(batches, rates), its.train(batches, rates)) <= 1e-9
    got, want = ours.state(), its.state()
    assert got.step == want.step == 2
    for kind in ("params", "m", "v"):
        assert_close(getattr(got, kind), getattr(want, kind), 1e-9)


@every_engine
def test_state_goes_on_bit_for_bit(name: str) -> None:
    """Two steps, saved, two more: the same as four at once."""
    batches, rates = [[d] for d in DOCUMENTS], [0.1, 0.08, 0.05, 0.02]
    whole, first = (build(name, SMALL, small_params()) for _ in range(2))
    losses = whole.train(batches, rates)
    assert first.train(batches[:2], rates[:2]) == losses[:2]
    second = build(name, SMALL, first.state())
    assert second.train(batches[2:], rates[2:]) == losses[2:]
    for kind in ("params", "m", "v"):
        assert_close(getattr(second.state(), kind), getattr(whole.state(), kind), 0.0)


@every_engine
def test_states_and_gradients_are_copies(name: str) -> None:
    skip_without(name)
    given_state = TrainState.fresh(small_params())
    engine = engines.create(name, SMALL, given_state, TrainConfig())
    loss, grads = engine.loss_and_grads(DOCUMENTS)
    kept = {name: g.copy() for name, g in grads.items()}
    before = engine.state()
    engine.train([DOCUMENTS], [0.1])
    assert_close(given_state.params, small_params(), 0.0)
    assert_close(before.params, small_params(), 0.0)
    assert_close(grads, kept, 0.0)
    for array in before.params.values():
        array[:] = 0
    assert engine.loss_and_grads(DOCUMENTS)[0] not in (loss, math.log(SMALL.vocab_size))


@every_engine
def test_looking_changes_nothing(name: str) -> None:
    engine = build(name, SMALL, small_params())
    before = engine.state()
    first = engine.loss_and_grads(DOCUMENTS)
    engine.surprises(DOCUMENTS)
    engine.session().feed(4)
    again = engine.loss_and_grads(DOCUMENTS)
    assert first[0] == again[0]
    assert_close(again[1], first[1], 0.0)
    assert_close(engine.state().params, before.params, 0.0)
    assert engine.state().step == 0


@every_engine
def test_sessions_and_surprises_agree(name: str) -> None:
    engine = build(name, SMALL, small_params())
    for document, row in zip(DOCUMENTS, engine.surprises(DOCUMENTS), strict=True):
        n = min(len(document) - 1, SMALL.block_size)
        assert (row.shape, row.dtype) == ((n,), np.float64)
        session = engine.session()
        for position in range(n):
            logits = session.feed(document[position])
            assert (logits.shape, logits.dtype) == ((SMALL.vocab_size,), np.float64)
            surprise = np.log(np.exp(logits).sum()) - logits[document[position + 1]]
            assert abs(surprise - row[position]) <= 1e-12
    loss, _ = engine.loss_and_grads(DOCUMENTS)
    assert abs(loss - np.mean([row.mean() for row in engine.surprises(DOCUMENTS)])) <= 1e-12


@every_engine
def test_surprises_of_many_documents(name: str) -> None:
    """More than fit one internal batch, of mixed lengths; and none at all."""
    engine = build(name, SMALL, small_params())
    many = engine.surprises(DOCUMENTS * 40)
    for i, document in enumerate(DOCUMENTS):
        [alone] = engine.surprises([document])
        assert all(furthest(row.tolist(), alone.tolist()) <= 1e-12 for row in many[i::4])
    assert engine.surprises([]) == []


@every_engine
def test_two_sessions_do_not_mix(name: str) -> None:
    engine = build(name, SMALL, small_params())
    a, b = engine.session(), engine.session()
    alone = engine.session()
    want = [alone.feed(token_id).tolist() for token_id in (4, 0, 1)]
    got = []
    for token_id in (4, 0, 1):
        got.append(a.feed(token_id).tolist())
        b.feed(3)
    assert got == want


@every_engine
@pytest.mark.parametrize("broken", ["wte", "lm_head", "layer0.attn_wk", "layer0.mlp_fc1"])
def test_a_loss_that_is_not_finite_ends_the_call_without_an_update(name: str, broken: str) -> None:
    bad = small_params()
    bad[broken][0, 0] = math.nan
    engine = build(name, SMALL, bad)
    [loss] = engine.train([[[4, 0, 4]]] * 3, [0.1] * 3)
    assert not math.isfinite(loss)
    after = engine.state()
    assert after.step == 0
    for tensor, array in bad.items():
        assert np.array_equal(after.params[tensor], array, equal_nan=True)
        assert not after.m[tensor].any()
        assert not after.v[tensor].any()


@every_engine
def test_what_follows_a_loss_that_is_not_finite_is_not_poisoned(name: str) -> None:
    """One certain token more: its document has p = 0, the others are as before."""
    params = small_params()
    params["lm_head"] *= 1e4
    engine = build(name, SMALL, params)
    rows = engine.surprises([[4, token_id] for token_id in range(5)])
    losses = [float(row[0]) for row in rows]
    impossible, likely = losses.index(math.inf), int(np.argmin(losses))
    assert engine.train([[[4, impossible]]], [0.1]) == [math.inf]
    _, grads = engine.loss_and_grads([[4, likely]])
    assert all(np.isfinite(g).all() for g in grads.values())


@pytest.mark.parametrize(("name", "dtype"), PRECISIONS)
def test_a_probability_too_small_for_the_number_format_has_a_finite_loss(
    name: str, dtype: str
) -> None:
    """e^-300 is 0 in float32, and its logarithm is -300 all the same."""
    params = small_params()
    params["lm_head"] *= 80
    document = [4, 0, 1, 2, 3, 4]
    [exact] = build("scalar", SMALL, params).surprises([document])
    assert 150 < exact.max() < 700  # between the limits of float32 and float64
    engine = build(name, SMALL, params, dtype=dtype)
    [row] = engine.surprises([document])
    assert row == pytest.approx(exact, rel=1e-12 if dtype == "float64" else 1e-5, abs=1e-4)
    [loss, after] = engine.train([[document]] * 2, [0.01] * 2)
    assert loss == pytest.approx(exact.mean(), rel=1e-5)
    assert math.isfinite(after)
    assert engine.state().step == 2
    params["lm_head"] *= 5
    steeper = build(name, SMALL, params, dtype=dtype)
    [row] = steeper.surprises([document])
    assert row.max() > 745
    assert math.isinf(row.max()) == (dtype == "float64")  # there the reference's limit holds


# --- refusals -------------------------------------------------------------------------------------


def broken_states() -> dict[str, TrainState]:
    states = {what: TrainState.fresh(small_params()) for what in ("order", "shape", "dtype", "m")}
    states["order"].params = dict(reversed(states["order"].params.items()))
    states["shape"].params["wte"] = states["shape"].params["wte"].T
    states["dtype"].params["wpe"] = states["dtype"].params["wpe"].astype(np.float32)  # type: ignore[assignment]
    del states["m"].m["lm_head"]
    return states


@every_engine
@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("order", "the tensors must be"),
        ("shape", r"wte must be float64 \(5, 4\), not float64 \(4, 5\)"),
        ("dtype", r"wpe must be float64 \(6, 4\), not float32 \(6, 4\)"),
        ("m", "the tensors must be"),
    ],
)
def test_a_state_of_another_model(name: str, what: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(name, SMALL, broken_states()[what])


@every_engine
@pytest.mark.parametrize("document", [[], [4], [4, 5, 4], [4, -1, 4]])
def test_impossible_documents(name: str, document: list[int]) -> None:
    engine = build(name, SMALL, small_params())
    says = "at least two tokens" if len(document) < 2 else "token ids must be from 0 to 4"
    for use in (
        lambda: engine.train([[[4, 0, 4]], [[4, 0, 4], document]], [0.1, 0.1]),
        lambda: engine.loss_and_grads([document]),
        lambda: engine.surprises([document]),
    ):
        with pytest.raises(ValueError, match=says):
            use()


@every_engine
def test_a_rate_for_every_batch(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        build(name, SMALL, small_params()).train([[[4, 0, 4]]], [0.1, 0.1])


@every_engine
def test_impossible_feeds(name: str) -> None:
    session = build(name, SMALL, small_params()).session()
    for token_id in (5, -1):
        with pytest.raises(ValueError, match=f"from 0 to 4, not {token_id}"):
            session.feed(token_id)
    for _ in range(SMALL.block_size):  # a refused token has taken no place
        session.feed(0)
    with pytest.raises(ValueError, match="the context is full: block_size is 6"):
        session.feed(0)


def test_engines_that_do_not_exist() -> None:
    state = TrainState.fresh(small_params())
    with pytest.raises(
        EngineError, match=f"no engine 'cuda'; there are: {', '.join(engines.NAMES)}$"
    ):
        engines.create("cuda", SMALL, state, TrainConfig())
    for name in engines.NAMES:
        with pytest.raises(EngineError, match=f"the {name} engine does not support 'float16'"):
            engines.create(name, SMALL, state, TrainConfig(), "float16")


def test_the_default_is_there() -> None:
    assert engines.DEFAULT in engines.NAMES
    assert engines.NAMES[0] == "scalar"


# --- what engines have beyond the heart of the seam -----------------------------------------------


@every_engine
@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (0.5, 3), (0, None)])
def test_many_texts_at_once_are_those_written_one_by_one(
    name: str, temperature: float, top_k: int | None
) -> None:
    engine = build(name, SMALL, small_params(SMALL))
    uniforms = np.random.default_rng(1).random(100)
    for prompt in ([4], [4, 0, 2]):
        texts = engine.generate(prompt, uniforms, 9, temperature, top_k)
        assert len(texts.token_ids) == 9
        start = 0
        for token_ids, log_prob in zip(texts.token_ids, texts.log_probs, strict=True):
            room = SMALL.block_size + 1 - len(prompt)
            assert token_ids[-1] == 4 or len(token_ids) == room
            [single] = engine.generate(prompt, uniforms[start:], 1, temperature, top_k).token_ids
            assert token_ids == single
            whole = [*prompt, *token_ids]
            [surprises] = engine.surprises([whole])
            assert log_prob == pytest.approx(-sum(surprises[len(prompt) - 1 :]), abs=1e-12)
            start += len(token_ids) if temperature else 0
        assert texts.used == start
        assert texts.token_ids == BaseEngine.generate(
            engine, prompt, uniforms, 9, temperature, top_k  # type: ignore[arg-type]
        ).token_ids  # fmt: skip
        if temperature:
            short = engine.generate(prompt, uniforms[: texts.used - 1], 9, temperature, top_k)
            assert short.token_ids == texts.token_ids[:-1]


@every_engine
@pytest.mark.parametrize("tensor", ["wte", "lm_head"])
def test_a_damaged_model_writes_nothing(name: str, tensor: str) -> None:
    params = small_params(SMALL)
    params[tensor][4] = math.nan
    with pytest.raises(DivergedError, match="not finite"):
        build(name, SMALL, params).generate([4], [0.5] * 50, 3)


@every_engine
def test_what_an_engine_need_not_have_has_a_default(name: str) -> None:
    engine = build(name, SMALL, small_params(SMALL))
    assert engine.chunk_seconds == CHUNK_SECONDS
    assert (engine.work is not None) == (name == "torch")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "numpy",
            {"device": "cpu", "compile": True},
            "device, compile are for the torch engine",
        ),
        ("scalar", {"threads": 2}, "threads is for the native engine; this is scalar"),
        ("numpy", {"sails": 2}, "sails is for no engine; this is numpy"),
    ],
)
def test_options_of_another_engine_are_refused(name: str, options: dict, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        engines.check(name, "float64", **options)
