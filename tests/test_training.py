"""A run: its order, its weights, its chunks, and how it ends when the loss blows up."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt import engines, training
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.datasets import Dataset, from_texts
from glassgpt.engines.base import BaseEngine, Document
from glassgpt.errors import ConfigError, DataError, DivergedError
from glassgpt.text.characters import CharTokenizer
from glassgpt.training import Run, begin, initial_params, train
from support import assert_close, build

TOKENIZER = CharTokenizer("ab")


class FakeEngine(BaseEngine):
    """Makes steps without work: the loss is the step's number, or what `losses` says instead.

    Its clock says that every call took as long as the next of `seconds`.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        seconds: Sequence[float] = (0.01,),
        losses: dict[int, float] | None = None,
    ) -> None:
        self.calls: list[tuple[list[list[Document]], list[float]]] = []
        self.seconds, self.losses, self.made, self.now = itertools.cycle(seconds), losses, 0, 0.0
        monkeypatch.setattr(training.time, "perf_counter", lambda: self.now)

    def train(self, batches: list[list[Document]], learning_rates: list[float]) -> list[float]:
        self.calls.append((batches, learning_rates))
        self.now += next(self.seconds)
        result = []
        for _ in batches:
            self.made += 1
            result.append((self.losses or {}).get(self.made, float(self.made)))
            if not math.isfinite(result[-1]):
                break
        return result


def make_run(steps: int, n: int = 5, num_train: int | None = None, batch_size: int = 1) -> Run:
    documents = ["a" * (i + 1) for i in range(n)]
    config = TrainConfig(steps=steps, batch_size=batch_size)
    return Run.of_texts(ModelConfig(3), config, TOKENIZER, documents, num_train or n)


# --- begin ----------------------------------------------------------------------------------------


def test_one_stream_shuffles_then_draws_the_weights_then_samples(ten: Dataset) -> None:
    run, state, rng = begin(ten, TrainConfig(seed=7), 2, 8, 2, 4)
    theirs, order = random.Random(7), list(ten.documents)
    theirs.shuffle(order)
    weights = {
        name: [[theirs.gauss(0, 0.08) for _ in range(n_in)] for _ in range(n_out)]
        for name, (n_out, n_in) in run.model.shapes.items()
    }
    assert run.documents == order
    assert_close(state.params, weights, 0.0)
    assert rng.random() == theirs.random()
    assert run.model == ModelConfig(17, 2, 8, 2, 4)
    assert state.step == 0
    assert not any(a.any() for a in (*state.m.values(), *state.v.values()))


def test_the_documents_given_stay_as_they_are(ten: Dataset) -> None:
    before = list(ten.documents)
    begin(ten, TrainConfig())
    assert ten.documents == before


@pytest.mark.parametrize(("val_fraction", "held_out"), [(0.0, 0), (0.1, 1), (0.25, 2), (0.99, 9)])
def test_the_last_of_the_shuffled_list_are_held_out(
    begun: Callable, val_fraction: float, held_out: int
) -> None:
    """Setting some aside does not change the order of the others."""
    run, state, _ = begun(val_fraction=val_fraction)
    whole, same_state, _ = begun()
    assert run.documents == whole.documents
    assert run.train.texts + run.held_out == run.documents
    assert len(run.held_out) == held_out
    assert_close(state.params, same_state.params, 0.0)
    read = {text for step in range(50) for text in run.batch(step)}
    assert read == set(run.train.texts)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("val_fraction", [0.2, 0.34, 0.5, 0.9])
