"""Every engine over every vector. A new engine joins by its name in `glassgpt.engines`."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from glassgpt import datasets, engines
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.datasets import BUNDLED
from glassgpt.engines.base import Engine, Params
from glassgpt.sampling import SampleConfig, generate
from glassgpt.text.characters import CharTokenizer, normalized
from glassgpt.trace import ATTENTION, names, trace
from glassgpt.training import begin, initial_params
from support import PRECISIONS, RECIPES, arrays, assert_close, build, furthest, vectors

FILES = ["random", "tokenizers", "tiny_model", *RECIPES]
TINY = vectors("tiny_model")
TINY_MODEL = ModelConfig.from_dict(TINY["model"])
TINY_ADAM = TrainConfig(**{key: TINY["adam"][key] for key in ("beta1", "beta2", "eps")})
PASSES = range(len(TINY["passes"]))


def assert_one_step(dtype: str, actual: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Within the tolerance of one pass; float32 has a share of the largest number of a tensor.

    A float32 beside 16 (losses here reach 24, gradients 15) is itself only good to 1e-6.
    """
    single = dtype == "float32"
    assert_close(actual, expected, 1e-5 if single else 1e-12, scaled=single)


every_precision = pytest.mark.parametrize(("name", "dtype"), PRECISIONS)


@pytest.mark.parametrize("file", FILES)
def test_files_say_what_they_are(file: str) -> None:
    assert vectors(file)["format"] == "glassgpt-conformance"
    assert vectors(file)["version"] == 1


# --- the tiny model -------------------------------------------------------------------------------


def tiny_engine(name: str, dtype: str = "float64") -> Engine:
    return build(name, TINY_MODEL, arrays(TINY["params"]), TINY_ADAM, dtype)


@every_precision
@pytest.mark.parametrize("index", PASSES)
def test_one_pass(name: str, dtype: str, index: int) -> None:
    want = TINY["passes"][index]
    loss, grads = tiny_engine(name, dtype).loss_and_grads([want["document"]])
    assert_one_step(dtype, {"loss": loss}, {"loss": want["loss"]})
    assert_one_step(dtype, grads, arrays(want["grads"]))


@every_precision
def test_batch_is_the_mean_over_documents(name: str, dtype: str) -> None:
    want = TINY["batch"]
    loss, grads = tiny_engine(name, dtype).loss_and_grads(want["documents"])
    assert_one_step(dtype, {"loss": loss}, {"loss": want["loss"]})
    assert_one_step(dtype, grads, arrays(want["grads"]))


@every_precision
def test_three_adam_steps(name: str, dtype: str) -> None:
    engine = tiny_engine(name, dtype)
    for number, step in enumerate(TINY["adam"]["steps"], 1):
        [loss] = engine.train([step["documents"]], [step["learning_rate"]])
        assert_one_step(dtype, {"loss": loss}, {"loss": step["loss"]})
        assert_one_step(dtype, engine.state().params, arrays(step["params"]))
        assert engine.state().step == number


@every_precision
def test_surprises(name: str, dtype: str) -> None:
    rows = tiny_engine(name, dtype).surprises([p["document"] for p in TINY["passes"]])
    for row, one_pass in zip(rows, TINY["passes"], strict=True):
        want = [value for [value] in one_pass["values"]["loss"]]
        assert_one_step(dtype, {"surprises": row}, {"surprises": want})


@every_precision
@pytest.mark.parametrize("index", PASSES)
def test_session_logits(name: str, dtype: str, index: int) -> None:
    """The KV cache, a token at a time, against the whole pass."""
    session, want = tiny_engine(name, dtype).session(), TINY["passes"][index]
    for token_id, logits in zip(want["document"], want["values"]["logits"], strict=False):
        assert_one_step(dtype, {"logits": session.feed(token_id)}, {"logits": logits})


