"""The ruler a model is measured with: n-grams that are distributions, splits that are honest."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import Engine
from glassgpt.evaluation import Known, Loss, NGram, model_loss, novelty_counts, split
from glassgpt.sampling import Sample, SampleConfig, generate
from glassgpt.text.characters import CharTokenizer
from glassgpt.training import Run
from support import SMALL, build, small_params

BOS = 4
documents = st.lists(
    st.lists(st.integers(0, BOS - 1), max_size=6).map(lambda ids: [BOS, *ids, BOS]),
    min_size=1,
    max_size=8,
)


# --- n-grams --------------------------------------------------------------------------------------


@given(st.integers(0, 4), documents, st.lists(st.integers(0, BOS), max_size=5))
def test_probabilities_sum_to_one(n: int, documents: list[list[int]], history: list[int]) -> None:
    """After any history, also one never met."""
    gram = NGram(n, documents, 5)
    probs = [gram.prob([BOS, *history], token_id) for token_id in range(5)]
    assert math.fsum(probs) == pytest.approx(1)
    assert min(probs) > 0


def test_counts_by_hand() -> None:
    """b follows a in two of three; the strength of what is shorter is three counts."""
    gram = NGram(2, [[2, 0, 1, 2], [2, 0, 1, 2], [2, 0, 0, 2]], 3)
    unigram_b = (2 + 3 * (1 / 3)) / (9 + 3)
    assert gram.prob([2, 0], 1) == pytest.approx((2 + 3 * unigram_b) / (4 + 3))
    assert gram.prob([0, 0, 1, 0], 1) == gram.prob([2, 0], 1)  # a bigram looks back one token
    assert gram.shorter is not None
    assert gram.shorter.prob([2, 0], 1) == pytest.approx(unigram_b)


@given(documents, st.integers(1, 9))
def test_uniform_loss_is_the_log_of_the_vocabulary(
    documents: list[list[int]], block_size: int
) -> None:
    loss = NGram(0, [], 5).loss(documents, block_size)
    assert loss.nats == pytest.approx(math.log(5))
    assert loss.bits == pytest.approx(math.log2(5))
    assert loss.documents == len(documents)
    assert loss.characters == sum(min(len(d) - 1, block_size) for d in documents)


def test_longer_looks_explain_what_they_were_made_from_better() -> None:
    texts = [[BOS, 0, 1, 2, 3, BOS], [BOS, 3, 2, 1, 0, BOS], [BOS, 0, 2, 1, 3, BOS]] * 20
    losses = [NGram(n, texts, 5).loss(texts, 16).nats for n in range(4)]
    assert losses == sorted(losses, reverse=True)
    assert losses[3] < 0.6 * losses[1]


def test_the_published_baselines(names_path: object) -> None:
    """Letter counts 2.82, bigrams 2.46 nats a character, on names never read."""
    texts = names_path.read_text().split()  # type: ignore[attr-defined]
    tokenizer = CharTokenizer("".join(texts))
    seen, unseen = texts[::2][:8000], sorted(set(texts[1::2]) - set(texts[::2]))[::10][:1000]
    read, held_out = ([tokenizer.encode(t) for t in group] for group in (seen, unseen))
    losses = [NGram(n, read, 27).loss(held_out, 16).nats for n in range(3)]
    assert losses == pytest.approx([3.296, 2.82, 2.46], abs=0.06)


# --- the model ------------------------------------------------------------------------------------


def test_model_loss_weighs_every_prediction_alike(engine: Engine) -> None:
    texts = [[4, 0, 4], [4, 1, 2, 3, 0, 1, 2, 3, 4]]
    loss, rows = model_loss(engine, texts), engine.surprises(texts)
    assert (loss.documents, loss.characters) == (2, 2 + SMALL.block_size)
    assert loss.nats == pytest.approx(np.concatenate(rows).mean(), rel=1e-15)


def test_a_model_of_zeros_is_the_uniform_baseline() -> None:
    engine = build("numpy", SMALL, {k: p * 0 for k, p in small_params().items()})
    texts = [[4, 0, 1, 4], [4, 3, 4]]
    want = NGram(0, [], 5).loss(texts, SMALL.block_size)
    assert model_loss(engine, texts) == Loss(pytest.approx(want.nats), 2, want.characters)


# --- the split ------------------------------------------------------------------------------------

texts = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=12)


def texts_of(run: Run, steps: int) -> tuple[list[str], list[str]]:
    """Both sides of the split as texts."""
    parts, decode = split(run, steps), run.tokenizer.decode
    return [decode(ids) for ids in parts.train], [decode(ids) for ids in parts.held_out]


@given(texts, st.integers(1, 5), st.integers(0, 20), st.data())
def test_what_was_read_is_never_held_out(
    texts: list[str], batch_size: int, steps: int, data: st.DataObject
) -> None:
    num_train = data.draw(st.integers(1, len(texts)))
    config = TrainConfig(batch_size=batch_size)
    run = Run.of_texts(ModelConfig(9), config, CharTokenizer("abcdefgh"), texts, num_train)
    train, held_out = texts_of(run, steps)
    read = {text for step in range(steps) for text in run.batch(step)}
    assert set(train) == read
    assert not read & set(held_out)
    assert len(held_out) == len(set(held_out))
    # Everything set aside is used, unless it was read under another line.
    assert set(run.held_out) - read <= set(held_out)


def test_without_a_val_fraction_the_documents_not_reached_are_held_out(
    begun: Callable[..., tuple],
) -> None:
    run, *_ = begun()
    assert texts_of(run, 4) == (run.documents[:4], run.documents[4:])
    assert len(split(run, 4, most=2).held_out) == 2
    assert split(run, 10).held_out == split(run, 1000).held_out == []


def test_with_a_val_fraction_only_those_set_aside(begun: Callable[..., tuple]) -> None:
    run, *_ = begun(val_fraction=0.3)
    assert texts_of(run, 2)[1] == run.documents[7:]


# --- novelty --------------------------------------------------------------------------------------


def written(text: str, finished: bool = True) -> Sample:
    return Sample(text, ["abcd".index(c) for c in text], -1.0, finished)


def test_a_text_is_seen_in_the_file_new_or_empty(tokenizer: CharTokenizer) -> None:
    known = Known({"ab"}, {"ab", "cd"}, tokenizer)
    bins = [known.novelty(written(text)) for text in ("ab", "cd", "ad", "a", "")]
    assert bins == ["seen", "in file", "new", "new", "empty"]


def test_a_cut_text_is_compared_with_beginnings(tokenizer: CharTokenizer) -> None:
    known = Known({"abcdabcd"}, {"abcdabcd", "dcbadcba"}, tokenizer)
    cut = [known.novelty(written(text, finished=False)) for text in ("abcd", "dcba", "aaaa")]
    assert cut == ["seen", "in file", "new"]
    # A text that the model ended is another document than the longer one it begins.
    assert [known.novelty(written(text)) for text in ("abcd", "dcba")] == ["new", "new"]
    # A whole document may be as long as the context.
    assert known.novelty(written("abcdabcd", finished=False)) == "seen"


def test_novelty_compares_in_the_normal_form_of_the_file() -> None:
    """A text is shown composed while the documents are decomposed."""
    tokenizer = CharTokenizer.from_documents(["zoe\u0308"], "nfd")
    ids = tokenizer.encode("zoë")[1:-1]
    assert tokenizer.decode(ids) == "zo\u00eb"
    known = Known({"zoe\u0308"}, {"zoe\u0308"}, tokenizer)
    assert known.novelty(Sample("zoë", ids, -1.0, True)) == "seen"
    assert known.novelty(Sample("zo", ids[:2], -1.0, False)) == "seen"


def test_without_the_documents_nothing_is_said(tokenizer: CharTokenizer) -> None:
    assert Known(set(), set(), tokenizer).novelty(written("a")) is None


def test_novelty_is_counted_in_bins(engine: Engine, tokenizer: CharTokenizer) -> None:
    none: set[str] = set()
    other = Known(none, {"never written, for it is too long"}, tokenizer)
    counts = novelty_counts(engine, other, 1.0, 50, seed=1)
    assert counts.bins.total() == 50 == counts.bins["new"] + counts.bins["empty"]
    assert 1 < counts.distinct <= 50
    rng = random.Random(1)
    drawn = [generate(engine, tokenizer, rng, SampleConfig(1.0)) for _ in range(50)]
    assert counts.cut == sum(len(s.token_ids) == SMALL.block_size for s in drawn) > 0
    assert counts.bins["empty"] == sum(not s.text for s in drawn) > 0
    greedy = novelty_counts(engine, Known(none, none, tokenizer), 0.0, 5, seed=1)
    assert (greedy.bins.total(), greedy.distinct) == (5, 1)
    again = novelty_counts(engine, Known(set("abcd"), {"aa"}, tokenizer), 1.0, 50, seed=1)
    assert again.bins.total() == 50
    assert again.bins["seen"] > 0