def test_no_text_is_on_both_sides_of_the_split(seed: int, val_fraction: float) -> None:
    texts = ["a", "b", "ab", "ba", "aa", "bb", "aab", "abb", "bab", "baa"]
    documents = texts * 3 + texts[:5] * 4
    training = TrainConfig(seed=seed, val_fraction=val_fraction)
    run, state, after = begin(from_texts(documents, tokenizer=CharTokenizer("ab")), training)
    whole, same, stream = begin(
        from_texts(documents, tokenizer=CharTokenizer("ab")), TrainConfig(seed=seed)
    )
    aside = run.documents[run.num_train :]
    assert len(set(aside)) == int(10 * val_fraction)
    assert not set(aside) & set(run.train.texts)
    assert sorted(run.documents) == sorted(documents)
    assert run.held_out == list(dict.fromkeys(aside))
    # The others keep their order, and the random stream goes on where it does without a split.
    assert run.train.texts == [d for d in whole.documents if d not in aside]
    assert_close(state.params, same.params, 0.0)
    assert after.getstate() == stream.getstate()


def test_held_out_texts_of_an_older_run_are_those_it_does_not_train_on() -> None:
    """It may have copies of a text on both sides: documents.txt and num_train say which."""
    texts = ["a", "b", "a", "ba", "b", "ba"]
    run = Run.of_texts(ModelConfig(3), TrainConfig(), TOKENIZER, texts, 3)
    assert run.held_out == ["ba"]
    assert run.held_out_ids(9) == [run.tokenizer.encode("ba")]


def test_a_fraction_is_the_decimal_that_is_written() -> None:
    """29 of 100, though 100 * 0.29 is a little less than 29 in floating point."""
    documents = [f"{a}{b}" for a in "abcdefghij" for b in "abcdefghij"]
    counts = [
        len(
            begin(from_texts(documents, tokenizer=TOKENIZER), TrainConfig(val_fraction=f))[
                0
            ].held_out
        )
        for f in (0.29, 0.57, 0.58, 0.999, 0.01)
    ]
    assert counts == [29, 57, 58, 99, 1]


