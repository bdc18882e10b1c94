"""The benchmark: its arithmetic, what it reports, what it refuses. Nothing here asks how fast."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import asdict

import pytest
from benchmark import operations, report
from benchmark.cases import SIZES, Case, Material, Selection
from benchmark.timing import Work, interleaved

from glassgpt import benchmark, datasets, engines
from glassgpt.config import ModelConfig, TrainConfig
from glassgpt.engines.numpy import NumpyEngine
from glassgpt.training import begin
from support import ROOT, Command

TOOLS = ROOT / "tools"
TINY = report.Effort(("S",), ("S",), rounds=2, round_seconds=0.0, limit_seconds=0.0)


@pytest.fixture(scope="module")
def result() -> dict:
    return report.run(TINY, ("scalar", "numpy"))


# --- operations -----------------------------------------------------------------------------------


def test_a_step_counted_by_hand() -> None:
    """Width 4, 2 heads of 2, 5 tokens, 1 layer; a document of 3 predictions: 1 + 2 + 3 pairs."""
    model = ModelConfig(vocab_size=5, n_layer=1, n_embd=4, n_head=2, block_size=8)
    matrices = [(4, 4)] * 4 + [(16, 4), (4, 16), (5, 4)]  # q, k, v, o; MLP; lm_head
    forward = backward = 0
    for _ in range(3):
        for n_out, n_in in matrices:
            forward += n_out * n_in * 2
            backward += n_out * n_in * 2 * 2
        for _ in range(3):  # RMSNorm: squares, sum, scaled; mean, + eps, root, reciprocal
            forward += 4 + 4 + 4 + 4
            backward += 4 + 4 + 4 + 4 + 4 + 1
        forward += 16 + 2 * 4 + 4  # ReLU, residuals, wte + wpe
        backward += 16 + 2 * 4 + 2 * 4
        forward += 5 * 5 + 2  # softmax of the logits; logarithm, sum of the losses
        backward += 5 + 1
    for query in range(3):
        for _ in range(query + 1):
            for _ in range(2):  # heads
                forward += 2 * 2 + 6 + 2 * 2  # score, softmax, mix
                backward += 2 * (2 * 2 + 2 * 2) + 5
    assert operations.document(model, 3) == forward + backward
    assert operations.update(model) == 12 * (5 * 4 + 8 * 4 + 5 * 4 + 4 * 16 + 2 * 64)
    assert operations.step(model, [[4, 0, 1, 4]]) == forward + backward + operations.update(model)


def test_what_is_beyond_the_context_does_not_count() -> None:
    model = ModelConfig(5, 1, 4, 2, 3)
    cut = operations.step(model, [[4, 0, 1, 2, 3, 4]])
    assert cut == operations.step(model, [[4, 0, 1, 2]])
    assert operations.step(model, [[4, 0, 4]] * 2) == (
        2 * operations.document(model, 2) + operations.update(model)
    )


# --- cases ----------------------------------------------------------------------------------------


def test_documents_suit_the_context() -> None:
    material = Material()
    for size, model in SIZES.items():
        for batch in (1, 32):
            batches = material.batches(size, batch)
            assert {len(b) for b in batches} == {batch}
            assert len(batches) == (16 if batch == 1 else 1)
            lengths = [len(ids) - 1 for b in batches for ids in b]
            if model.block_size == 64:
                assert min(lengths) >= 64  # the context is full
            else:
                names = [len(name) + 1 for name in material.names]
                assert abs(sum(lengths) / len(lengths) - sum(names) / len(names)) < 0.4


def test_which_cases() -> None:
    quick = list(Selection(("S", "M"), ("S",), engines.NAMES, threads=4).cases())
    assert Case("S", 1, "scalar", "float64", 1) in quick
    assert Case("S", 32, "native", "float32", 4) in quick
    assert not any(c.engine == "scalar" and (c.size, c.batch) != ("S", 1) for c in quick)
    assert not any(c.threads > 1 and c.batch == 1 for c in quick)
    full = list(Selection(tuple(SIZES), ("S", "M"), engines.NAMES, threads=1).cases())
    engines_beside_scalar, dtypes = len(engines.NAMES) - 1, 2
    assert len(full) == len(set(full)) == 2 + len(SIZES) * 2 * engines_beside_scalar * dtypes
    assert {c.threads for c in full} == {1}


def test_who_shares_a_batch_among_threads() -> None:
    cases = Selection(("S", "M"), (), engines.NAMES, threads=4).cases()
    assert {(c.engine, c.batch) for c in cases if c.threads == 4} == {("native", 32), ("torch", 32)}


# --- timing ---------------------------------------------------------------------------------------


def test_rounds_are_interleaved_after_a_warm_up_and_the_slow_drop_out() -> None:
    calls: list[str] = []

    def work(name: str) -> Work:
        return Work(lambda times: lambda: calls.extend([name] * times), 2.0)

    timings = interleaved([work("a"), work("b")], rounds=3, round_seconds=0.0, limit_seconds=9.0)
    assert "".join(calls).replace("aa", "a").replace("bb", "b") == "abababab"
    for timing in timings:
        assert timing.rounds == 3
        assert 0 <= timing.best <= timing.median
        assert timing.cpu >= 0
    [once] = interleaved([work("c")], rounds=3, round_seconds=0.0, limit_seconds=0.0)
    assert once.rounds == 1


# --- the report -----------------------------------------------------------------------------------


def test_what_json_holds(result: dict) -> None:
    assert set(result) == {"machine", "rounds", "peak", "training", "generation", "larger"}
    assert result["larger"] == []
    assert {"cpu", "cores", "system", "python", "numpy", "glassgpt", "date", "load"} < set(
        result["machine"]
    )
    assert [p["dtype"] for p in result["peak"]] == ["float64", "float32"]
    rows = result["training"]
    keys = {"model", "num_params", "operations", "best_us", "median_us", "cpu_us", "rounds"}
    keys |= {"gflops", "share_of_peak", "ratio_to_scalar", *asdict(Case("", 1, "", "", 1))}
    assert all(set(row) == keys for row in rows)
    assert [(r["engine"], r["dtype"], r["batch"]) for r in rows] == [
        ("scalar", "float64", 1),
        ("numpy", "float64", 1),
        ("numpy", "float32", 1),
    ] + [("numpy", dtype, 32) for dtype in ("float64", "float32")]
    for row in rows:
        assert row["num_params"] == 4192
        assert math.isclose(row["gflops"], row["operations"] / row["best_us"] / 1e3, rel_tol=1e-4)
    assert rows[0]["ratio_to_scalar"] == 1
    assert rows[-1]["ratio_to_scalar"] is None
    assert {(g["engine"], g["how"]) for g in result["generation"]} == {
        ("scalar", "one by one"),
        ("numpy", "one by one"),
    }
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_native_engine_writes_all_at_once() -> None:
    if "native" not in engines.available():
        pytest.skip("the native engine is not available here")
    rows = report.run(TINY, ("native",), rounds=1)["generation"]
    assert [(r["dtype"], r["how"]) for r in rows] == [
        (dtype, how) for dtype in ("float64", "float32") for how in ("one by one", "all at once")
    ]


def test_blas_is_told_before_numpy_is_loaded() -> None:
    code = "import benchmark.machine, sys; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=TOOLS, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


# --- glassgpt bench -------------------------------------------------------------------------------


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassgpt.benchmark.WARM", 20)
    monkeypatch.setattr("glassgpt.benchmark.ROUND_SECONDS", 0.0)


def test_a_row_for_each_width_engine_and_format(glassgpt: Command, short: None) -> None:
    arguments = ("bench", "--engine", "numpy", "--rounds", "2", "--json")
    status, out, err = glassgpt(*arguments, "--engine", engines.DEFAULT)
    assert (status, err) == (0, "timing …\n")
    said = json.loads(out)
    assert {"cpu", "cores", "system", "python", "numpy", "glassgpt", "date", "load"} == set(
        said["machine"]
    )
    assert [(r["width"], r["engine"], r["dtype"]) for r in said["engines"]] == [
        (width, engine, dtype)
        for width in (16, 64)
        for engine in dict.fromkeys(["numpy", engines.DEFAULT])
        for dtype in ("float64", "float32")
    ]
    for row in said["engines"]:
        assert 0 < row["best_us"] <= row["median_us"]
        assert row["names_a_second"] > 0


def test_the_table_fits_a_terminal(glassgpt: Command, short: None) -> None:
    status, out, _ = glassgpt("bench", "--engine", "numpy", "--rounds", "1")
    assert status == 0
    lines = out.splitlines()
    assert max(map(len, lines[2:])) <= 80
    assert lines[-5].split() == [
        *("width", "engine", "dtype", "µs", "a", "step", "median", "names", "a", "second"),
    ]
    assert [line.split()[:3] for line in lines[-4:]] == [
        [width, "numpy", dtype] for width in ("16", "64") for dtype in ("float64", "float32")
    ]


def test_what_is_timed_is_training_that_goes_on(
    monkeypatch: pytest.MonkeyPatch, short: None
) -> None:
    """Steps after the warm-up, with the documents and at the rates of the run."""
    seen = []

    class Watched(NumpyEngine):
        def train(self, batches: list, learning_rates: list) -> list[float]:
            seen.append((self.step, [list(map(list, b)) for b in batches], list(learning_rates)))
            return super().train(batches, learning_rates)

    monkeypatch.setattr("glassgpt.engines.numpy.NumpyEngine", Watched)
    monkeypatch.setattr(benchmark, "WIDTHS", (16,))
    monkeypatch.setattr(engines, "DEFAULT", "numpy", raising=False)
    monkeypatch.setattr(engines, "DTYPES", engines.DTYPES | {"numpy": ("float64",)})
    benchmark.measure(("numpy",), 2)
    training = TrainConfig(steps=40)
    run, _, _ = begin(datasets.load("english"), training)
    batches, rates = [[list(run.tokenizer.encode(d)) for d in run.batch(s)] for s in range(40)], []
    rates = training.learning_rates(0, 40)
    assert seen[0] == (0, batches[:20], rates[:20])
    assert [step for step, _, _ in seen[1:]] == [20, 22, 32, 42]  # warm-ups of 2 and 10, 2 rounds
    for _, its_batches, its_rates in seen[1:]:
        assert its_batches == batches[20 : 20 + len(its_batches)]
        assert its_rates == rates[20 : 20 + len(its_rates)]
        assert min(its_rates) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rounds", "0"), "rounds is 0; it must be at least 1"),
        (("--engine", "abacus"), "there is no engine 'abacus'"),
    ],
)
def test_options(glassgpt: Command, options: tuple[str, ...], message: str) -> None:
    status, _, err = glassgpt("bench", *options)
    assert status == 2
    assert message in err


def test_without_pytorch(glassgpt: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "unavailable", lambda name: "it is not installed")
    status, _, err = glassgpt("bench", "--engine", "torch")
    assert status == 2
    assert "there is no torch engine here: it is not installed" in err