@pytest.mark.parametrize("name", engines.NAMES)
@pytest.mark.parametrize("case", TINY["samples"], ids=lambda c: f"T{c['temperature']}")
def test_samples_of_the_tiny_model(name: str, case: dict) -> None:
    engine = build(name, TINY_MODEL, arrays(TINY["adam"]["steps"][-1]["params"]), TINY_ADAM)
    tokenizer = CharTokenizer("abcdef")
    rng, choose = random.Random(case["seed"]), SampleConfig(case["temperature"], case["top_k"])
    for want in case["texts"]:
        got = generate(engine, tokenizer, rng, choose, tokenizer.decode(case["prompt"]), True)
        assert (got.token_ids, got.finished) == (want["token_ids"], want["finished"])
        assert got.log_prob == pytest.approx(want["log_prob"], rel=0, abs=1e-12)
        uniforms = [step.uniform for step in got.steps if step.uniform is not None]
        assert uniforms == want["uniforms"]


@pytest.mark.parametrize("index", PASSES)
def test_trace_shows_every_named_intermediate(index: int) -> None:
    want = TINY["passes"][index]
    state = tiny_engine("numpy").state()
    seen = trace(TINY_MODEL, state, want["document"])
    assert seen.loss == pytest.approx(want["loss"], rel=0, abs=1e-12)
    assert list(want["values"]) == names(TINY_MODEL.n_layer)
    assert_close(seen.values, {k: square(k, v) for k, v in want["values"].items()}, 1e-12)
    both = {k: seen.grads[k] for k in want["value_grads"]}
    assert_close(both, {k: square(k, v) for k, v in want["value_grads"].items()}, 1e-12)
    for name in ("tok_emb", "pos_emb"):  # at each position the gradient of their sum
        assert_close({name: seen.grads[name]}, {name: want["value_grads"]["emb_sum"]}, 1e-12)


def square(name: str, rows: list) -> np.ndarray:
    """As an array; attention rows, which grow by a key a query, are filled up with 0."""
    if name.endswith(ATTENTION):
        return np.array([[row + [0.0] * (len(head) - len(row)) for row in head] for head in rows])
    return np.array(rows)


# --- the recipes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    losses: list[float]
    grads_first: Params
    grads_last: Params
    params_last: Params
    samples: list[str]


def start(recipe: str) -> tuple[ModelConfig, TrainConfig, CharTokenizer, Params, random.Random]:
    """What a recipe begins with, by the documented rule: shuffle, then weights."""
    v = vectors(recipe)
    model, training = ModelConfig.from_dict(v["model"]), TrainConfig.from_dict(v["training"])
    rng = random.Random(training.seed)
    rng.shuffle(list(range(v["data"]["num_documents"])))
    params = initial_params(model, rng, training.init_std)
    return model, training, CharTokenizer(v["data"]["chars"], v["data"]["normalize"]), params, rng


@functools.cache
def outcome(name: str, recipe: str, steps: int) -> Outcome:
    model, training, tokenizer, params, rng = start(recipe)
    engine = build(name, model, params, training)
    documents = [tokenizer.encode(text) for text in vectors(recipe)["documents"]]
    batches = [[documents[step % len(documents)]] for step in range(steps)]
    rates = training.learning_rates(0, steps)
    _, grads_first = engine.loss_and_grads(batches[0])
    losses = engine.train(batches[:-1], rates[:-1])
    _, grads_last = engine.loss_and_grads(batches[-1])
    losses += engine.train(batches[-1:], rates[-1:])
    texts = []
    if steps == training.steps:
        texts = [generate(engine, tokenizer, rng, SampleConfig(0.5)).text for _ in range(20)]
    return Outcome(losses, grads_first, grads_last, engine.state().params, texts)


# The scalar engine takes 13 ms a step: the whole of one recipe, the beginning of the others.
FULL = [
    (name, recipe)
    for name in engines.NAMES
    for recipe in RECIPES
    if name != "scalar" or recipe == "recipe_names"
]
FIRST_100 = [("scalar", recipe) for recipe in RECIPES if recipe != "recipe_names"]
full = pytest.mark.parametrize(("name", "recipe"), FULL)


