"""docs/scaling.md: its arithmetic by hand, what is kept in memory counted, its commands read."""

from __future__ import annotations

import math
import re
import shlex

import numpy as np
import pytest
import scaling_plan
from benchmark import larger, plan
from benchmark.plan import Plan

from glassgpt.cli import app
from glassgpt.config import MAX_PARAMS, ModelConfig
from support import ROOT

DOCUMENT = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
SHAPES = [ModelConfig(50, 1, 64, 4, 32), ModelConfig(700, 3, 32, 2, 16)]


# --- the formulas, against numbers worked out by hand ---------------------------------------------


def test_the_plan_for_8_gpus_by_hand() -> None:
    p, m = scaling_plan.SMALL, scaling_plan.SMALL.model
    assert m.num_params == 2 * 38_633_472 + 786_432 + 84_934_656 == 162_988_032
    assert plan.matrix_weights(m) == 84_934_656 + 38_633_472
    assert plan.operations_a_token(m) == 6 * 123_568_128 + 12 * 12 * 768 * 512.5
    assert p.tokens_a_step == 524_288
    assert p.steps == math.ceil(10**10 / 524_288) == 19_074
    assert p.share == 64
    seconds = 798_087_168 * 524_288 / (8 * 0.4 * 989e12)
    assert p.step_seconds == pytest.approx(seconds, rel=1e-12)
    assert p.hours == pytest.approx(19_074 * seconds / 3600, rel=1e-12)
    assert plan.ddp_traffic(m.num_params, 8) == 2 * 7 / 8 * 4 * 162_988_032


def test_the_plan_for_64_gpus_by_hand() -> None:
    p, m = scaling_plan.LARGE, scaling_plan.LARGE.model
    assert m.num_params == 2 * 80_486_400 + 1_638_400 + 1_474_560_000 == 1_637_171_200 < MAX_PARAMS
    assert plan.operations_a_token(m) == 6 * (1_474_560_000 + 80_486_400) + 12 * 48 * 1600 * 512.5
    assert (p.steps, p.share) == (math.ceil(20 * 1_637_171_200 / 524_288), 8)
    seconds = 9_802_598_400 * 524_288 / (64 * 0.4 * 989e12)
    assert p.step_seconds == pytest.approx(seconds, rel=1e-12)
    outside = 1_637_171_200 - 1_474_560_000
    assert plan.fsdp_traffic(m, 64) == 63 / 64 * (8 * 1_474_560_000 + 12 * outside)
    assert plan.fsdp_traffic(m, 2, parts=4) == (20 * 1_474_560_000 + 36 * outside) / 2
    assert plan.host_bytes(m) == 28 * 1_637_171_200
    state, copies = 16 * 1_637_171_200, 2 * 1_555_046_400
    a_token = 48 * (34 * 1600 + 4 * 25 + 8) + 6 * 1600 + 4 * 50_304 + 31 + 10 * 50_304
    assert plan.device_bytes(m, 8) == state + copies + 8192 * a_token
    whole = 8 * (2 * 12 * 1600**2 + 1_637_171_200 - 1_474_560_000)
    parts = plan.device_bytes(m, 8, parts=64)
    assert parts == state // 64 + whole + 2 * 80_486_400 + 8192 * a_token


def test_a_step_that_does_not_divide() -> None:
    p = Plan(ModelConfig(27), tokens=1000, windows=5, gpus=2, peak=1e12, mfu=0.5)
    assert (p.tokens_a_step, p.steps, p.share) == (80, 13, 3)


# --- memory: against what PyTorch keeps -----------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", SHAPES)
def test_what_a_forward_pass_keeps(model: ModelConfig, dtype: str) -> None:
    """Every tensor that PyTorch saves for the backward pass, counted once, weights left out."""
    torch = pytest.importorskip("torch")
    from glassgpt.scale.torch.rows import pack_rows

    engine, windows = larger.build(model, dtype, "cpu", False), 4
    weights = {p.untyped_storage().data_ptr() for p in engine.model.parameters()}  # type: ignore[attr-defined]
    kept = {}

    def keep(tensor: object) -> object:
        storage = tensor.untyped_storage()  # type: ignore[attr-defined]
        kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # alive, so no address comes twice
        return tensor

    ids = np.random.default_rng(0).integers(0, model.vocab_size, (windows, model.block_size + 1))
    rows = pack_rows(list(ids), [1 / windows] * windows, model, torch.float32)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x), engine._precision():  # type: ignore[attr-defined]
        surprises = engine.model(*rows.inputs)  # type: ignore[attr-defined]
        loss = rows.weights @ surprises.to(torch.float32)
    assert loss.isfinite()
    found = sum(size for pointer, (size, _) in kept.items() if pointer not in weights)
    tokens = windows * model.block_size
    counted = tokens * plan.kept_bytes(model, dtype) + plan.copies_bytes(model, dtype)
    assert abs(found - counted) <= 2 * tokens + 64  # a scalar here, an id less there


