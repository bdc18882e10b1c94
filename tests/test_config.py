"""Settings that cannot work are refused where they are made, with what would be right."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.config import MAX_PARAMS, ModelConfig, TrainConfig, check_normalization
from glassgpt.errors import ConfigError, GlassError

GOOD_MODEL = {"vocab_size": 27, "n_layer": 1, "n_embd": 16, "n_head": 4, "block_size": 16}


def test_the_defaults_are_the_recipe() -> None:
    assert ModelConfig(27).to_dict() == GOOD_MODEL
    assert TrainConfig().to_dict() == {
        "steps": 1000,
        "batch_size": 1,
        "learning_rate": 0.01,
        "beta1": 0.85,
        "beta2": 0.99,
        "eps": 1e-8,
        "init_std": 0.08,
        "seed": 42,
        "val_fraction": 0.0,
    }


@pytest.mark.parametrize(
    ("vocab_size", "block_size", "num_params"), [(27, 16, 4192), (17, 16, 3872), (57, 32, 5408)]
)
def test_published_parameter_counts(vocab_size: int, block_size: int, num_params: int) -> None:
    assert ModelConfig(vocab_size, block_size=block_size).num_params == num_params


@given(*(st.integers(low, high) for low, high in ((2, 99), (1, 5), (1, 9), (1, 9), (1, 99))))
def test_num_params_counts_every_shape(
    vocab_size: int, n_layer: int, n_head: int, head_dim: int, block_size: int
) -> None:
    config = ModelConfig(vocab_size, n_layer, n_head * head_dim, n_head, block_size)
    assert config.num_params == sum(n_out * n_in for n_out, n_in in config.shapes.values())
    assert config.head_dim == head_dim
    assert len(config.shapes) == 3 + 6 * n_layer


def test_tensors_come_in_the_order_of_the_random_stream() -> None:
    layer = ["attn_wq", "attn_wk", "attn_wv", "attn_wo", "mlp_fc1", "mlp_fc2"]
    layers = [f"layer{i}.{name}" for i in range(2) for name in layer]
    assert list(ModelConfig(27, n_layer=2).shapes) == ["wte", "wpe", "lm_head", *layers]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"vocab_size": 1}, "vocab_size is 1; it must be a whole number from 2 to"),
        ({"n_layer": 0}, "n_layer is 0; it must be a whole number from 1 to 1024"),
        ({"n_embd": -16}, "n_embd is -16"),
        ({"n_head": 0}, "n_head is 0"),
        ({"n_head": 3}, "n_head is 3; it must divide n_embd, which is 16"),
        ({"n_head": 32}, "n_head is 32; it must divide n_embd, which is 16"),
        ({"block_size": 0}, "block_size is 0"),
        ({"block_size": 16.0}, r"block_size is 16\.0; it must be a whole number"),
        ({"n_layer": True}, "n_layer is True"),
        ({"n_layer": "1"}, "n_layer is '1'"),
        ({"n_embd": 2**16, "n_layer": 1024}, f"parameters; at most {MAX_PARAMS:,} are allowed"),
    ],
)
def test_impossible_models(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ModelConfig(**GOOD_MODEL | settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"steps": 0}, "steps is 0; it must be a whole number from 1 to"),
        ({"steps": 1.5}, r"steps is 1\.5"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"seed": -1}, "seed is -1; it must be a whole number from 0"),
        ({"seed": 2**63}, "seed is 9223372036854775808"),
        ({"learning_rate": 0}, "learning_rate is 0; it must be a number above 0 and below 1e300"),
        ({"learning_rate": -0.01}, r"learning_rate is -0\.01"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"learning_rate": math.inf}, "learning_rate is inf; it must be .* below 1e300"),
        ({"learning_rate": 1e300}, r"learning_rate is 1e\+300; it must be .* below 1e300"),
        ({"learning_rate": "0.01"}, r"learning_rate is '0\.01'"),
        ({"learning_rate": True}, "learning_rate is True"),
        ({"beta1": 1}, "beta1 is 1; it must be a number from 0 to below 1"),
        ({"beta2": -0.1}, r"beta2 is -0\.1"),
        ({"eps": 0.0}, r"eps is 0\.0; it must be a number above 0"),
        ({"init_std": -0.08}, r"init_std is -0\.08; it must be a number from 0 to below 1e300"),
        ({"init_std": math.nan}, "init_std is nan"),
        ({"val_fraction": 1.0}, r"val_fraction is 1\.0; it must be a number from 0 to below 1"),
        ({"learning_rate": 10**400}, "learning_rate is 1000"),
    ],
)
def test_impossible_training(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        TrainConfig(**settings)


def test_a_refusal_is_one_line_and_the_users_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(27, n_head=3)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, GlassError)
    assert caught.value.exit_code == 2


def test_configurations_cannot_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig(27).n_embd = 32  # type: ignore[misc]


@given(
    steps=st.integers(1, 300),
    rate=st.floats(1e-6, 10),
    span=st.tuples(st.integers(0, 400), st.integers(0, 400)),
)
def test_learning_rates_fall_and_are_never_negative(
    steps: int, rate: float, span: tuple[int, int]
) -> None:
    """Also beyond the schedule, where others' went negative and blew up."""
    training, (start, stop) = TrainConfig(steps=steps, learning_rate=rate), sorted(span)
    rates = training.learning_rates(start, stop)
    assert rates == training.learning_rates(0, 400)[start:stop]
    assert all(x >= y >= 0 for x, y in zip([rate, *rates], [*rates, 0.0], strict=True))
    assert all((x == 0) == (step >= steps) for step, x in enumerate(rates, start))


@pytest.mark.parametrize("config", [ModelConfig(27, 2), TrainConfig(steps=5, learning_rate=1e-3)])
def test_to_a_dict_and_back(config: ModelConfig | TrainConfig) -> None:
    assert type(config).from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([27], "ModelConfig must be an object, not list"),
        ({}, "missing or unknown keys: block_size, n_embd, n_head, n_layer, vocab_size"),
        (GOOD_MODEL | {"dropout": 0.1}, "missing or unknown keys: dropout"),
        (GOOD_MODEL | {"n_head": None}, "n_head is None"),
    ],
)
def test_foreign_dicts(data: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ModelConfig.from_dict(data)


def test_normal_forms() -> None:
    assert [check_normalization(form) for form in ("nfc", "nfd", "none")] == ["nfc", "nfd", "none"]
    for wrong in ("NFC", "nfkc", "", None, ["nfc"]):
        with pytest.raises(ConfigError, match="must be one of nfc, nfd, none"):
            check_normalization(wrong)