@pytest.mark.parametrize(
    ("name", "recipe", "steps"),
    [(*pair, 1000) for pair in FULL] + [(*pair, 100) for pair in FIRST_100],
)
def test_losses(name: str, recipe: str, steps: int) -> None:
    got, want = outcome(name, recipe, steps), vectors(recipe)
    assert furthest(got.losses, want["losses"][:steps]) <= 1e-9
    assert abs(got.losses[0] - want["losses"][0]) <= 1e-12
    assert_close(got.grads_first, arrays(want["grads_first"]), 1e-12)


@full
def test_where_training_ends(name: str, recipe: str) -> None:
    got, want = outcome(name, recipe, 1000), vectors(recipe)
    assert_close(got.grads_last, arrays(want["grads_last"]), 1e-9)
    assert_close(got.params_last, arrays(want["params_last"]), 1e-9)


@full
def test_samples(name: str, recipe: str) -> None:
    assert outcome(name, recipe, 1000).samples == vectors(recipe)["samples"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_stream_can_be_followed_without_the_documents(recipe: str) -> None:
    *_, params, _ = start(recipe)
    assert_close(params, arrays(vectors(recipe)["params_first"]), 0.0)


@pytest.mark.parametrize("recipe", [r for r in RECIPES if r.removeprefix("recipe_") in BUNDLED])
def test_recipe_belongs_to_the_bundled_file(recipe: str) -> None:
    """A list edited after its vectors were written shows here."""
    want = vectors(recipe)
    data = datasets.load(want["data"]["name"])
    assert (data.sha256, data.normalize) == (want["data"]["sha256"], want["data"]["normalize"])
    tokenizer = CharTokenizer.from_documents(data.documents, data.normalize)
    assert tokenizer.chars == want["data"]["chars"]
    training = TrainConfig.from_dict(want["training"])
    assert training.learning_rate == data.recipe.learning_rate
    run, state, _ = begin(data, training, block_size=data.recipe.block_size)
    assert run.model.to_dict() == want["model"]
    assert run.documents[: len(want["documents"])] == want["documents"]
    assert_close(state.params, arrays(want["params_first"]), 0.0)


# --- the random stream, tokenizers ----------------------------------------------------------------


@pytest.mark.parametrize("case", vectors("random")["streams"], ids=lambda c: c["seed"])
def test_random_stream(case: dict) -> None:
    rng = random.Random(int(case["seed"]))
    assert [rng.random() for _ in case["random"]] == case["random"]
    assert [rng.gauss(0, 0.08) for _ in case["gauss"]] == case["gauss"]
    assert [rng.random() for _ in case["random_after_gauss"]] == case["random_after_gauss"]
    assert [rng.gauss(0.5, 2.0) for _ in case["gauss_again"]] == case["gauss_again"]
    few, many = list(range(20)), list(range(32_033))
    rng.shuffle(few)
    assert few == case["shuffle_of_20"]
    weights = case["choices_weights"]
    assert rng.choices(range(len(weights)), weights, k=12) == case["choices"]
    rng.shuffle(many)
    assert many[:10] == case["shuffle_of_32033_first_10"]
    assert rng.random() == case["random_last"]


@pytest.mark.parametrize(
    "case", vectors("tokenizers")["cases"], ids=lambda c: f"{c['name']}-{c['normalize']}"
)
def test_tokenizers(case: dict) -> None:
    form, texts = case["normalize"], case["texts"]
    tokenizer = CharTokenizer.from_documents([normalized(t, form) for t in texts], form)
    assert (tokenizer.chars, tokenizer.bos) == (case["chars"], case["bos"])
    encoded = [tokenizer.encode(text) for text in texts]
    assert encoded == case["encoded"]
    assert [tokenizer.decode(ids) for ids in encoded] == case["decoded"]
