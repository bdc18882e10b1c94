"""A run on a prepared corpus: what it reads, that it goes on, what needs the corpus again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from glassgpt import datasets, engines
from glassgpt.cli import app
from glassgpt.config import TrainConfig
from glassgpt.datasets import from_texts
from glassgpt.datasets.documents import AbsentDocuments
from glassgpt.errors import GlassError
from glassgpt.runs import directory as checkpoint
from glassgpt.runs.writer import RunWriter
from glassgpt.scale import corpus as corpora
from glassgpt.scale.corpus import Corpus, open_corpus
from glassgpt.scale.corpus.data import CorpusData
from glassgpt.training import Chunk, Run, attach, begin, replay, train

TEXT = "Wer wagt, gewinnt: अंशु und é.\nSo it goes on, and on.\n\n\tAnd ends.\n" * 9


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def names(here: Path) -> Corpus:
    """The bundled English names, prepared; 400 of them, to be quick."""
    texts = datasets.load("english").documents[:400]
    (here / "list.txt").write_text("\n".join(texts) + "\n")
    return corpora.prepare(["list.txt"], here / "corpus")


def invoke(*arguments: str) -> str:
    """What the command prints; its failures are raised, as `main` would report them."""
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.mark.parametrize("val_fraction", [0.0, 0.25])
def test_a_prepared_list_is_trained_on_number_for_number(
    names: Corpus, val_fraction: float
) -> None:
    texts = Path("list.txt").read_text().split()
    training = TrainConfig(steps=60, batch_size=7, val_fraction=val_fraction)
    run, state, rng = begin(from_texts(texts), training)
    its, its_state, its_rng = begin(CorpusData(names), training, block_size=16)
    assert its.num_train == run.num_train
    for step in range(training.steps):
        assert [list(d) for d in its.read(step)] == run.read(step)
    assert its.held_out_ids(50) == run.held_out_ids(50)
    assert all((state.params[n] == its_state.params[n]).all() for n in state.params)
    assert rng.getstate() == its_rng.getstate()


@pytest.mark.parametrize("name", engines.NAMES)
def test_every_engine_reads_windows(name: str, names: Corpus) -> None:
    if reason := engines.unavailable(name):
        pytest.skip(reason)
    run, state, _ = begin(CorpusData(names), TrainConfig(steps=5, batch_size=3), block_size=6)
    assert run.num_train > names.num_documents  # names of more than five letters take two windows
    engine = engines.create(name, run.model, state.copy(), run.training)
    losses = [loss for chunk in train(run, engine) for loss in chunk.losses]
    as_lists = [[d.tolist() for d in run.read(step)] for step in range(5)]
    reference = engines.create("numpy", run.model, state.copy(), run.training)
    want = reference.train(as_lists, run.training.learning_rates(0, 5))
    assert np.abs(np.subtract(losses, want)).max() <= 1e-12


def test_a_prediction_is_made_once_in_a_round(here: Path) -> None:
    Path("text.txt").write_text(TEXT)
    corpus = corpora.prepare(["text.txt"], here / "corpus", documents="file")
    run, _, _ = begin(CorpusData(corpus), TrainConfig(steps=1, batch_size=1), block_size=10)
    read = sorted(tuple(run.read(step)[0].tolist()) for step in range(run.num_train))
    ids = run.tokenizer.encode(TEXT)
    assert read == sorted(tuple(ids[i : i + 11]) for i in range(0, len(ids) - 1, 10))


@pytest.mark.parametrize("tokens", ["characters", "bytes"])
def test_from_the_text_to_a_model_that_writes(tokens: str, here: Path) -> None:
    if tokens == "bytes":
        pytest.importorskip("tokenizers", reason="the tokenizers package is not installed")
    Path("text.txt").write_text(TEXT)
    size = ["--vocab-size", "300"] if tokens == "bytes" else []
    invoke("datasets", "prepare", "text.txt", "-o", "corpus", "--documents", "file",
           "--tokens", tokens, *size)  # fmt: skip
    whole = ("train", "corpus", "--steps", "24", "--batch-size", "2", "--block-size", "24")
    done = json.loads(invoke(*whole, "-o", "whole", "--samples", "2", "--json"))
    assert done["novelty"] == [None, None]
    assert done["data"]["windows"] == done["data"]["tokens"] // 24 + 1
    assert len(done["samples"]) == 2
    assert sorted(path.name for path in Path("whole").iterdir()) == [
        ".lock", "config.json", "losses.f64", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip

    # Stopped and resumed it is the same, bit for bit; the corpus may have moved meanwhile.
    saved = checkpoint.load(Path("whole"))
    run, state, _ = begin(
        CorpusData(open_corpus(Path("corpus"))), saved.run.training, block_size=24
    )
    engine = engines.create(saved.info.engine, run.model, state, run.training)
    writer = RunWriter.create(Path("half"), run, saved.info)
    chunks: list[Chunk] = []
    for chunk in train(run, engine, stop=lambda: bool(chunks) and chunks[-1].start >= 3):
        chunks.append(chunk)
    writer.save(engine.state(), chunks)
    writer.close()
    shutil.move("corpus", "elsewhere")
    invoke("train", "elsewhere", "--resume", "half", "--samples", "0")
    for file in ("model.safetensors", "losses.f64", "tokenizer.json"):
        assert Path("half", file).read_bytes() == Path("whole", file).read_bytes(), file

    measured = json.loads(invoke("eval", "half", "--corpus", "elsewhere", "--json"))
    assert measured["novelty"] == []
    train_loss = measured["loss"]["this model"]["train"]
    assert train_loss["nats"] < measured["loss"]["uniform"]["train"]["nats"]
    assert 0 < measured["bits_a_byte"]["train"] < 8
    [drawn] = json.loads(invoke("sample", "half", "-n", "1", "--prompt", "So", "--json"))["samples"]
    assert drawn["text"].startswith("So")
    assert drawn["novelty"] is None
    assert "loss" in invoke("explain", "half", "So it")
    invoke("export", "half", "-o", "model.json")
    kind = json.loads(Path("model.json").read_text())["tokenizer"]["kind"]
    assert kind == {"characters": "characters", "bytes": "byte-pairs"}[tokens]


def test_bits_a_byte_are_the_whole_surprise_over_the_bytes(here: Path) -> None:
    Path("list.txt").write_text("अंशु\nemma\n")
    corpus = corpora.prepare(["list.txt"], here / "corpus")
    # A blind model: log2(V) bits for each of 5 predictions, the end included; V = 3 + 4 + BOS.
    invoke("train", "corpus", "-o", "run", "--steps", "1", "--init-std", "0", "--samples", "0")
    measured = json.loads(invoke("eval", "run", "--corpus", "corpus", "--json"))["bits_a_byte"]
    bits = 5 * np.log2(corpus.tokenizer.vocab_size)
    want = {bits / (len(text.encode()) + 1) for text in ("अंशु", "emma")}
    assert sorted(measured.values()) == pytest.approx(sorted(want), rel=1e-6)


# --- what is refused ------------------------------------------------------------------------------


@pytest.fixture
def trained(names: Corpus) -> Path:
    invoke("train", "corpus", "-o", "run", "--steps", "3", "--samples", "0")
    return Path("run")


def refused(*arguments: str) -> str:
    with pytest.raises(GlassError) as caught:
        invoke(*arguments)
    return str(caught.value)


def test_a_run_on_a_corpus_must_be_told_where_that_is(trained: Path) -> None:
    where = "run was trained on the corpus 'corpus', which is not in it; say where that is: "
    assert refused("train", "--resume", "run") == where + "glassgpt train CORPUS --resume run"
    assert refused("eval", "run") == where + "glassgpt eval run --corpus CORPUS"


def test_another_corpus_is_found_out(trained: Path) -> None:
    other = Path("list.txt").read_text().replace("a", "e")
    Path("other.txt").write_text(other)
    corpora.prepare(["other.txt"], Path("other"))
    want = "other is not the corpus 'corpus' that run was trained on"
    assert refused("train", "other", "--resume", "run", "--steps", "5") == want
    assert refused("eval", "run", "--corpus", "other") == want
    assert checkpoint.load(trained).run.training.steps == 3


def test_a_list_needs_no_corpus(names: Corpus) -> None:
    invoke("train", "list.txt", "-o", "run", "--steps", "3", "--samples", "0")
    want = "run has its documents with it; it needs no corpus"
    assert refused("train", "corpus", "--resume", "run", "--steps", "5") == want
    assert refused("eval", "run", "--corpus", "corpus") == want


@pytest.mark.parametrize(
    "how", [("--with-documents",), ("--trace", "0,1"), ("--to", "site", "-o", "site")]
)
def test_what_needs_the_texts_cannot_be_exported(how: tuple[str, ...], trained: Path) -> None:
    assert "needs the documents; run was trained on a corpus" in refused("export", "run", *how)
    assert not Path("site").exists()


def test_a_corpus_is_normalized_already(names: Corpus) -> None:
    assert "--normalize: corpus is prepared" in refused("train", "corpus", "--normalize", "nfd")


def test_a_config_that_lies_about_its_data(trained: Path) -> None:
    config = json.loads((trained / "config.json").read_text())
    config["data"]["kind"] = "list"
    (trained / "config.json").write_text(json.dumps(config))
    assert refused("sample", "run") == "run/config.json: the key 'documents.txt' is missing"
    config["data"]["kind"] = "cloud"
    (trained / "config.json").write_text(json.dumps(config))
    assert refused("sample", "run").endswith(
        "the kind of data is 'cloud'; it must be list or corpus"
    )
    config["data"]["kind"], config["num_train"] = "corpus", 0
    (trained / "config.json").write_text(json.dumps(config))
    assert refused("sample", "run").endswith("num_train must be at least 1")


def test_runs_without_a_kind_of_data_are_on_lists(names: Corpus) -> None:
    """Those that were made before there were corpora."""
    invoke("train", "list.txt", "-o", "run", "--steps", "3", "--samples", "0")
    config = json.loads(Path("run/config.json").read_text())
    del config["data"]["kind"]
    Path("run/config.json").write_text(json.dumps(config))
    saved = checkpoint.load(Path("run"))
    assert saved.info.data_kind == "list"
    assert len(saved.run.documents) == 400


def test_attaching_gives_the_windows_of_the_beginning(names: Corpus) -> None:
    run, state, rng = begin(CorpusData(names), TrainConfig(steps=9, val_fraction=0.1), block_size=5)
    absent = AbsentDocuments(run.num_train), AbsentDocuments(0)
    again = Run(run.model, run.training, run.tokenizer, *absent)
    assert again.num_documents == run.num_train  # all that is known before
    attach(again, CorpusData(names))
    assert again.num_documents == run.num_documents
    its_state, its_rng = replay(again, CorpusData(names))
    assert (its_state.params["wte"] == state.params["wte"]).all()
    assert its_rng.getstate() == rng.getstate()
