"""The API's answers: the same numbers as the command line and the trace give."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgpt import engines
from glassgpt.datasets import Dataset
from glassgpt.engines.base import Engine
from glassgpt.evaluation import Known
from glassgpt.files import safetensors
from glassgpt.runs.export import model_json
from glassgpt.sampling import SampleConfig, generate
from glassgpt.server import schemas
from glassgpt.server.security import CHECK_FIRST
from glassgpt.trace import size, trace
from serving import STREAM, app, ask, events, post, saved
from support import ROOT


def engine_of(name: str = "ten") -> Engine:
    run = saved(name)
    return engines.create(engines.DEFAULT, run.run.model, run.state, run.run.training)


# --- generate -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"prompt": "so", "n": 3, "seed": 7},
        {"temperature": 1.5, "n": 5, "top_k": 3},
        {"temperature": 0, "n": 2},
        {"n": 2.0, "seed": 0},
    ],
)
def test_generate_is_what_sample_writes(body: dict[str, Any]) -> None:
    answer = post(app(), "/generate", body).json()
    run, engine = saved().run, engine_of()
    config = SampleConfig(body.get("temperature", 0.5), body.get("top_k"))
    rng = random.Random(body.get("seed", 42))
    known = Known.of(run, 200)
    want = []
    for _ in range(int(body.get("n", 20))):
        s = generate(engine, run.tokenizer, rng, config, body.get("prompt", ""))
        row = {"text": s.text, "token_ids": s.token_ids, "log_prob": s.log_prob}
        row |= {"novelty": known.novelty(s)}
        want.append(row | {"finished": s.finished})
    assert answer["samples"] == want
    assert "read" not in answer
    schemas.Generated.model_validate(answer)


def test_steps_say_how_each_token_was_chosen() -> None:
    body = {"prompt": "so", "n": 2, "seed": 3, "steps": True}
    answer = post(app(), "/generate", body).json()
    schemas.Generated.model_validate(answer)
    run, rng = saved().run, random.Random(3)
    for sample in answer["samples"]:
        ids = [run.tokenizer.bos, *sample["token_ids"], run.tokenizer.bos]
        values = trace(run.model, saved().state, ids).values
        rows = answer["read"] + sample["steps"]
        assert [row["position"] for row in rows] == list(range(len(rows)))
        for t, row in enumerate(rows):
            assert row["token_id"] == ids[t]
            assert row["embedding"] == pytest.approx(values["emb_norm"][t], abs=1e-12)
            weights = values["layer0.attn_weights"][:, t, : t + 1]
            assert np.array(row["attention"][0]) == pytest.approx(weights, abs=1e-12)
        for step in sample["steps"]:
            assert step["uniform"] == rng.random()
            assert len(step["top"]) == 5
            likely = {one["id"]: one["p"] for one in step["top"]}
            assert likely.get(step["choice_id"], step["p"]) == step["p"]
            assert step["choice"] == run.tokenizer.token(step["choice_id"])
        assert sample["steps"][-1]["choice"] == "BOS"


def test_a_stream_says_the_same_as_the_object() -> None:
    body = {"prompt": "e", "n": 3}
    stream = events(post(app(), "/generate", body, headers=STREAM).text)
    whole = post(app(), "/generate", body | {"steps": True}).json()
    steps = [step | {"number": i} for i, s in enumerate(whole["samples"]) for step in s["steps"]]
    texts = [s["text"] for s in whole["samples"]]
    assert stream[0] == ("start", {k: v for k, v in whole.items() if k != "samples"})
    assert [data for name, data in stream if name == "step"] == steps
    assert [data["text"] for name, data in stream if name == "sample"] == texts
    assert stream[-1] == ("end", {"samples": 3})


def test_a_stream_without_steps() -> None:
    answer = post(app(), "/generate", {"n": 2, "steps": False}, headers=STREAM)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in events(answer.text)] == ["start", "sample", "sample", "end"]


# --- trace, tokenize ------------------------------------------------------------------------------


def test_trace_has_everything() -> None:
    answer = post(app(), "/trace", {"text": "emma"}).json()
    run = saved().run
    want = trace(run.model, saved().state, run.tokenizer.encode("emma"))
    assert answer["loss"] == want.loss
    assert answer["tokens"] == ["BOS", "e", "m", "m", "a", "BOS"]
    assert answer["values"] == {name: array.tolist() for name, array in want.values.items()}
    assert answer["grads"] == {name: array.tolist() for name, array in want.grads.items()}


@pytest.mark.parametrize("name", ["ten", "hindi"])
def test_the_size_of_a_trace_is_known_before(name: str) -> None:
    run = saved(name).run
    ids = run.tokenizer.encode(run.documents[0])
    t = trace(run.model, saved(name).state, ids)
    numbers = sum(a.size for a in (*t.values.values(), *t.grads.values()))
    assert 0.9 < numbers / size(run.model, len(ids) - 1) <= 1


def test_tokenize_shows_code_points_in_the_normal_form() -> None:
    answer = post(app("hindi"), "/tokenize", {"text": "\u0929"}).json()  # ऩ: न and a nukta in NFD
    assert [token["codepoint"] for token in answer["tokens"]] == [None, "U+0928", "U+093C", None]
    assert [token["token"] for token in answer["tokens"]] == ["BOS", "न", "◌़", "BOS"]
    assert answer["cut"] is False


# --- the model ------------------------------------------------------------------------------------


def test_model_tells_shape_vocabulary_and_figures() -> None:
    answer = ask(app(), "GET", "/model").json()
    schemas.Model.model_validate(answer)
    assert answer["params"]["total"] == 3872
    assert sum(t["count"] for t in answer["params"]["tensors"]) == 3872
    assert answer["vocabulary"]["tokens"][-1] == "BOS"
    assert answer["figures"]["first_loss"] == saved().losses[0]
    assert round(answer["figures"]["first_loss"], 6) == 2.881085


@pytest.mark.parametrize(
    ("query", "documents"), [("", False), ("?documents=0", False), ("?documents=1", True)]
)
def test_model_json_is_what_export_writes(query: str, documents: bool) -> None:
    answer = ask(app(), "GET", f"/model.json{query}")
    assert answer.text == model_json(saved(), documents)
    assert answer.headers["content-type"] == "application/json"


def test_model_safetensors_has_the_weights_alone(tmp_path: Path) -> None:
    path = tmp_path / "ten.safetensors"
    path.write_bytes(ask(app(), "GET", "/model.safetensors").content)
    with path.open("rb") as file:
        header = safetensors.read_header(file, path.stat().st_size)
        assert list(header.tensors) == list(saved().run.model.shapes)
        for name, entry in header.tensors.items():
            want = saved().state.params[name]
            assert np.array_equal(safetensors.read_tensor(file, entry), want)
    assert header.metadata["step"] == "200"


def test_several_runs() -> None:
    both = app("ten", "hindi")
    runs = ask(both, "GET", "/runs").json()
    assert [run["name"] for run in runs["runs"]] == ["ten", "hindi"]
    assert runs["default"] == ask(both, "GET", "/model").json()["run"] == "ten"
    assert ask(both, "GET", "/model?run=hindi").json()["run"] == "hindi"
    assert post(both, "/generate?run=hindi", {"n": 1}).json()["run"] == "hindi"
    answer = ask(both, "GET", "/model?run=ivan")
    assert (answer.status_code, answer.json()["field"]) == (404, "run")
    assert "ten, hindi" in answer.json()["error"]


def test_health() -> None:
    answer = ask(app(), "GET", "/health").json()
    schemas.Health.model_validate(answer)
    assert (answer["status"], answer["jobs"]) == ("ok", 0)


# --- train ----------------------------------------------------------------------------------------


def test_train_gives_the_numbers_of_the_recipe(ten: Dataset) -> None:
    stream = events(post(app(), "/train", {"documents": ten.documents, "model": True}).text)
    assert [stream[0][0], stream[-2][0], stream[-1][0]] == ["start", "model", "end"]
    assert stream[0][1]["num_params"] == 3872
    losses = [loss for name, data in stream if name == "steps" for loss in data["losses"]]
    assert [round(losses[i], 6) for i in (0, 1, 2, 999)] == [2.881085, 2.755827, 2.745162, 0.349774]
    assert (stream[-2][1]["format"], stream[-2][1]["step"]) == ("glassgpt-model", 1000)
    samples = stream[-1][1]["samples"]
    assert [s["text"] for s in samples[:4]] == ["charlotte", "sophia", "evelyn", "ava"]
    assert {s["novelty"] for s in samples} == {"seen"}


def test_the_trained_model_keeps_the_temperature_that_was_asked_for() -> None:
    body = {"documents": ["ab", "ba"], "steps": 2, "temperature": 0.9, "model": True}
    stream = events(post(app(), "/train", body).text)
    assert stream[-2][1]["temperature"] == 0.9


def test_train_says_when_it_diverges(ten: Dataset) -> None:
    body = {"documents": ten.documents, "learning_rate": 1, "n_embd": 64, "n_layer": 4}
    name, data = events(post(app(), "/train", body).text)[-1]
    assert name == "error"
    assert "diverged" in data["error"]


# --- the documentation ----------------------------------------------------------------------------


def test_every_example_works_when_pasted() -> None:
    application = app("ten")
    document = ask(application, "GET", "/openapi.json").json()
    tried = 0
    for path, methods in document["paths"].items():
        if "post" in methods:
            schema = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
            schema = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
            for example in schema["examples"]:
                assert post(application, path, example).status_code == 200, path
                tried += 1
        else:
            assert ask(application, "GET", path).status_code == 200
    assert tried == 4


@pytest.mark.parametrize("name", ["ten", "hindi"])
def test_the_page_shows_examples_that_this_run_can_answer(name: str) -> None:
    application = app(name)
    shown = ask(application, "GET", "/docs/openapi.json").json()["components"]["schemas"]
    for path in ("generate", "tokenize", "trace", "train"):
        (example,) = shown[f"{path.title()}Request"]["examples"]
        assert post(application, f"/{path}", example).status_code == 200


def test_the_contract_is_the_same_whatever_is_served() -> None:
    kept = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    for names in (("ten",), ("hindi",), ("hindi", "ten")):
        served = ask(app(*names), "GET", "/openapi.json").json()
        assert served == kept, "`make openapi` writes docs/openapi.json"


def test_the_contract_is_what_the_tool_writes(tmp_path: Path) -> None:
    tool = [sys.executable, ROOT / "tools" / "openapi.py", tmp_path / "openapi.json"]
    subprocess.run(tool, check=True)
    kept = (ROOT / "docs" / "openapi.json").read_bytes()
    assert (tmp_path / "openapi.json").read_bytes() == kept


@pytest.mark.parametrize("name", ["ten", "hindi"])
def test_the_limits_of_a_run_are_those_that_are_kept(name: str) -> None:
    application = app("ten", "hindi")
    told = ask(application, "GET", f"/model?run={name}").json()["limits"]
    letters, most = told["alphabet"], told["max_prompt_tokens"]
    assert letters == "".join(sorted(saved(name).run.tokenizer.alphabet or ""))
    for prompt, status in ((letters[-1] * most, 200), (letters[-1] * (most + 1), 422)):
        body = {"prompt": prompt, "n": 1}
        assert post(application, f"/generate?run={name}", body).status_code == status
    assert post(application, f"/tokenize?run={name}", {"text": letters}).status_code == 200
    assert post(application, f"/tokenize?run={name}", {"text": "☃"}).status_code == 422


def test_every_field_of_an_answer_is_described_to_the_last() -> None:
    """What the classes of the answers say reaches the document."""
    schemas_ = ask(app(), "GET", "/openapi.json").json()["components"]["schemas"]
    step = schemas_["Step"]["properties"]
    assert step["uniform"]["description"].startswith("The random number drawn from [0, 1)")
    assert step["token"]["description"] == "The token read at this position."  # of Reading
    assert set(schemas_["ModelConfig"]["properties"]) == set(saved().run.model.to_dict())
    fields = [field for schema in schemas_.values() for field in schema["properties"].values()]
    assert len(fields) > 80
    assert all(field.get("type", "anyOf" in field or "$ref" in field) for field in fields)


def test_the_documentation_is_served_from_here() -> None:
    application = app()
    page = ask(application, "GET", "/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sorted(parts) == [
        "data:,",
        "docs/start.js",
        "docs/swagger-ui-bundle.js",
        "docs/swagger-ui.css",
        "openapi.json",
    ]
    assert "<script>" not in page.text, "the policy allows no script inside the page"
    for part in parts[1:]:
        answer = ask(application, "GET", f"/{part}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == ("no-store" if ".json" in part else CHECK_FIRST)
    script = ask(application, "GET", "/docs/start.js")
    assert script.headers["content-type"].split(";")[0] == "text/javascript"
    assert "http:" not in script.text and "https:" not in script.text
