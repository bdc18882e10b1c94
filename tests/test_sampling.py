"""Writing: the draw is CPython's, temperature and top-k do what they say, every choice is told."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glassgpt.engines.base import Engine
from glassgpt.engines.choosing import draw, softmax
from glassgpt.errors import ConfigError, DataError
from glassgpt.sampling import (
    SampleConfig,
    Step,
    distribution,
    encode_prompt,
    generate,
)
from glassgpt.text.characters import CharTokenizer
from support import SMALL

weights = st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda w: sum(w) > 0)
logits = arrays(np.float64, st.integers(1, 12), elements=st.floats(-50, 50, width=32))
rows = st.integers(0, 2**31)


class FakeEngine:
    """Always the same logits, whatever it reads; remembers what that was."""

    config = SMALL

    def __init__(self, logits: list[float]) -> None:
        self.logits, self.read = np.array(logits), []

    def session(self) -> FakeEngine:
        self.read = []
        return self

    def feed(self, token_id: int) -> np.ndarray:
        self.read.append(token_id)
        return self.logits


# --- the draw -------------------------------------------------------------------------------------


@given(weights, st.integers(0, 2**63 - 1))
def test_draw_is_random_choices(weights: list[float], seed: int) -> None:
    ours, theirs = random.Random(seed), random.Random(seed)
    for _ in range(20):
        assert draw(weights, ours.random()) == theirs.choices(range(len(weights)), weights)[0]


def test_draw_at_the_edges() -> None:
    """A token without weight is never drawn, not even by 0."""
    assert draw([0.0, 1.0, 0.0, 1.0, 0.0], 0.0) == 1
    assert draw([0.0, 1.0, 0.0, 1.0], math.nextafter(1, 0)) == 3
    assert draw([1.0, 1.0], 0.5) == 1


# --- the distribution -----------------------------------------------------------------------------


@given(logits, st.floats(0.01, 100), st.integers(1, 15) | st.none())
def test_a_distribution_sums_to_one_and_keeps_the_order(
    logits: np.ndarray, temperature: float, top_k: int | None
) -> None:
    probs = distribution(logits, SampleConfig(temperature, top_k))
    assert probs.sum() == pytest.approx(1)
    assert (probs >= 0).all()
    order = np.argsort(logits, kind="stable")
    assert (np.diff(probs[order]) >= -1e-15).all() or top_k is not None
    if top_k is not None:
        assert np.count_nonzero(probs) <= top_k
        assert probs.argmax() == softmax(logits / temperature).argmax()


@given(logits)
def test_temperature_one_is_the_models_own_distribution(logits: np.ndarray) -> None:
    want = [math.exp(x - logits.max()) for x in logits]
    want = [x / math.fsum(want) for x in want]
    assert distribution(logits, SampleConfig(1.0)) == pytest.approx(want, abs=1e-12)


@given(logits)
def test_cold_is_certain_and_hot_is_even(logits: np.ndarray) -> None:
    sharpness = [
        float((distribution(logits, SampleConfig(t)) ** 2).sum()) for t in (0.1, 0.5, 1.0, 2.0, 1e6)
    ]
    assert all(x >= y - 1e-12 for x, y in pairwise(sharpness))
    assert sharpness[-1] == pytest.approx(1 / len(logits), rel=1e-3)


def test_top_k_keeps_the_likeliest_and_of_equals_the_first() -> None:
    probs = distribution(np.array([0.0, 2.0, 1.0, 1.0, 2.0]), SampleConfig(1.0, 3))
    assert [i for i, p in enumerate(probs) if p] == [1, 2, 4]
    assert probs[1] == probs[4] > probs[2]


@pytest.mark.parametrize(
    "temperature",
    [
        1e-100,
        1e-300,
        1e-308,
        5e-324,
    ],
)
def test_ever_colder_is_ever_greedier(temperature: float) -> None:
    probs = distribution(np.array([1.0, 5.0, -3.0, 4.999]), SampleConfig(temperature))
    assert probs.tolist() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"temperature": -0.5}, r"temperature is -0\.5; it must be from 0 \(always the most"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"top_k": 0}, "top_k is 0; it must be at least 1"),
        ({"top_k": -1}, "top_k is -1"),
    ],
)
def test_impossible_settings(settings: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        SampleConfig(**settings)


# --- generate -------------------------------------------------------------------------------------


def test_greedy_takes_the_likeliest_and_no_randomness(tokenizer: CharTokenizer) -> None:
    rng = random.Random(1)
    before = rng.getstate()
    fake = FakeEngine([0.0, 0.0, 3.0, 3.0, 2.0])
    sample = generate(fake, tokenizer, rng, SampleConfig(0.0), record=True)
    assert (sample.text, sample.finished) == ("cccccc", False)
    assert rng.getstate() == before
    assert {step.uniform for step in sample.steps} == {None}
    assert sample.steps[0].probs.tolist() == [0, 0, 1, 0, 0]
    assert fake.read == [4, 2, 2, 2, 2, 2]


@given(seed=rows, prompt=st.text("abcd", max_size=5), t=st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_every_choice_is_told(seed: int, prompt: str, t: float) -> None:
    tokenizer, fake = CharTokenizer("abcd"), FakeEngine([0.1, 0.5, -0.3, 0.2, 0.4])
    rng, theirs = random.Random(seed), random.Random(seed)
    sample = generate(fake, tokenizer, rng, SampleConfig(t), prompt, record=True)
    assert sample.text.startswith(prompt)
    assert tokenizer.encode(sample.text)[1:-1] == sample.token_ids
    choices = [step.choice for step in sample.steps]
    assert tokenizer.encode(prompt)[:-1] + choices == [4, *sample.token_ids] + [4] * sample.finished
    assert [step.position for step in sample.steps] == [
        *range(len(prompt), len(prompt) + len(choices))
    ]
    assert [step.token_id for step in sample.steps] == fake.read[len(prompt) :]
    assert sample.finished or len(sample.token_ids) == SMALL.block_size
    log_probs = np.log(softmax(fake.logits))
    assert sample.log_prob == pytest.approx(math.fsum(log_probs[c] for c in choices))
    if t:
        assert [step.uniform for step in sample.steps] == [theirs.random() for _ in choices]
        assert [draw(s.probs.tolist(), s.uniform) for s in sample.steps] == choices
    assert rng.random() == theirs.random()  # one number a token, not one more


def test_without_record_there_are_no_steps_and_the_same_text(
    engine: Engine, tokenizer: CharTokenizer
) -> None:
    plain, told = (
        generate(engine, tokenizer, random.Random(3), SampleConfig(1.0), record=record)
        for record in (False, True)
    )
    assert plain.steps == []
    assert told.steps
    assert (plain.text, plain.log_prob) == (told.text, told.log_prob)


def test_a_seed_decides_everything(engine: Engine, tokenizer: CharTokenizer) -> None:
    def texts(seed: int) -> list[str]:
        rng = random.Random(seed)
        return [generate(engine, tokenizer, rng, SampleConfig(1.0)).text for _ in range(10)]

    assert texts(1) == texts(1) != texts(2)


def test_prompts_leave_room_for_one_token(engine: Engine, tokenizer: CharTokenizer) -> None:
    assert encode_prompt("", tokenizer, SMALL) == [4]
    assert encode_prompt("abcda", tokenizer, SMALL) == [4, 0, 1, 2, 3, 0]
    sample = generate(engine, tokenizer, random.Random(1), SampleConfig(1.0), "abcda")
    assert len(sample.token_ids) in (5, 6)
    for prompt in ("abcdab", "a" * 1000):
        with pytest.raises(DataError) as caught:
            generate(engine, tokenizer, random.Random(1), SampleConfig(1.0), prompt)
        assert str(caught.value) == (
            f"the prompt has {len(prompt)} tokens; it may have at most 5, "
            "for block_size is 6 and BOS takes one"
        )
    with pytest.raises(DataError, match="unknown character 'z'"):
        generate(engine, tokenizer, random.Random(1), SampleConfig(1.0), "abz")


def test_the_top_of_a_step() -> None:
    step = Step(0, 4, np.array([0.1, 0.4, 0.1, 0.4]), 0.5, 1)
    assert step.top(3) == [(1, 0.4), (3, 0.4), (0, 0.1)]
    assert len(step.top()) == 4
