"""What the torch engine counts of its work, the peaks it is held against, and the larger models."""

from __future__ import annotations

import json
import random
import sys

import pytest
from benchmark import larger, operations, report
from benchmark.threads import torch_threads

from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.scale.torch import throughput
from glassgpt.scale.torch.placement import Work
from glassgpt.scale.torch.processes import Processes
from support import ROOT, build, small_params

TOOLS = ROOT / "tools"
MODEL = ModelConfig(vocab_size=7, n_layer=2, n_embd=16, n_head=4, block_size=32)
WEIGHTS = 2 * 12 * 16 * 16 + 7 * 16
"""In matrices that a token is multiplied with."""
TINY = larger.Shape("tiny", ModelConfig(11, 1, 8, 2, 6), 3)


def batch(lengths: list[int], vocab_size: int = 7) -> list[list[int]]:
    """Documents of so many predictions."""
    rng = random.Random(1)
    return [[rng.randrange(vocab_size) for _ in range(n + 1)] for n in lengths]


# --- the count ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [[1], [32], [3, 32, 17]])
def test_the_count_is_that_of_operations_without_what_is_small(lengths: list[int]) -> None:
    """`operations` also has softmax, norms, ReLU, residuals, embeddings and the loss."""
    e, h, vocab, layers = MODEL.n_embd, MODEL.n_head, MODEL.vocab_size, MODEL.n_layer
    work, small = Work(), 0
    work.add(MODEL, lengths)
    for n in lengths:
        small += layers * n * (n + 1) // 2 * 11 * h
        small += n * ((2 * layers + 1) * (8 * e + 5) + layers * 12 * e + 3 * e + 6 * vocab + 3)
    assert work.tokens == sum(lengths)
    assert work.flops == sum(operations.document(MODEL, n) for n in lengths) - small


@pytest.mark.parametrize("lengths", [[32, 32], [3, 32, 17]])
def test_the_count_against_that_of_pytorch(lengths: list[int]) -> None:
    """FlopCounterMode counts the products that PyTorch makes, forward and backward.

    Those with weights: 6 a weight and token, as we do. Attention it does not see where a fused
    kernel does it on a processor; made of plain products it counts them over the whole square,
    T x T of each document padded to the longest T: 12 e T^2 a layer, where a causal model needs
    T (T + 1) / 2 pairs of each document's own T, and we count 12 e for each.
    """
    torch = pytest.importorskip("torch")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    engine = build("torch", MODEL, small_params(MODEL), dtype="float32")
    documents, work = batch(lengths), Work()
    work.add(MODEL, lengths)
    with FlopCounterMode(display=False) as fused:
        engine._gradient(documents)  # type: ignore[attr-defined] # no update, which is no product
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as plain:
        engine._gradient(documents)  # type: ignore[attr-defined]
    ours = 12 * 16 * 2 * sum(t * (t + 1) // 2 for t in lengths)
    whole = 12 * 16 * 2 * len(lengths) * max(lengths) ** 2
    if engine.device.type == "cpu":  # type: ignore[attr-defined]
        assert fused.get_total_flops() == 6 * WEIGHTS * sum(lengths) == work.flops - ours
    assert plain.get_total_flops() == 6 * WEIGHTS * sum(lengths) + whole
    assert engine.work.tokens == 2 * work.tokens
    assert engine.work.flops == 2 * work.flops
    assert torch.is_grad_enabled()


def test_micro_batches_count_once() -> None:
    pytest.importorskip("torch")
    from glassgpt import engines
    from glassgpt.engines.base import TrainState

    state = TrainState.fresh(small_params(MODEL))
    engine = engines.create("torch", MODEL, state, TrainConfig(), device="cpu", micro_batch=2)
    engine.train([batch([3, 32, 17, 5, 1])], [0.0])
    work = Work()
    work.add(MODEL, [3, 32, 17, 5, 1])
    assert engine.work == work


# --- peaks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H100 NVL", 835),
        ("NVIDIA H200", 989),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA A100 80GB PCIe", 312),
        ("NVIDIA L40S", 362),
        ("NVIDIA L40", 181),
        ("NVIDIA L4", 121),
        ("NVIDIA B200", 2250),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", None),  # a seventh of one
        ("NVIDIA RTX A1000", None),
        ("NVIDIA H20", None),
        ("Tesla V100-SXM2-16GB", None),  # it has no units for bfloat16
        ("", None),
    ],
)
def test_data_sheets_by_the_name_of_a_device(name: str, teraflops: float | None) -> None:
    assert throughput.published(name) == (teraflops and teraflops * 1e12)


def test_on_a_processor_the_peak_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setitem(throughput.PRODUCT_OF, "cpu", 64)
    peak, source = throughput.peak_flops(torch.device("cpu"), "float32")
    assert peak > 0
    assert source == "its fastest matrix product"


# --- larger models --------------------------------------------------------------------------------


def test_which_larger_models() -> None:
    quick = list(larger.Plan().cases("cpu", threads=2))
    assert {c.shape.name for c in quick} == {"L", "width 256"}
    assert {(c.dtype, c.compiled) for c in quick} == {("float32", False)}
    assert sorted({c.threads for c in quick}) == [1, 2]
    full = list(larger.Plan(full=True).cases("cpu", threads=1))
    assert [c.shape for c in full if not c.compiled] == list(larger.LADDER)
    assert {c.compiled for c in full} == {True, False}
    gpu = list(larger.Plan().cases("cuda", threads=8))
    assert len(gpu) == len(set(gpu)) == len(larger.LADDER) * 2 * 2
    assert {c.dtype for c in gpu} == {"float32", "bfloat16"}
    asked = larger.Plan(dtypes=("bfloat16",), compiled=False).cases("cuda", threads=8)
    assert {(c.dtype, c.compiled) for c in asked} == {("bfloat16", False)}


