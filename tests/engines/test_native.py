"""The C kernel against the reference: every build of it, odd shapes, batches, threads, sampling."""

from __future__ import annotations

import importlib.util
import itertools
import math
import multiprocessing
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgpt.config import ModelConfig
from glassgpt.engines.base import AdamConfig, Document, TrainState
from glassgpt.engines.scalar import ScalarEngine
from glassgpt.errors import EngineError
from support import ROOT, SRC

native = pytest.importorskip("glassgpt.engines.native.engine")
if not native.available():
    pytest.skip(f"no native engine: {native.unavailable()}", allow_module_level=True)

NativeEngine = native.NativeEngine
LEVELS = native.levels()

SHAPES = [  # vocab_size, n_layer, n_embd, n_head, block_size
    (27, 1, 16, 4, 16),
    (2, 1, 1, 1, 1),
    (3, 2, 6, 2, 5),
    (9, 1, 10, 2, 7),
    (17, 2, 24, 8, 9),
    (5, 3, 15, 5, 4),
    (11, 1, 32, 1, 20),
    (40, 1, 20, 4, 33),
]
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def fresh(config: ModelConfig, seed: int = 1, std: float = 0.3) -> TrainState:
    rng = np.random.default_rng(seed)
    return TrainState.fresh({k: rng.normal(0, std, shape) for k, shape in config.shapes.items()})


def documents(config: ModelConfig, n: int, seed: int = 1) -> list[Document]:
    """Random documents; some fill the context and more."""
    rng, bos = random.Random(seed), config.vocab_size - 1
    lengths = [rng.randint(0, config.block_size + 2) for _ in range(n)]
    return [[bos, *(rng.randrange(bos) for _ in range(k)), bos] for k in lengths]


