"""Every size is limited, and whoever exceeds it is told the field and the limit."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from glassgpt.server import limits
from glassgpt.server.work import Pool
from serving import app, ask, post

TWO = {"documents": ["ab", "ba"]}


@pytest.mark.parametrize(
    ("path", "body", "field", "limit", "says"),
    [
        ("generate", {"n": 101}, "n", 100, "n is 101; it must be at most 100"),
        ("generate", {"n": 0}, "n", 1, "n is 0; it must be at least 1"),
        ("generate", {"n": "3"}, "n", None, "n is '3'; it must be a whole number"),
        ("generate", {"n": True}, "n", None, "n is True; it must be a whole number"),
        ("generate", {"n": 1.5}, "n", None, "n is 1.5; it must be a whole number"),
        ("generate", {"temperature": 11}, "temperature", 10, "at most 10"),
        ("generate", {"temperature": -0.1}, "temperature", 0, "at least 0"),
        ("generate", {"temperature": "hot"}, "temperature", None, "must be a number"),
        ("generate", {"top_k": 0}, "top_k", 1, "at least 1"),
        ("generate", {"seed": -1}, "seed", 0, "at least 0"),
        ("generate", {"seed": 2**53}, "seed", 2**53 - 1, "at most"),
        ("generate", {"steps": 1}, "steps", None, "true or false"),
        ("generate", {"promt": "a"}, "promt", None, "promt is not a known field"),
        ("generate", {"prompt": "a" * 16}, "prompt", 15, "16 tokens; it may have at most 15"),
        ("generate", {"prompt": "Z"}, "prompt", None, "unknown character 'Z' (U+005A LATIN"),
        ("generate", {"prompt": "a" * 1001}, "prompt", 1000, "at most 1000"),
        ("generate", {"prompt": "{ge}"}, "prompt", None, "unknown character"),
        ("tokenize", {}, "text", None, "text is missing"),
        ("tokenize", {"text": "a" * 1001}, "text", 1000, "must have at most 1000"),
        ("tokenize", {"text": None}, "text", None, "must be a string"),
        ("trace", {"text": ""}, "text", 1, "at least 1"),
        ("trace", [], "body", None, "must be a JSON object"),
        ("train", {"documents": ["a"]}, "documents", 2, "at least 2"),
        ("train", {"documents": ["a", " "]}, "documents.1", None, "a visible character"),
        ("train", {"documents": ["a", "b\n"]}, "documents.1", None, "no control character"),
        ("train", {"documents": ["a", "b" * 101]}, "documents.1", 100, "at most 100"),
        ("train", TWO | {"steps": 10_001}, "steps", 10_000, "at most 10000"),
        ("train", TWO | {"n_embd": 12}, "n_embd", 8, "multiple of 8"),
        ("train", TWO | {"n_embd": 72}, "n_embd", 64, "at most 64"),
        ("train", TWO | {"n_head": 3}, "n_head", "1, 2, 4 or 8", "must be 1, 2, 4 or 8"),
        ("train", TWO | {"learning_rate": 0}, "learning_rate", 0, "above 0"),
        ("train", TWO | {"block_size": 65}, "block_size", 64, "at most 64"),
        ("train", TWO | {"batch_size": 17}, "batch_size", 16, "at most 16"),
    ],
)
def test_422_names_the_field_and_the_limit(
    path: str, body: Any, field: str, limit: Any, says: str
) -> None:
    answer = post(app(), f"/{path}", body)
    error = answer.json()
    assert answer.status_code == 422
    assert error["field"] == field
    assert error.get("limit") == limit
    assert says in error["error"]
    assert "\n" not in error["error"]


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (b"{", "application/json", "not valid JSON"),
        (b'{"n" 3}', "application/json", "Expecting ':' delimiter at character 6"),
        (b'{"n": 3', "Application/JSON; charset=utf-8", "not valid JSON"),
        (b"", "application/json", "the body must be a JSON object"),
        (b"\xff\xfe", "application/json", "not valid JSON"),
        (b"{}", "text/plain", "sent with Content-Type: application/json"),
        (b"n=3", "application/x-www-form-urlencoded", "sent with Content-Type: application/json"),
        (b"[" * 10_000, "application/json", "cannot be read as JSON"),
        (b'{"n": ' + b"9" * 5_000 + b"}", "application/json", "cannot be read as JSON"),
        (b'"text"', "application/json", "the body must be a JSON object such as {}"),
    ],
)
def test_a_body_that_is_no_json_object(content: bytes, kind: str, says: str) -> None:
    headers = {"Content-Type": kind}
    answer = ask(app(), "POST", "/generate", content=content, headers=headers)
    assert answer.status_code == 422
    assert says in answer.json()["error"]


def test_the_vocabulary_is_bounded_before_anything_is_allocated() -> None:
    many = [chr(0x4E00 + i) + chr(0x4E00 + i + 1) for i in range(0, 20_000, 2)]
    tracemalloc.start()
    answer = post(app(), "/train", {"documents": many, "n_embd": 64})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    error = answer.json()
    assert (answer.status_code, error["field"], error["limit"]) == (422, "documents", 5_000)
    assert "more than 5,000 distinct characters" in error["error"]
    assert most < 30e6, "the weights alone would take 30 MB"


def test_the_size_of_the_model_is_bounded_before_anything_is_allocated() -> None:
    many = [chr(0x4E00 + i) for i in range(4_900)]
    answer = post(app(), "/train", {"documents": many, "n_embd": 64, "n_layer": 4})
    error = answer.json()
    assert (answer.status_code, error["field"], error["limit"]) == (422, "n_embd", 500_000)
    assert "4,900 distinct characters make 824,960 parameters" in error["error"]
    stream = post(app(), "/train", {"documents": many, "steps": 1, "samples": 0})
    assert "event: end" in stream.text


def test_half_a_character_is_refused() -> None:
    headers = {"Content-Type": "application/json"}
    content = b'{"prompt": "\\ud800", "n": 1}'
    answer = ask(app(), "POST", "/generate", content=content, headers=headers)
    assert answer.json() == {"error": "prompt must be valid Unicode text", "field": "prompt"}


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    ("path", "most"),
    [("/generate", limits.MAX_BODY_BYTES), ("/train", limits.MAX_TRAIN_BODY_BYTES)],
)
def test_413_for_a_large_body(path: str, most: int, announced: bool) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(most // 1000 + 1):
            yield b" " * 1000

    content: Any = b" " * (most + 1) if announced else parts()
    answer = ask(app(), "POST", path, content=content)
    assert answer.status_code == 413
    assert answer.json()["limit"] == most


def test_408_for_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    answer = ask(app(), "POST", "/generate", content=slowly())
    assert answer.status_code == 408
    assert "0.05 seconds" in answer.json()["error"]


def test_503_when_there_is_too_much_to_do() -> None:
    full = app(pool=Pool(max_jobs=0))
    for path, body in (("/generate", {}), ("/trace", {"text": "a"}), ("/train", TWO)):
        answer = post(full, path, body)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "try again" in answer.json()["error"]
    assert ask(full, "GET", "/health").status_code == 200
    assert post(full, "/train", TWO).status_code == 503  # not 409: the failed one has let go


def test_503_when_there_are_too_many_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_REQUESTS", 0)
    answer = ask(app(), "GET", "/health")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


def test_many_at_once_all_get_their_answer() -> None:
    async def all_of_them() -> list[str]:
        transport = httpx.ASGITransport(app())
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            body = {"n": 3, "seed": 1}
            tasks = [client.post("/generate", json=body, timeout=60) for _ in range(100)]
            return [answer.text for answer in await asyncio.gather(*tasks)]

    answers = asyncio.run(all_of_them())
    assert set(answers) == {answers[0]}
    assert json.loads(answers[0])["n"] == 3


def test_a_long_training_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TRAIN_SECONDS", 0.5)
    answer = post(app(), "/train", TWO | {"steps": 10_000, "n_embd": 64, "n_layer": 4})
    end = json.loads(answer.text.strip().split("data: ")[-1])
    assert end["of"] == 10_000
    assert 0 < end["steps"] < 10_000
    assert end["stopped"] == "0.5 seconds have passed"


def test_a_trace_too_long_for_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TRACE_NUMBERS", 1000)
    answer = post(app(), "/trace", {"text": "emma"})
    assert (answer.status_code, answer.json()["limit"]) == (422, 1000)


def test_a_model_too_large_for_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_JSON_PARAMS", 1000)
    application = app()
    assert "use model.safetensors" in ask(application, "GET", "/model.json").json()["error"]
    assert ask(application, "GET", "/model.safetensors").status_code == 200