@pytest.mark.parametrize(
    ("documents", "val_fraction", "message"),
    [
        (["a", "b", "ab"], 0.3, "0.3 holds out none .* 3 are distinct; it must be at least 1/3"),
        (["a", "a"], 0.9, "0.9 holds out none of the documents, of which 1 is distinct; all of"),
    ],
)
def test_holding_out_nothing_is_refused(
    documents: list[str], val_fraction: float, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        begin(from_texts(documents, tokenizer=TOKENIZER), TrainConfig(val_fraction=val_fraction))


def test_nothing_to_train_on() -> None:
    with pytest.raises(DataError, match="has no texts"):
        begin(from_texts([]), TrainConfig())
    with pytest.raises(ConfigError, match="n_head is 3"):
        begin(from_texts(["a", "b"]), TrainConfig(), n_head=3)


def test_no_spread_makes_weights_of_zero() -> None:
    params = initial_params(ModelConfig(3), random.Random(1), 0.0)
    assert not any(p.any() for p in params.values())


@given(st.integers(1, 7), st.integers(1, 9), st.integers(1, 20))
def test_batches_walk_the_list_round_and_round(n: int, batch_size: int, steps: int) -> None:
    run = make_run(steps, n, batch_size=batch_size)
    read = [text for step in range(steps) for text in run.batch(step)]
    assert read == list(itertools.islice(itertools.cycle(run.documents), steps * batch_size))
    for done in range(steps + 1):
        assert run.seen(done) == set(read[: done * batch_size])


# --- train ----------------------------------------------------------------------------------------


@given(
    steps=st.integers(1, 400),
    done=st.integers(0, 400),
    seconds=st.lists(st.sampled_from([0.0, 1e-6, 1e-3, 0.03, 0.05, 2.0]), min_size=1, max_size=6),
)
def test_every_step_is_made_once_however_long_they_take(
    steps: int, done: int, seconds: list[float]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        engine, run = FakeEngine(patch, seconds), make_run(steps)
        chunks = list(train(run, engine, done))
    batches = [batch for call, _ in engine.calls for batch in call]
    rates = [rate for _, call in engine.calls for rate in call]
    encode = TOKENIZER.encode
    assert batches == [[encode(d) for d in run.batch(s)] for s in range(done, steps)]
    assert rates == run.training.learning_rates(done, steps)
    assert [chunk.start for chunk in chunks] == [
        done + before for before in itertools.accumulate([0] + [len(c.losses) for c in chunks[:-1]])
    ][: len(chunks)]
    assert [loss for c in chunks for loss in c.losses] == [*range(1, 1 + max(0, steps - done))]
    assert [rate for c in chunks for rate in c.learning_rates] == rates


def test_chunks_grow_to_what_fits_and_no_faster_than_twofold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = FakeEngine(monkeypatch)

    def a_millisecond_a_step(batches: list, rates: list) -> list[float]:
        engine.now += len(batches) / 1000
        return [1.0] * len(batches)

    monkeypatch.setattr(engine, "train", a_millisecond_a_step)
    sizes = [len(chunk.losses) for chunk in train(make_run(1000), engine)]
    assert sizes[:6] == [1, 2, 4, 8, 16, 32]
    assert all(38 <= size <= 40 for size in sizes[6:-1])


def test_stop_is_asked_between_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, answers = FakeEngine(monkeypatch, [1.0]), iter([False, False, True])
    chunks = list(train(make_run(100), engine, stop=lambda: next(answers)))
    assert [chunk.start for chunk in chunks] == [0, 1]
    assert list(train(make_run(100), engine, stop=lambda: True)) == []


def test_nothing_is_made_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(monkeypatch)
    steps = train(make_run(100), engine)
    assert engine.made == 0
    next(steps)
    assert engine.made == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("at", [1, 2, 3, 5, 100])
def test_the_step_that_diverged_is_named_after_the_good_ones(
    monkeypatch: pytest.MonkeyPatch, at: int, bad: float
) -> None:
    engine, losses = FakeEngine(monkeypatch, losses={at: bad}), []
    with pytest.raises(DivergedError) as caught:
        for chunk in train(make_run(100), engine):
            losses += zip(chunk.losses, chunk.learning_rates, strict=True)
    assert [loss for loss, _ in losses] == [*range(1, at)]
    # The first loss is that of the initial weights: no learning rate has had a part in it.
    smaller = "init_std (it is 0.08)" if at == 1 else "learning_rate (it is 0.01)"
    assert str(caught.value) == (
        f"training diverged: the loss is {bad} at step {at}; try a smaller {smaller}"
    )
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("name", [name for name in engines.NAMES if name != "scalar"])
def test_a_learning_rate_of_one_ends_with_the_state_before_the_loss_blew_up(
    name: str, begun: Callable[..., tuple]
) -> None:
    run, state, _ = begun(learning_rate=1.0)
    engine = build(name, run.model, state, run.training)
    losses: list[float] = []
    with pytest.raises(DivergedError, match=r"the loss is (inf|nan) at step \d+") as caught:
        for chunk in train(run, engine):
            losses += chunk.losses
    good = len(losses)
    assert f"at step {good + 1};" in str(caught.value)
    assert good >= 1
    assert np.isfinite(losses).all()
    after = engine.state()
    assert after.step == good

    again = build(name, run.model, state, run.training)
    assert list(again_losses(run, again, good)) == losses
    assert_close(after.params, again.state().params, 0.0)
    assert all(np.isfinite(p).all() for p in after.params.values())


def again_losses(run: Run, engine: object, steps: int) -> Iterator[float]:
    """The same steps by hand, one at a time."""
    for step in range(steps):
        batch = [run.tokenizer.encode(text) for text in run.batch(step)]
        yield from engine.train([batch], run.training.learning_rates(step, step + 1))


def test_a_run_goes_on_from_where_it_was(begun: Callable[..., tuple]) -> None:
    run, state, _ = begun(steps=60)
    whole = build("numpy", run.model, state, run.training)
    losses = [loss for chunk in train(run, whole) for loss in chunk.losses]

    first = build("numpy", run.model, state, run.training)
    done, chunks = 0, train(run, first)
    while done < 20:
        done += len(next(chunks).losses)
    second = build("numpy", run.model, first.state(), run.training)
    rest = [loss for chunk in train(run, second, done) for loss in chunk.losses]
    assert rest == losses[done:]
    assert_close(second.state().params, whole.state().params, 0.0)
