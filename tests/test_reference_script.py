"""reference.py as a program of its own: nothing but the standard library, the published figures."""

from __future__ import annotations

import math
import random
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from glassgpt import reference
from glassgpt.config import ModelConfig
from support import SRC, vectors

SCRIPT = SRC / "reference.py"
TEN = SRC / "datasets" / "ten.txt"

FIGURES = {  # of 1,000 steps with seed 42
    "names": {
        "vocab": 27,
        "params": 4192,
        "first": "yuheng",
        "losses": {
            1: 3.365967, 2: 3.424273, 3: 3.177802, 10: 3.222888,
            100: 3.366931, 500: 2.064466, 1000: 2.649694,
        },
        "last_100": 2.2761,
        "samples": "kamon ann karai jaire vialan karia yeran anna areli kaina konna keylen liole "
        "alerin earan lenne kana lara alela anton",
    },
    "ten": {
        "vocab": 17,
        "params": 3872,
        "first": "amelia",
        "losses": {
            1: 2.881085, 2: 2.755827, 3: 2.745162, 10: 2.358130,
            100: 0.427345, 500: 0.367499, 1000: 0.349774,
        },
        "last_100": 0.3700,
        "samples": "charlotte sophia evelyn ava evelyn ava isabella sophia ava emma mia ava emma "
        "ava ava sophia emma ava emma ava",
    },
}  # fmt: skip


def run(*args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """In isolated mode: no site packages on the path, nothing from the environment."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), *map(str, args)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


@pytest.mark.parametrize("name", FIGURES)
def test_the_vectors_have_the_published_figures(name: str) -> None:
    """Every engine is held to the vectors, so they had better be right."""
    want, got = FIGURES[name], vectors(f"recipe_{name}")
    assert ModelConfig.from_dict(got["model"]).num_params == want["params"]
    assert (got["model"]["vocab_size"], got["documents"][0]) == (want["vocab"], want["first"])
    losses = got["losses"]
    assert {step: round(losses[step - 1], 6) for step in want["losses"]} == want["losses"]
    assert round(math.fsum(losses[-100:]) / 100, 4) == want["last_100"]
    assert " ".join(got["samples"]) == want["samples"]


@pytest.mark.parametrize("name", FIGURES)
def test_the_published_figures_from_the_file_itself(
    name: str, request: pytest.FixtureRequest
) -> None:
    path = TEN if name == "ten" else request.getfixturevalue("names_path")
    want, rng = FIGURES[name], random.Random(42)
    documents = reference.read_documents(path)
    rng.shuffle(documents)
    assert documents[0] == want["first"]
    tokenizer = reference.Tokenizer("".join(documents))
    model = reference.GPT(tokenizer.vocab_size, rng=rng)
    adam = reference.Adam(model.parameters())
    assert (tokenizer.vocab_size, len(adam.params)) == (want["vocab"], want["params"])
    encoded = [tokenizer.encode(document) for document in documents]
    losses = dict(islice(reference.train(model, adam, encoded), 100))
    early = [step for step in want["losses"] if step <= 100]
    assert [round(losses[step], 6) for step in early] == [want["losses"][s] for s in early]


def test_runs_alone_and_invents_the_published_samples(tmp_path: Path) -> None:
    """The whole ten-name recipe, from input.txt in the working directory."""
    (tmp_path / "input.txt").write_bytes(TEN.read_bytes())
    done = run(cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, *progress = done.stdout.splitlines()
    assert first == "10 documents, 17 tokens, 3872 parameters"
    losses = vectors("recipe_ten")["losses"]
    assert progress[:10] == [
        f"step {step:5d} of 1000   loss {losses[step - 1]:.4f}" for step in range(100, 1001, 100)
    ]
    numbered = [f"{i:2d} {name}" for i, name in enumerate(FIGURES["ten"]["samples"].split(), 1)]
    assert progress[10:] == numbered
    assert "\r" not in done.stdout  # nothing is drawn over where nobody watches


def test_bom_crlf_and_blank_lines_are_no_part_of_a_document(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeffemma\r\n\r\n ava \r\nनेहा".encode())
    assert reference.read_documents(path) == ["emma", "ava", "नेहा"]


@pytest.mark.parametrize(
    ("content", "args", "says"),
    [
        (None, [], r"cannot read list\.txt: .*No such file"),
        (b"", [], "at least one document"),
        (b"\n \n", [], "at least one document"),
        (b"emma\n\xff\n", [], r"cannot read list\.txt: 'utf-8' codec"),
        (b"emma\na\rb\n", [], r"cannot read list\.txt: .*control character"),
        (b"emma\n", ["--steps", "0"], "one step"),
        (b"emma\n", ["--lr", "-1"], "positive --lr"),
        (b"emma\n", ["--lr", "nan"], "positive --lr"),
        (b"emma\n", ["--seed", "x"], "--seed: invalid int value"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, args: list[str], says: str
) -> None:
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)
    done = run("list.txt", *args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    *usage, error = done.stderr.splitlines()
    assert usage[0].startswith("usage: reference.py")
    assert error.startswith("reference.py: error: ")
    assert re.search(says, error)


def test_divergence_ends_the_program_in_one_line(tmp_path: Path) -> None:
    done = run(TEN, "--lr", "1e4", cwd=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(
        r"training stopped: loss is (inf|nan) at step \d+: try a smaller --lr\n", done.stderr
    )