def test_a_step_of_a_larger_model() -> None:
    for shape in larger.LADDER:
        assert shape.on("cuda") * shape.model.block_size == larger.GPU_TOKENS
        assert shape.on("cpu") == shape.windows
    assert larger.GPT2.num_params == 162_988_032


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    pytest.importorskip("torch")
    plan = larger.Plan(device="cpu", dtypes=("float32", "bfloat16"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(larger, "LADDER", (TINY,))
        patch.setitem(throughput.PRODUCT_OF, "cpu", 64)
        return larger.run(plan, 2, rounds=2, seconds=0.1, say=pytest.fail)


def test_what_is_said_of_larger_models(rows: list[dict]) -> None:
    assert [(r["dtype"], r["threads"]) for r in rows] == [
        (dtype, threads) for dtype in ("float32", "bfloat16") for threads in (1, 2)
    ]
    work = Work()
    work.add(TINY.model, [6] * 3)
    for row in rows:
        assert (row["shape"], row["windows"], row["device"]) == ("tiny", 3, "cpu")
        assert (row["tokens"], row["operations"]) == (18, work.flops)
        assert row["tokens_per_second"] == pytest.approx(18 / row["best_ms"] * 1e3)
        assert row["mfu"] == pytest.approx(work.flops / row["best_ms"] * 1e3 / row["peak"])
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_the_table_of_larger_models(rows: list[dict]) -> None:
    from performance import larger_models

    [head, rule, *lines] = larger_models(rows).splitlines()[:6]
    assert len(lines) == 4
    for line in (rule, *lines):
        assert line.count("|") == head.count("|")
    for line, row in zip(lines, rows, strict=True):
        assert line.startswith(f"| tiny | 992 | 18 | {row['dtype']} | {row['threads']} | eager | ")
        assert line.endswith(f"| {row['mfu']:.1%} |")


def test_what_cannot_be_timed_is_said_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    said, before = [], torch.get_float32_matmul_precision()

    def timed(case: larger.Case, *_: object) -> dict:
        torch.set_float32_matmul_precision("medium")  # as the engine does in bfloat16
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. And so on")

    monkeypatch.setattr(larger, "timed", timed)
    monkeypatch.setattr(larger, "LADDER", (TINY,))
    monkeypatch.setitem(throughput.PRODUCT_OF, "cpu", 64)
    assert larger.run(larger.Plan(device="cpu"), 1, 1, 0.1, said.append) == []
    assert said == ["tiny, float32: CUDA out of memory"]
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # what compiling imports
def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    import torch._inductor.config as inductor

    monkeypatch.setattr(larger, "LADDER", (TINY,))
    monkeypatch.setitem(throughput.PRODUCT_OF, "cpu", 64)
    said: list[str] = []
    plan = larger.Plan(device="cpu", compiled=True)
    with inductor.patch({"cpp.cxx": (None, "no-such-compiler")}):
        rows = larger.run(plan, 1, 1, 0.1, said.append)
    assert [row["compiled"] for row in rows] == [False]
    assert len(said) == 1
    assert said[0].startswith("tiny, float32: torch.compile fails here")
    assert "compiler" in said[0]


def test_threads_are_put_back() -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    with pytest.raises(KeyError), torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before


def test_the_first_tables_are_of_the_processor() -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    effort = report.Effort(("S",), (), rounds=1, round_seconds=0.0, limit_seconds=0.0)
    result = report.run(effort, ("torch",))
    assert {(r["engine"], r["batch"]) for r in result["training"]} == {("torch", 1), ("torch", 32)}
    assert result["larger"] == []
    assert torch.get_num_threads() == before


def test_pytorch_is_loaded_only_where_it_is_timed() -> None:
    import subprocess

    code = "from benchmark import report; import sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=TOOLS, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


# --- what a training reports ----------------------------------------------------------------------


def test_the_first_chunk_does_not_count_where_there_are_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(throughput, "peak_flops", lambda device, dtype: (1e9, "a guess"))
    model = ModelConfig(5, 1, 4, 2, 6)
    engine = build("torch", model, small_params(model), TrainConfig())
    meter, alone = throughput.Meter(engine), Processes()
    assert meter.read(alone) is None  # nothing trained yet
    engine.train([[[4, 0, 1, 4]]], [0.1])
    meter.add(60.0)  # compiled, perhaps
    only = meter.read(alone)
    assert only
    assert (only.tokens, only.tokens_per_second) == (3, 3 / 60)
    engine.train([[[4, 0, 4]], [[4, 4], [4, 1, 4]]], [0.1, 0.1])
    meter.add(0.5)
    rest = meter.read(alone)
    assert rest
    assert (rest.tokens, rest.tokens_per_second) == (5, 10.0)
    counted = Work()
    counted.add(model, [2, 1, 2])
    assert rest.flops == counted.flops / 0.5
    assert rest.mfu == rest.flops / 1e9


def test_other_engines_keep_no_count() -> None:
    model = ModelConfig(5, 1, 4, 2, 6)
    meter = throughput.Meter(build("numpy", model, small_params(model), TrainConfig()))
    meter.add(1.0)
    assert meter.read(Processes()) is None