def assert_close(a: TrainState, b: TrainState, tolerance: float) -> None:
    assert a.step == b.step
    for name in a.params:
        for x, y in ((a.params, b.params), (a.m, b.m), (a.v, b.v)):
            np.testing.assert_allclose(x[name], y[name], rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_the_reference(shape: tuple[int, ...], level: str, dtype: str) -> None:
    config = ModelConfig(*shape)
    state, tolerance = fresh(config), TOLERANCE[dtype]
    state.step = 3  # as if resumed: Adam's corrections depend on it
    scalar = ScalarEngine(config, state, AdamConfig())
    engine = NativeEngine(config, state, AdamConfig(), dtype=dtype, level=level)
    assert_close(engine.state(), state, tolerance)

    for batch in (documents(config, 1), documents(config, 5)):
        loss, grads = engine.loss_and_grads(batch)
        expected_loss, expected = scalar.loss_and_grads(batch)
        assert loss == pytest.approx(expected_loss, rel=tolerance, abs=tolerance)
        for name, grad in expected.items():
            np.testing.assert_allclose(grads[name], grad, rtol=0, atol=tolerance, err_msg=name)

    for row, expected_row in zip(
        engine.surprises(documents(config, 3)), scalar.surprises(documents(config, 3)), strict=True
    ):
        np.testing.assert_allclose(row, expected_row, rtol=0, atol=10 * tolerance)

    session, expected_session = engine.session(), scalar.session()
    for token in [config.vocab_size - 1, *([0] * (config.block_size - 1))]:
        np.testing.assert_allclose(
            session.feed(token), expected_session.feed(token), rtol=0, atol=10 * tolerance
        )
    with pytest.raises(ValueError, match="context is full"):
        session.feed(0)

    for batches in ([documents(config, 1)], [documents(config, 3)]):
        losses = engine.train(batches, [0.01])
        assert losses == pytest.approx(scalar.train(batches, [0.01]), abs=tolerance)
    if dtype == "float64":
        assert_close(engine.state(), scalar.state(), 1e-10)


@pytest.mark.parametrize("level", LEVELS)
def test_long_run_with_a_different_batch_size_in_between(level: str) -> None:
    config = ModelConfig(9, 2, 12, 3, 6)
    state = fresh(config, std=0.1)
    scalar = ScalarEngine(config, state, AdamConfig())
    engine = NativeEngine(config, state, AdamConfig(), level=level)
    batches = [[d] for d in documents(config, 40)] + [documents(config, 13)]
    batches += [[d] for d in documents(config, 20, seed=2)]
    rates = np.linspace(0.01, 0.001, len(batches)).tolist()
    expected = scalar.train(batches, rates)
    np.testing.assert_allclose(engine.train(batches, rates), expected, rtol=0, atol=1e-11)
    assert_close(engine.state(), scalar.state(), 1e-11)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", [2, 7, 32, 100])
def test_threads_change_no_bit(batch_size: int, dtype: str) -> None:
    config = ModelConfig(27, 2, 16, 4, 8)
    batches = [documents(config, batch_size, seed) for seed in range(6)]
    results = []
    for threads in (1, 2, 3, 16):
        engine = NativeEngine(config, fresh(config), AdamConfig(), dtype=dtype, threads=threads)
        losses = engine.train(batches, [0.01] * len(batches))
        results.append((losses, engine.state()))
    for losses, state in results[1:]:
        assert losses == results[0][0]
        assert_close(state, results[0][1], 0)


def test_slices_change_no_bit() -> None:
    """A run made in one call, and the same run made in pieces, from state to state."""
    config = ModelConfig(27)
    batches = [[d] for d in documents(config, 30)]
    rates = [0.01 - 0.0003 * i for i in range(30)]
    whole = NativeEngine(config, fresh(config), AdamConfig())
    losses = whole.train(batches, rates)
    state, pieces = fresh(config), []
    for start in range(0, 30, 7):
        engine = NativeEngine(config, state, AdamConfig())
        pieces += engine.train(batches[start : start + 7], rates[start : start + 7])
        state = engine.state()
    assert pieces == losses
    assert_close(state, whole.state(), 0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", [1, 20])
@pytest.mark.parametrize("threads", [1, 2])
def test_stops_at_a_loss_that_is_not_finite(batch_size: int, dtype: str, threads: int) -> None:
    config = ModelConfig(27)
    engine = NativeEngine(config, fresh(config), AdamConfig(), dtype=dtype, threads=threads)
    batches = [documents(config, batch_size, seed) for seed in range(5)]
    # In float64 a loss is infinite where the reference's p is 0, in float32 where it overflows.
    assert len(engine.train(batches[:2], [0.01, {"float64": 1e6, "float32": 1e18}[dtype]])) == 2
    before = engine.state()
    losses = engine.train(batches, [0.01] * 5)
    assert len(losses) == 1
    assert not math.isfinite(losses[0])
    assert_close(engine.state(), before, 0)


@pytest.mark.parametrize("batch_size", [1, 20])
def test_a_run_that_diverges_goes_on_in_float32_while_its_loss_is_finite(batch_size: int) -> None:
    config = ModelConfig(27)
    engine = NativeEngine(config, fresh(config), AdamConfig(), dtype="float32")
    batches = [documents(config, batch_size, seed) for seed in range(20)]
    losses = engine.train(batches, [0.01, 1e6, *[0.01] * 18])
    assert len(losses) == engine.state().step == 20
    assert all(1e10 < loss < math.inf for loss in losses[2:])
    assert all(np.isfinite(tensor).all() for tensor in engine.state().params.values())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("tensor", ["wte", "lm_head", "layer0.attn_wk", "layer0.mlp_fc2"])
def test_a_bad_weight_gives_a_bad_loss(tensor: str, bad: float, dtype: str) -> None:
    config = ModelConfig(5, block_size=4)
    state = fresh(config)
    state.params[tensor][:] = bad
    engine = NativeEngine(config, state, AdamConfig(), dtype=dtype)
    loss, grads = engine.loss_and_grads([[4, 1, 2, 4]])
    assert not math.isfinite(loss)
    assert all(np.isnan(grad).all() for grad in grads.values())
    assert not math.isfinite(engine.train([[[4, 1, 2, 4]]] * 2, [0.1] * 2)[-1])
    assert engine.state().step == 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("level", LEVELS)
def test_surprises_agree_with_sessions(level: str, dtype: str) -> None:
    config = ModelConfig(27, 2, 20, 4, 40)
    engine = NativeEngine(config, fresh(config), AdamConfig(), level=level, dtype=dtype)
    texts = documents(config, 9)
    for document, row in zip(texts, engine.surprises(texts), strict=True):
        session = engine.session()
        expected = []
        for token, target in list(itertools.pairwise(document))[:40]:
            logits = session.feed(token)
            expected.append(np.log(np.exp(logits - logits.max()).sum()) + logits.max())
            expected[-1] -= logits[target]
        np.testing.assert_allclose(row, expected, rtol=0, atol=100 * TOLERANCE[dtype])


def write_with_python(
    engine: native.NativeEngine,
    uniforms: list[float],
    prompt: list[int],
    temperature: float,
    top_k: int | None,
) -> tuple[list[int], float, int]:
    """One text as sampling.py writes it: token ids, log-probability, how many uniforms it took."""
    session, used, out, log_prob = engine.session(), 0, [], 0.0
    for token in prompt[:-1]:
        session.feed(token)
    token = prompt[-1]
    for _ in range(engine.config.block_size - len(prompt) + 1):
        logits = session.feed(token)
        weights = np.exp((logits - logits.max()) / (temperature or 1))
        if top_k is not None:
            weights[np.argsort(-weights, kind="stable")[top_k:]] = 0
        if temperature == 0:
            token = int(np.argmax(logits))
        else:
            cumulative = np.cumsum(weights)
            point = uniforms[used] * cumulative[-1]
            token = int(np.searchsorted(cumulative[:-1], point, side="right"))
            used += 1
        probs = np.exp(logits - logits.max())
        log_prob += math.log(probs[token] / probs.sum())
        out.append(token)
        if token == prompt[0]:
            break
    return out, log_prob, used


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("temperature, top_k", [(0.5, None), (1.0, 5), (2.0, 1), (1.5, 99), (0, 3)])
@pytest.mark.parametrize("length", [0, 2, 11])
def test_generates_what_python_would(
    length: int, temperature: float, top_k: int | None, level: str
) -> None:
    config = ModelConfig(27, 2, 12, 4, 12)
    engine = NativeEngine(config, fresh(config), AdamConfig(), level=level)
    rng = random.Random(7)
    prompt = [26, *(rng.randrange(26) for _ in range(length))]
    uniforms = [rng.random() for _ in range(12 * 12)]
    texts = engine.generate(prompt, uniforms, 12, temperature, top_k)
    start = 0
    for token_ids, log_prob in zip(texts.token_ids, texts.log_probs, strict=True):
        expected, expected_log_prob, used = write_with_python(
            engine, uniforms[start:], prompt, temperature, top_k
        )
        assert token_ids == expected
        assert log_prob == pytest.approx(expected_log_prob, abs=1e-11)
        start += used
    assert len(texts.token_ids) == 12
    assert texts.used == start


def test_generation_ends_with_the_uniforms() -> None:
    engine = NativeEngine(ModelConfig(27), fresh(ModelConfig(27)), AdamConfig())
    rng = random.Random(3)
    uniforms = [rng.random() for _ in range(200)]
    all_of_them = engine.generate([26], uniforms, 1000)
    assert all_of_them.used <= 200
    assert sum(map(len, all_of_them.token_ids)) == all_of_them.used
    fewer = engine.generate([26], uniforms[: all_of_them.used - 1], 1000)
    assert fewer.token_ids == all_of_them.token_ids[:-1]
    assert engine.generate([26], [], 3).token_ids == []


def test_refuses_what_does_not_fit() -> None:
    config = ModelConfig(5, block_size=4)
    state = fresh(config)
    engine = NativeEngine(config, state, AdamConfig())
    for bad in ([4], [4, 5], [4, -1, 4]):
        for call in (engine.loss_and_grads, engine.surprises):
            with pytest.raises(ValueError, match="token"):
                call([bad])
        with pytest.raises(ValueError, match="token"):
            engine.train([[[4, 0, 4], bad]], [0.1])
    with pytest.raises(ValueError, match="learning rates"):
        engine.train([[[4, 0, 4]]], [0.1, 0.1])
    with pytest.raises(ValueError, match="at least one document"):
        engine.train([[]], [0.1])
    with pytest.raises(ValueError, match="at least one document"):
        engine.loss_and_grads([])
    with pytest.raises(ValueError, match="token ids"):
        engine.session().feed(5)
    for arguments in (([], [0.1], 1), ([7], [0.1], 1), ([4] * 5, [0.1], 1)):
        with pytest.raises(ValueError):
            engine.generate(*arguments)
    for options in ({"temperature": -1}, {"top_k": 0}, {"temperature": math.nan}):
        with pytest.raises(ValueError):
            engine.generate([4], [0.1], 1, **options)
    with pytest.raises(EngineError, match="float16"):
        NativeEngine(config, state, AdamConfig(), dtype="float16")
    with pytest.raises(EngineError, match="x86-64-v9"):
        NativeEngine(config, state, AdamConfig(), level="x86-64-v9")
    with pytest.raises(ValueError, match="wte"):
        NativeEngine(ModelConfig(6, block_size=4), state, AdamConfig())
    assert engine.train([], []) == []
    assert engine.surprises([]) == []
    assert engine.state().step == 0


def test_too_little_memory_is_an_error() -> None:
    config = ModelConfig(2, n_layer=1, n_embd=1, n_head=1, block_size=2**20)
    engine = NativeEngine(config, fresh(config), AdamConfig())
    with pytest.raises(MemoryError):  # 2^40 attention weights
        engine.train([[[1] * (2**20 + 1)]], [0.1])


def losses_of(engine: native.NativeEngine, batches: list[list[Document]]) -> list[float]:
    result: list[float] = engine.train(batches, [0.01] * len(batches))
    return result


def test_engines_in_threads_do_not_disturb_each_other() -> None:
    config = ModelConfig(27)
    batches = [documents(config, 8, seed) for seed in range(50)]
    expected = losses_of(NativeEngine(config, fresh(config), AdamConfig()), batches)
    results: dict[int, list[float]] = {}

    def work(i: int) -> None:
        engine = NativeEngine(config, fresh(config), AdamConfig(), threads=2)
        results[i] = losses_of(engine, batches)

    threads = [threading.Thread(target=work, args=[i]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(results.values()) == [expected] * 4


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork in a process with threads
def test_survives_a_fork() -> None:
    config = ModelConfig(27)
    batches = [documents(config, 8, seed) for seed in range(5)]
    engine = NativeEngine(config, fresh(config), AdamConfig(), threads=2)
    engine.train(batches[:1], [0.01])
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put(losses_of(engine, batches)))
    child.start()
    from_child = queue.get()
    child.join()
    assert from_child == losses_of(engine, batches)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("batch_size", [1, 4000])
def test_ctrl_c_is_heard_within_50_ms(batch_size: int) -> None:
    """In a process of its own: a call of minutes, and the time from the signal to the exception."""
    script = f"""
import os, signal, threading, time
import numpy as np
from glassgpt.config import ModelConfig
from glassgpt.engines.base import AdamConfig, TrainState
from glassgpt.engines.native.engine import NativeEngine
config = ModelConfig(27, 2, 64, 4, 16)
state = TrainState.fresh({{k: np.full(s, 0.01) for k, s in config.shapes.items()}})
engine = NativeEngine(config, state, AdamConfig(), threads=2)
batches = [[[26, *range(16), 26]] * {batch_size}] * ({100_000} // {batch_size})
sent = []
def interrupt():
    time.sleep(1)
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    engine.train(batches, [0.001] * len(batches))
    print("not interrupted")
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0], engine.state().step)
"""
    source = ROOT / "src"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(source)},
        timeout=120,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    seconds, steps = done.stdout.split()
    assert float(seconds) < 0.05 * 4, done  # four times as long on a busy machine
    assert int(steps) > 0 or batch_size > 1


def test_a_call_is_cheap() -> None:
    config = ModelConfig(27)
    engine = NativeEngine(config, fresh(config), AdamConfig())
    batches = [[d] for d in documents(config, 1000)]
    engine.train(batches, [0.001] * 1000)
    started = time.perf_counter()
    engine.train(batches, [0.001] * 1000)
    assert time.perf_counter() - started < 1  # a hundred times what it takes


# --- which library is taken -----------------------------------------------------------------------


@pytest.mark.parametrize("changed", ["build.py", "kernel.c", "kernel/forward.h"])
def test_a_library_built_from_other_sources_or_in_another_way_is_not_taken(
    changed: str, tmp_path: Path
) -> None:
    native = tmp_path / "native"
    shutil.copytree(
        SRC / "engines/native", native, ignore=shutil.ignore_patterns("lib", "__pycache__")
    )

    def name() -> str:
        spec = importlib.util.spec_from_file_location("copied_build", native / "build.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.library_name("generic", "float64")

    before = name()
    assert name() == before
    with (native / changed).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert name() != before


@pytest.mark.skipif(not shutil.which("make"), reason="make is not here")
def test_make_compiles_again_when_the_way_of_compiling_changes(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for made in (tmp_path / "bin/python", tmp_path / "setup.stamp"):
        made.touch()

    def plan(*changed: str) -> str:
        what_if = [part for path in changed for part in ("-W", path)]
        command = ["make", "-n", f"VENV={tmp_path}", *what_if, "setup"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "--editable ." not in plan()
    assert "--editable ." in plan("src/glassgpt/engines/native/build.py")


def test_no_kernel_runs_on_after_an_interrupt_at_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread may have begun although Ctrl-C came before `start` returned."""
    states: list[str] = []

    def call(stop: Any) -> int:
        states.append("running")
        until = time.monotonic() + 10
        while not stop._obj.value and time.monotonic() < until:  # as the kernel: now and then
            time.sleep(0.001)
        time.sleep(0.05)
        states.append("returned")
        return 0

    begin = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        begin(thread)
        while not states:
            time.sleep(0.001)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(KeyboardInterrupt):
        native.interruptible(call)
    assert states == ["running", "returned"]
