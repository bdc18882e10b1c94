"""What the torch engine promises beyond the vectors and what every engine promises."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt import engines
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.base import Document, Engine, TrainState
from glassgpt.errors import ConfigError, EngineError
from glassgpt.scale.torch.placement import Placement
from glassgpt.scale.torch.processes import LostProcessError, Processes
from support import SMALL, assert_close, furthest, small_params

DOCUMENTS = [[4, 0, 1, 4], [4, 4], [4, 3, 2, 1, 0, 3, 2, 4], [4, 1, 4], [4, 2, 2, 4]]


def build(
    config: ModelConfig = SMALL, dtype: str = "float64", training: TrainConfig | None = None, **how
) -> Engine:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    state = TrainState.fresh(small_params(config))
    how = {"device": "cpu"} | how
    return engines.create("torch", config, state, training or TrainConfig(), dtype, **how)


def test_modules_carry_the_names_of_the_reference() -> None:
    config = ModelConfig(5, 3, 4, 2, 6)
    model = build(config).model  # type: ignore[attr-defined]
    named = {name.removesuffix(".weight"): tuple(p.shape) for name, p in model.named_parameters()}
    assert named == config.shapes


@pytest.mark.parametrize("micro_batch", [1, 2, 3, 50])
def test_gradients_of_micro_batches_add_up(micro_batch: int) -> None:
    whole, parts = build(), build(micro_batch=micro_batch)
    (loss, grads), (its_loss, its_grads) = (e.loss_and_grads(DOCUMENTS) for e in (parts, whole))
    assert abs(loss - its_loss) <= 1e-14
    assert_close(grads, its_grads, 1e-14)
    steps, rates = [DOCUMENTS] * 5, [0.1] * 5
    assert furthest(parts.train(steps, rates), whole.train(steps, rates)) <= 1e-13


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_compiled_it_computes_the_same() -> None:
    eager, compiled = build(), build(compile=True)
    steps, rates = [DOCUMENTS] * 3, [0.1, 0.05, 0.02]  # one shape: compiling takes its time
    assert furthest(compiled.train(steps, rates), eager.train(steps, rates)) <= 1e-12
    assert_close(compiled.state().params, eager.state().params, 1e-11)


def test_bfloat16_learns_what_float32_learns() -> None:
    config = ModelConfig(5, 2, 32, 4, 8)
    half, single = build(config, "bfloat16"), build(config, "float32")
    steps, rates = [DOCUMENTS] * 25, [0.02] * 25
    ours, theirs = half.train(steps, rates), single.train(steps, rates)
    assert ours != theirs
    assert furthest(ours[:3], theirs[:3]) < 0.05 * theirs[0]
    assert ours[-1] < 0.7 * ours[0]
    for weights in half.state().params.values():  # they stay float32: more digits than bfloat16 has
        assert (weights == weights.astype(np.float32)).all()
    bits = np.concatenate([w.ravel() for w in half.state().params.values()]).astype(np.float32)
    assert (bits.view(np.uint32) & 0xFFFF).any()
    session = half.session()
    assert np.isfinite(session.feed(4)).all()


def test_a_number_that_is_none_is_seen_on_the_cpu() -> None:
    """PyTorch's attention on the CPU makes 0 of scores that are not numbers; we do not."""
    params = small_params()
    params["layer0.attn_wk"][0, 0] = math.nan
    pytest.importorskip("torch", reason="PyTorch is not installed")
    engine = engines.create("torch", SMALL, TrainState.fresh(params), TrainConfig())
    [loss] = engine.train([DOCUMENTS] * 3, [0.1] * 3)
    assert math.isnan(loss)
    assert engine.state().step == 0


def test_the_work_is_counted() -> None:
    engine = build(micro_batch=2)
    engine.train([DOCUMENTS] * 2, [0.1, 0.1])
    lengths = [3, 1, 6, 2, 3]  # block_size is 6
    e, layers, vocab = SMALL.n_embd, SMALL.n_layer, SMALL.vocab_size
    pairs = sum(n * (n + 1) // 2 for n in lengths)
    want = 6 * (12 * e * e * layers + vocab * e) * sum(lengths) + 12 * e * layers * pairs
    work = engine.work
    assert (work.tokens, work.flops) == (2 * sum(lengths), 2 * want)


# --- rows -----------------------------------------------------------------------------------------

lists = st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=9), min_size=1, max_size=6)


