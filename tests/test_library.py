"""`import glassgpt`: its examples, its answers beside those of the engines, its errors."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glassgpt
from glassgpt import model as model_module
from glassgpt.cli import main
from support import ROOT, names_file, vectors


@pytest.fixture(scope="module")
def ten() -> glassgpt.Model:
    return glassgpt.train("ten")


def test_the_examples_of_the_documentation_are_true() -> None:
    failed, tried = doctest.testfile(str(ROOT / "docs" / "library.md"), module_relative=False)
    assert tried > 20
    assert failed == 0


def test_the_examples_of_the_docstrings_are_true() -> None:
    failed, tried = doctest.testmod(model_module)
    assert tried > 4
    assert failed == 0


@pytest.mark.parametrize("name", ["ten", "names"])
def test_the_published_samples_are_the_first_that_a_model_writes(name: str) -> None:
    data = names_file() if name == "names" else name
    model = glassgpt.train(data, save=None)
    want = vectors(f"recipe_{name}")
    assert model.sample(20) == want["samples"]
    assert np.abs(np.subtract(model.losses, want["losses"])).max() < 1e-9


def test_a_model_kept_and_read_again_is_the_same(ten: glassgpt.Model, tmp_path: Path) -> None:
    again = glassgpt.load(ten.save(tmp_path / "run"))
    assert again.losses == ten.losses
    assert all((again.params[k] == p).all() for k, p in ten.params.items())
    assert again.sample(6, seed=3) == ten.sample(6, seed=3)
    assert again.sample(20) == vectors("recipe_ten")["samples"]


def test_what_the_library_trains_is_what_the_command_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ten: glassgpt.Model
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["glassgpt", "train", "ten", "-o", "run", "--samples", "0"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert glassgpt.load("run").losses == ten.losses


def test_a_run_is_kept_while_it_trains(tmp_path: Path) -> None:
    model = glassgpt.train(["ab", "ba", "aab"], steps=5, save=tmp_path / "run")
    assert glassgpt.load(tmp_path / "run").losses == model.losses
    with pytest.raises(glassgpt.RunError, match="exists already"):
        glassgpt.train(["ab", "ba"], steps=5, save=tmp_path / "run")


def test_next_sums_to_one_and_is_in_order(ten: glassgpt.Model) -> None:
    probs = ten.next("emm")
    assert sum(probs.values()) == pytest.approx(1, abs=1e-12)
    assert list(probs.values()) == sorted(probs.values(), reverse=True)
    assert set(probs) == {*ten.tokenizer.chars, "BOS"}
    assert next(iter(ten.next())) in "abcdefghijklmnopqrstuvwxyz"


def test_loss_trace_and_next_agree(ten: glassgpt.Model) -> None:
    trace = ten.trace("emma")
    assert trace.loss == pytest.approx(ten.loss("emma"), abs=1e-12)
    assert ten.loss(["emma"]) == [ten.loss("emma")]
    last = dict(zip([*ten.tokenizer.chars, "BOS"], trace["probs"][-1], strict=True))
    assert last == pytest.approx(ten.next("emma"), abs=1e-12)
    assert trace.tokens == ["BOS", "e", "m", "m", "a", "BOS"]


def test_to_torch_gives_the_same_logits(ten: glassgpt.Model) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ids = ten.tokenizer.encode("sophia")[:-1]
    logits = ten.to_torch()(torch.tensor([ids, ids])).detach().numpy()
    assert np.abs(logits[1] - ten.trace("sophia")["logits"]).max() < 1e-12


def test_evaluation_is_that_of_the_command_and_says_where_it_stands() -> None:
    model = glassgpt.train("english", steps=300, val_fraction=0.1)
    found = model.evaluate(200)
    assert list(found.rows) == ["uniform", "letter counts", "bigrams", "trigrams", "this model"]
    assert found.sides == ["train", "held_out"]
    mine = found.rows["this model"]["held_out"].nats
    ahead = found.verdict.split("ahead of ")[1].split(" and ")[0]
    assert found.rows[ahead]["held_out"].nats > mine
    assert str(found).endswith(found.verdict)


def test_pictures_are_whole_and_of_this_model(ten: glassgpt.Model) -> None:
    for thing in (ten, ten.sample(3, seed=1), ten.trace("emma")):
        html = thing._repr_html_()
        assert "<script" not in html
        assert html.count("<svg") == html.count("</svg>")
    assert "3,872" in ten._repr_html_()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: glassgpt.train([]), "has no texts"),
        (lambda m: glassgpt.train([1, 2]), "the texts must be strings, not int"),
        (lambda m: glassgpt.train(7), "data is 7; it must be a name, a path or texts"),
        (lambda m: glassgpt.train("ten", step=5), "there is no option step; there are steps"),
        (lambda m: glassgpt.train("ten", engine="fast"), "there is no engine 'fast'"),
        (lambda m: glassgpt.train("ten", steps=0), "steps is 0"),
        (lambda m: glassgpt.load("nowhere"), "there is no run 'nowhere'"),
        (lambda m: m.sample(-1), "n is -1"),
        (lambda m: m.sample(1, prompt="Ω"), "unknown character 'Ω'"),
        (lambda m: m.sample(1, seed=-1), "seed is -1"),
        (lambda m: m.loss(""), "the text is empty"),
        (lambda m: m.trace(5), "the text is 5; it must be a string"),
        (lambda m: m.export("model.gguf"), "must end in .json or .safetensors"),
    ],
)
def test_errors_are_one_line_of_one_family(ten: glassgpt.Model, call: object, says: str) -> None:
    with pytest.raises(glassgpt.GlassError) as error:
        call(ten)  # type: ignore[operator]
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_exports_are_refused_where_something_is(ten: glassgpt.Model, tmp_path: Path) -> None:
    for name in ("model.json", "model.safetensors"):
        assert ten.export(tmp_path / name).stat().st_size > 1000
        with pytest.raises(glassgpt.RunError, match="exists already"):
            ten.export(tmp_path / name)


def test_nothing_is_printed_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    glassgpt.train(["ab", "ba"], steps=5)
    assert capfd.readouterr() == ("", "")
    glassgpt.train(["ab", "ba"], steps=5, progress=True)
    assert "5/5" in capfd.readouterr().err


def test_every_public_name_is_there_and_documented() -> None:
    for name in glassgpt.__all__:
        thing = getattr(glassgpt, name)
        assert name == "__version__" or inspect.getdoc(thing)
    assert set(dir(glassgpt)) >= set(glassgpt.__all__)
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        glassgpt.trian  # noqa: B018


def test_importing_it_costs_nothing() -> None:
    code = "import sys, glassgpt; print(len([m for m in sys.modules if m.startswith('glassgpt.')]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
