"""schemathesis over the OpenAPI document: what it says is what is answered.

A short run; `schemathesis run http://127.0.0.1:8000/openapi.json` against a server is a long one.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from glassgpt.server import limits
from serving import app, ask


def contract(application: Any) -> dict[str, Any]:
    """The static document, with what GET /model says of the run that is served put in.

    With both a client knows exactly which requests are answered.
    """
    document: dict[str, Any] = ask(application, "GET", "/openapi.json").json()
    told = ask(application, "GET", "/model").json()
    schemas = document["components"]["schemas"]
    pattern = "".join(map(re.escape, told["limits"]["alphabet"]))
    for name, field in (("Generate", "prompt"), ("Tokenize", "text"), ("Trace", "text")):
        schemas[f"{name}Request"]["properties"][field]["pattern"] = f"^[{pattern}]*$"
    prompt = schemas["GenerateRequest"]["properties"]["prompt"]
    prompt["maxLength"] = told["limits"]["max_prompt_tokens"]
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "run":
                    parameter["schema"] = {"type": "string", "enum": [told["run"]]}
    return document


APP = app()
SCHEMA = schemathesis.openapi.from_dict(contract(APP))
SCHEMA.app = APP  # of the ten names


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TRAIN_SECONDS", 0.2)


@SCHEMA.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.filterwarnings("default")  # what happens inside schemathesis is not ours
def test_the_document_tells_the_truth(case: schemathesis.Case) -> None:
    case.call_and_validate()
