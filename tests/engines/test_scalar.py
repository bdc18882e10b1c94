"""What the scalar engine adds to the reference: batches, a loss that blew up, the collector."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator

import pytest

from glassgpt.engines.base import AdamConfig, TrainState
from glassgpt.engines.scalar import ScalarEngine, WatchedGPT
from glassgpt.reference import Value
from support import SMALL, small_params


def engine() -> ScalarEngine:
    return ScalarEngine(SMALL, TrainState.fresh(small_params()), AdamConfig())


def test_a_batch_that_blew_up_leaves_no_gradients_behind() -> None:
    broken = engine()
    for weight in broken.model.params["lm_head"][0]:
        weight.data = math.nan
    [loss] = broken.train([[[4, 0, 4]]], [0.1])
    assert not math.isfinite(loss)
    assert {v.grad for v in broken.model.parameters()} == {0.0}


def test_intermediates_have_the_names_and_the_gradients() -> None:
    model = WatchedGPT(5, 1, 4, 2, 6)
    seen = model.intermediates([4, 0, 3, 4])
    assert [len(seen[name]) for name in ("emb_norm", "layer0.attn_weights", "logits")] == [3, 6, 3]
    [[loss]] = seen["mean_loss"]
    assert loss.data == pytest.approx(sum(x.data for [x] in seen["loss"]) / 3)
    loss.backward()
    assert any(x.grad for x in seen["layer0.q"][2])
    model.loss([4, 0, 4])
    assert len(seen["logits"]) == 3  # later passes are not watched


@pytest.fixture
def collector() -> Iterator[None]:
    """Whatever a test does to the collector, the next one finds it on."""
    yield
    gc.enable()


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.usefixtures("collector")
def test_the_collector_rests_in_training_and_is_left_as_it_was(
    enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gc.enable if enabled else gc.disable)()
    watched, loss, seen = engine(), WatchedGPT.loss, []

    def spy(model: WatchedGPT, document: list[int]) -> Value:
        seen.append(gc.isenabled())
        return loss(model, document)

    monkeypatch.setattr(WatchedGPT, "loss", spy)
    watched.train([[[4, 0, 4], [4, 1, 4]]], [0.1])
    assert seen == [False, False]
    assert gc.isenabled() == enabled


@pytest.mark.usefixtures("collector")
def test_the_collector_comes_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = engine()
    monkeypatch.setattr(WatchedGPT, "loss", lambda model, document: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broken.train([[[4, 0, 4]]], [0.1])
    assert gc.isenabled()