@settings(max_examples=40)
@given(lists)
def test_rows_have_no_padding(documents: list[Document]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from glassgpt.scale.torch.rows import pack_rows

    shares = [1 / len(documents)] * len(documents)
    rows = pack_rows(documents, shares, SMALL, torch.float64)
    lengths = [min(len(d) - 1, SMALL.block_size) for d in documents]
    assert rows.lengths == lengths
    pairs = list(zip(documents, lengths, strict=True))
    assert len(rows.tokens) == len(rows.targets) == len(rows.weights) == sum(lengths)
    assert rows.tokens.tolist() == [i for d, n in pairs for i in d[:n]]
    assert rows.targets.tolist() == [i for d, n in pairs for i in d[1 : n + 1]]
    assert rows.positions.tolist() == [t for n in lengths for t in range(n)]
    assert float(rows.weights.sum()) == pytest.approx(1, rel=1e-12)
    assert rows.shape == (len(documents), max(lengths))
    want = [b * max(lengths) + t for b, n in enumerate(lengths) for t in range(n)]
    full = len(want) == len(documents) * max(lengths)
    assert (rows.slots is None) == full
    assert full or rows.slots.tolist() == want


@given(
    st.integers(1, 9), st.integers(1, 5), st.one_of(st.none(), st.integers(1, 4))
)  # fmt: skip
def test_processes_share_a_batch_without_rest(
    size: int, world: int, micro_batch: int | None
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from glassgpt.scale.torch.spread import share_out

    batch = [[4, i, 4] for i in range(size)]
    everybodys = [share_out(batch, rank, world, micro_batch) for rank in range(world)]
    assert len({len(parts) for parts in everybodys}) == 1  # they wait for each other
    read = [
        (document, share)
        for parts in everybodys
        for documents, shares in parts
        for document, share in zip(documents, shares, strict=True)
        if share
    ]
    assert sorted(document for document, _ in read) == batch
    assert {share for _, share in read} == {world / size}
    assert all(len(d) <= (micro_batch or size) for parts in everybodys for d, _ in parts)


# --- what is refused ------------------------------------------------------------------------------


def test_placements_say_what_they_may_be() -> None:
    with pytest.raises(ConfigError, match=r"device is 'gpu'; it must be one of auto, cpu, cuda, m"):
        Placement(device="gpu")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="parallel is 'tp'"):
        Placement(parallel="tp")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="micro_batch is 0; it must be from 1"):
        Placement(micro_batch=0)


def test_without_pytorch_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "torch" not in engines.available()
    with pytest.raises(EngineError, match="pip install torch"):
        engines.check("torch", "float64")


def test_a_device_that_is_not_there_is_named() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for device, is_there in (
        ("cuda", torch.cuda.is_available()),
        ("mps", torch.mps.is_available()),
    ):
        if not is_there:
            with pytest.raises(EngineError, match=f"PyTorch finds no {device} device here"):
                engines.check("torch", "float32", device=device)


def test_what_a_device_cannot_do_is_said_in_a_line() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    dynamo = pytest.importorskip("torch._dynamo.exc")

    def failing(error: Exception) -> Engine:
        def fail(*inputs: object) -> None:
            raise error

        engine = build()
        engine.spread.net = fail  # type: ignore[attr-defined]
        return engine

    batches, rates = [DOCUMENTS], [0.1]
    with pytest.raises(EngineError, match="not enough memory on cpu: try a smaller --micro-batch"):
        failing(torch.OutOfMemoryError("CUDA out of memory")).train(batches, rates)
    with pytest.raises(EngineError, match=r"torch.compile fails here \(no compiler\); use --no-co"):
        failing(dynamo.TorchDynamoException("no compiler\nand much more")).train(batches, rates)
    with pytest.raises(MemoryError):
        failing(RuntimeError("DefaultCPUAllocator: can't allocate")).loss_and_grads(DOCUMENTS)
    with pytest.raises(LostProcessError, match=r"was lost \(Connection closed by peer\)"):
        failing(RuntimeError("[a.cc:7] Connection closed by peer. GLHF")).train(batches, rates)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        failing(RuntimeError("a mistake of ours")).train(batches, rates)


@pytest.mark.parametrize(
    ("placement", "message"),
    [
        (Placement(processes=Processes(0, 2)), "runs in one process; torchrun needs --engine tor"),
        (Placement(device="cpu"), "device is for the torch engine; this is"),
    ],
)
def test_other_engines_have_no_choice(placement: Placement, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        engines.check("numpy", "float64", **placement.options)
    engines.check("numpy", "float64", **Placement().options)


def test_precisions_are_listed() -> None:
    with pytest.raises(EngineError, match="does not support 'float16'; it supports float64, flo"):
        engines.check("torch", "float16")