def test_the_state_takes_16_bytes_a_parameter() -> None:
    pytest.importorskip("torch")
    model = SHAPES[0]
    engine = larger.build(model, "bfloat16", "cpu", False)
    engine._gradient([[1] * 9])  # type: ignore[attr-defined]
    tensors = [t for p in engine.model.parameters() for t in (p, p.grad)]  # type: ignore[attr-defined]
    for moments in engine.adam.state.values():  # type: ignore[attr-defined]
        tensors += [moments["exp_avg"], moments["exp_avg_sq"]]
    assert sum(t.nbytes for t in tensors) == plan.STATE_BYTES * model.num_params


def test_a_checkpoint_takes_12_bytes_a_parameter() -> None:
    from glassgpt.engines.base import TrainState
    from glassgpt.runs.state import to_safetensors
    from support import small_params

    model = SHAPES[0]
    chunks = to_safetensors(model, TrainState.fresh(small_params(model)), "bfloat16")
    extra = (
        sum(memoryview(chunk).nbytes for chunk in chunks) - plan.CHECKPOINT_BYTES * model.num_params
    )
    assert 0 < extra < 10_000  # the header


# --- the document ---------------------------------------------------------------------------------


def test_the_plans_in_the_document_are_those_of_the_formulas() -> None:
    [rate] = re.findall(r"is\s+guaranteed:\s+([\d.]+)\s+million", DOCUMENT)
    [host] = re.findall(r"packing\s+64\s+of\s+them\s+takes\s+(\d+)\s+ms", DOCUMENT)
    assert scaling_plan.wrapped(scaling_plan.plans(rate, host)) in DOCUMENT


def test_the_document_says_what_is_not_measured() -> None:
    flat = " ".join(DOCUMENT.split())
    assert "**No figure here was measured on a GPU.**" in flat
    assert "python tools/scaling.py --device cuda" in flat
    assert "**Assumed, not measured:**" in flat
    assert "This comparison was not measured, because no GPU was available." in flat


def test_processes_differ_by_rounding() -> None:
    rows = re.findall(r"^\| (\d) \| \d \| (\w*) \| .* \| ([\d.e-]+) \|$", DOCUMENT, re.MULTILINE)
    assert {(n, how) for n, how, _ in rows} >= {(n, how) for n in "24" for how in ("ddp", "fsdp")}
    assert all(float(off) < 1e-12 for _, _, off in rows)


def commands() -> list[list[str]]:
    found = re.findall(r"(?:^    .*\n)+", DOCUMENT, re.MULTILINE)
    text = "".join(found).replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line.strip()]


def test_its_commands_can_be_read() -> None:
    """The options are there, and the trainings are those that were reckoned."""
    from typer.main import get_command

    root, trained = get_command(app), []
    for words in commands():
        if words[0] == "python":  # nanoGPT's, and our own tools
            continue
        if words[0] == "torchrun":
            pytest.importorskip("torch")
            from torch.distributed.run import get_args_parser

            given = get_args_parser().parse_args(words[1:])
            assert (given.module, given.training_script) == (True, "glassgpt")
            words = ["glassgpt", *given.training_script_args]
        name, *rest = words[1:]
        command = root.commands[name]  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            command, rest = command.commands[rest[0]], rest[1:]
        context = command.make_context(name, rest)
        trained += [context.params] if name == "train" else []
    for params, reckoned in zip(trained, (scaling_plan.SMALL, scaling_plan.LARGE), strict=True):
        model = {k: params[k] for k in ("n_layer", "n_embd", "n_head", "block_size")}
        assert reckoned.model == ModelConfig(vocab_size=50304, **model)
        assert (params["steps"], params["batch_size"]) == (reckoned.steps, reckoned.windows)
        assert params["dtype"] == "bfloat16"


def test_paragraphs_are_wrapped_and_tables_left() -> None:
    text = "# A\n\nword " + "word " * 40 + "\n\n| a |\n|---|\n\n    code  code\n\n- one\n- two\n"
    lines = scaling_plan.wrapped(text).splitlines()
    assert max(map(len, lines)) <= 100
    assert {"# A", "| a |", "|---|", "    code  code", "- one", "- two"} <= set(lines)


def test_the_measurements_that_the_plans_take_up_can_be_made() -> None:
    pytest.importorskip("torch")
    import scaling

    assert float(scaling.drawing(1)) > 0
    assert float(scaling.host(1)) > 0
