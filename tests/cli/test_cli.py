"""The command line as its user meets it: what it prints, where, and how it fails."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import Command

TEN_SAMPLES = [
    "charlotte",
    "sophia",
    "evelyn",
    "ava",
    "evelyn",
    "ava",
    "isabella",
    "sophia",
    "ava",
    "emma",
    "mia",
    "ava",
    "emma",
    "ava",
    "ava",
    "sophia",
    "emma",
    "ava",
    "emma",
    "ava",
]


def test_train_prints_the_samples_of_the_recipe(glassgpt: Command) -> None:
    status, out, err = glassgpt("train", "ten")
    assert status == 0
    assert [line.split()[1] for line in out.splitlines()] == TEN_SAMPLES
    assert all(line.endswith("seen in training") for line in out.splitlines())
    assert "10 documents, 16 characters -> 17 tokens, 3,872 parameters" in err
    assert "glassgpt sample runs/ten" in err
    assert "\x1b" not in out + err  # no control codes where nobody looks


@pytest.mark.parametrize("engine", ["numpy", "scalar"])
def test_train_json_is_one_object_with_everything(glassgpt: Command, engine: str) -> None:
    status, out, _ = glassgpt("train", "ten", "--json", "--engine", engine, "-o", "mine")
    result = json.loads(out)
    assert status == 0
    assert result["samples"] == TEN_SAMPLES
    assert (result["num_params"], result["vocab_size"]) == (3872, 17)
    assert len(result["losses"]) == 1000
    assert [round(x, 6) for x in result["losses"][:3]] == [2.881085, 2.755827, 2.745162]
    assert round(sum(result["losses"][-100:]) / 100, 4) == 0.37
    assert result["run"] == "mine"
    assert result["novelty"] == ["seen"] * 20


def test_runs_are_numbered_and_the_latest_is_the_default(glassgpt: Command) -> None:
    for expected in ("runs/ten", "runs/ten-2"):
        _, out, _ = glassgpt("train", "ten", "--steps", "3", "--json")
        assert json.loads(out)["run"] == expected
    _, out, _ = glassgpt("sample", "--json", "-n", "1")
    assert json.loads(out)["run"] == "runs/ten-2"


def test_data_from_a_pipe_is_reported(tmp_path: Path) -> None:
    """Also: standard output is nothing but the JSON, and the module runs as a program."""
    text = b"\xef\xbb\xbfanna\r\nbob\r\n\r\nanna\r\nabcdefghijklmnopq\r\n"
    command = [sys.executable, "-m", "glassgpt", "train", "-", "--steps", "4", "--json"]
    done = subprocess.run(command, input=text, capture_output=True, cwd=tmp_path, check=True)
    data = json.loads(done.stdout)["data"]
    assert data["name"] == "standard input"
    assert (data["lines"], data["empty"], data["duplicates"], data["documents"]) == (5, 1, 1, 4)
    assert (data["over_long"], data["bom"], data["crlf"]) == (1, True, True)
    assert b"1 duplicate kept" in done.stderr
    assert b"1 document cut at block_size 16" in done.stderr


def test_hindi_is_decomposed_inside_and_composed_outside(glassgpt: Command) -> None:
    _, out, _ = glassgpt("train", "hindi", "--steps", "30", "--json")
    result = json.loads(out)
    assert (result["vocab_size"], result["num_params"]) == (57, 5408)
    assert result["data"]["normalize"] == "nfd"
    assert result["training"]["learning_rate"] == 0.003
    assert result["model"]["block_size"] == 32


def test_sample_continues_a_prompt_and_shows_its_choices(glassgpt: Command) -> None:
    glassgpt("train", "ten", "--steps", "200", "-o", "run")
    _, out, _ = glassgpt("sample", "run", "--prompt", "ol", "-n", "2", "--steps", "--json")
    result = json.loads(out)
    for row in result["samples"]:
        assert row["text"].startswith("ol")
        first = row["steps"][0]
        assert (first["position"], first["token"]) == (2, "l")
        assert sum(row["p"] for row in first["top"]) <= 1 + 1e-9
        assert [t["p"] for t in first["top"]] == sorted(
            (t["p"] for t in first["top"]), reverse=True
        )
    _, out, _ = glassgpt("sample", "run", "--prompt", "ol", "-n", "1", "--steps")
    assert "l ->" in out
    assert "chose" in out


def test_the_same_seed_gives_the_same_samples(glassgpt: Command) -> None:
    glassgpt("train", "ten", "--steps", "50", "-o", "run")
    again = [glassgpt("sample", "run", "--seed", "7", "-n", "5")[1] for _ in range(2)]
    other = glassgpt("sample", "run", "--seed", "8", "-n", "5")[1]
    assert again[0] == again[1] != other


def test_temperature_zero_is_greedy(glassgpt: Command) -> None:
    glassgpt("train", "ten", "--steps", "50", "-o", "run")
    _, out, _ = glassgpt("sample", "run", "--temperature", "0", "-n", "3", "--json")
    assert len({row["text"] for row in json.loads(out)["samples"]}) == 1


def test_train_and_eval_measure_the_same_held_out_loss(glassgpt: Command) -> None:
    """On a list with duplicates: no text that is trained on counts as held out."""
    names = ["ada", "bob", "cleo", "dora", "emil", "fay", "gus", "hal", "ida", "jon"]
    Path("list.txt").write_text("\n".join(names * 3 + names[:4] * 5))
    how = ("--steps", "60", "--val-fraction", "0.3", "--samples", "0", "--json")
    trained = json.loads(glassgpt("train", "list.txt", *how, "-o", "run")[1])
    evaluated = json.loads(glassgpt("eval", "run", "--json", "-n", "1")[1])
    held_out = evaluated["loss"]["this model"]["held_out"]
    assert trained["held_out_loss"] == held_out["nats"]
    assert trained["data"]["held_out"] == held_out["documents"] == 3


def test_eval_compares_with_baselines(glassgpt: Command) -> None:
    glassgpt("train", "english", "--steps", "200", "-o", "run")
    _, out, _ = glassgpt("eval", "run", "--json", "--documents", "200", "-n", "20")
    result = json.loads(out)
    loss = {name: row["held_out"]["nats"] for name, row in result["loss"].items()}
    assert loss["uniform"] == pytest.approx(3.295837, abs=1e-6)
    assert loss["uniform"] > loss["letter counts"] > loss["bigrams"]
    assert result["loss"]["uniform"]["train"]["bits"] == pytest.approx(4.754888, abs=1e-6)
    for row in result["novelty"]:
        assert row["seen"] + row["in file"] + row["new"] == 20
    _, out, _ = glassgpt("eval", "run", "--documents", "50", "-n", "5")
    assert "trigrams" in out


def test_explain_reads_a_word(glassgpt: Command) -> None:
    glassgpt("train", "ten", "--steps", "50", "-o", "run")
    _, out, _ = glassgpt("explain", "run", "emma", "--json")
    result = json.loads(out)
    assert result["tokens"] == ["BOS", "e", "m", "m", "a", "BOS"]
    assert len(result["values"]["probs"]) == 5
    weights = result["values"]["layer0.attn_weights"]
    assert [len(weights), len(weights[0]), len(weights[0][0])] == [4, 5, 5]
    _, out, _ = glassgpt("explain", "run", "emma")
    assert "attention, layer 0, head 3" in out
    assert f"mean loss {result['loss']:.4f}" in out


def test_export_and_trace(glassgpt: Command) -> None:
    glassgpt("train", "ten", "--steps", "20", "-o", "run")
    _, out, _ = glassgpt("export", "run", "-o", "-")
    exported = json.loads(out)
    assert exported["model"]["vocab_size"] == 17
    status, _, _ = glassgpt("export", "run", "--trace", "0,5,20", "-o", "trace.json")
    trace = json.loads(Path("trace.json").read_text())
    assert status == 0
    assert [s["step"] for s in trace["snapshots"]] == [0, 5, 20]
    assert trace["snapshots"][-1]["params"] == exported["params"]
    assert [s["step"] for s in trace["steps"]] == list(range(1, 21))
    status, _, err = glassgpt("export", "run", "--to", "safetensors", "-o", "m.safetensors")
    assert status == 0
    assert "wrote m.safetensors" in err


def test_datasets(glassgpt: Command) -> None:
    _, out, _ = glassgpt("datasets")
    assert all(name in out for name in ("english", "hindi", "startups", "ten", "names"))
    _, out, _ = glassgpt("datasets", "show", "hindi", "--json")
    entry = json.loads(out)
    assert (entry["documents"], entry["report"]["characters"]) == (1609, 56)
    status, out, _ = glassgpt("datasets", "download", "english")
    assert status == 0
    assert "is bundled" in out


def test_without_the_kernel_numpy_takes_over_with_a_line(
    glassgpt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "glassgpt.engines.native.engine.unavailable", lambda: "the kernel is not compiled"
    )
    status, out, err = glassgpt("train", "ten", "--steps", "3", "-o", "run", "--json")
    assert status == 0
    assert json.loads(out)["engine"] == "numpy"
    assert err.count("the kernel is not compiled: the numpy engine takes over\n") == 1
    status, _, err = glassgpt("train", "ten", "--engine", "native")
    assert status == 2
    assert "there is no native engine here: the kernel is not compiled; use numpy" in err


def test_version_and_help(glassgpt: Command) -> None:
    assert glassgpt("--version")[1].startswith("glassgpt 0.")
    assert "Commands" in glassgpt()[1]
    for command in ("train", "sample", "eval", "explain", "export", "bench"):
        status, out, _ = glassgpt(command, "--help")
        assert status == 0
        assert f"glassgpt {command}" in out  # an example, too
        assert "Examples:" in out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("train nowhere.txt", 2, "there is no file 'nowhere.txt'"),
        ("train .", 2, "is a directory"),
        ("train ten --n-head 3", 2, "--n-head is 3; it must divide --n-embd, which is 16"),
        ("train ten --n-embd 0", 2, "--n-embd is 0"),
        ("train ten --steps -1", 2, "--steps is -1"),
        ("train ten --lr 0", 2, "--lr is 0.0; it must be a number above 0 and below 1e300"),
        ("train ten --lr nan", 2, "--lr is nan"),
        ("train ten --lr x", 2, "'--lr'"),
        ("train ten --bogus", 2, "No such option: --bogus"),
        (
            "train ten --temperature -0.1",
            2,
            "--temperature is -0.1; it must be from 0 ",
        ),
        ("train ten --engine abacus", 2, "there is no engine 'abacus'; there are: scalar, numpy"),
        ("train ten --engine scalar --dtype float32", 2, "scalar engine does not support"),
        ("train ten --normalize nfkc", 2, "one of nfc, nfd, none"),
        ("train ten --n-embd 65536 --n-layer 1024", 2, "at most 2,000,000,000"),
        ("train ten -o taken", 1, "taken exists already"),
        ("train ten -o file/run", 1, "cannot write file/run"),
        ("train ten --lr 1", 1, "the loss is inf at step 3.*checkpoint, of step 2, is in runs/ten"),
        ("sample", 1, "no run in runs/ yet"),
        ("train ten --val-fraction .09", 2, "0.09 holds out none .* it must be at least 1/10"),
        ("train ten --seed -1", 2, "seed is -1; it must be a whole number from 0 to"),
        ("sample --seed -1", 2, "seed is -1; it must be a whole number from 0 to"),
        ("eval --seed -1", 2, "seed is -1; it must be a whole number from 0 to"),
        ("sample nowhere", 1, "there is no run 'nowhere'"),
        ("sample taken", 1, "config.json is missing"),
        ("dance", 2, "No such command 'dance'"),
        ("export --to pickle", 2, "--to is 'pickle'"),
    ],
)
def test_failures_are_one_line(
    glassgpt: Command, arguments: str, status: int, message: str
) -> None:
    Path("taken").mkdir()
    Path("taken/something").write_text("precious")
    Path("file").write_text("precious")
    code, out, err = glassgpt(*arguments.split())
    *report, last = err.splitlines()
    assert code == status
    assert last.startswith("glassgpt: ")
    assert re.search(message, last)
    assert "Traceback" not in err
    assert out == ""
    assert len(report) <= 1  # what was read, before what went wrong
    assert Path("taken/something").read_text() == Path("file").read_text() == "precious"


def test_prompt_failures(glassgpt: Command) -> None:
    glassgpt("train", "ten", "--steps", "2", "-o", "run")
    _, _, err = glassgpt("sample", "run", "--prompt", "aÉ")
    assert "'É' (U+00C9 LATIN CAPITAL LETTER E WITH ACUTE); this model knows a b c" in err
    _, _, err = glassgpt("sample", "run", "--prompt", "a" * 16)
    assert "has 16 tokens; it may have at most 15" in err
    assert glassgpt("sample", "run", "--prompt", "a" * 15, "-n", "1")[0] == 0
