"""schemathesis over the OpenAPI document: what it says is what is answered.

A short run; `schemathesis run http://127.0.0.1:8000/openapi.json` against a server is a long one.
"""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from glassgpt.server import limits
from serving import app

SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", app())
"""Of the ten names; requests go to the same application."""


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
