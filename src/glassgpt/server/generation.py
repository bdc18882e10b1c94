"""Texts, and how each of their tokens was chosen, as a sequence of events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from glassgpt.sampling import Sample, SampleConfig, Step, encode_prompt, write
from glassgpt.server.library import Served
from glassgpt.server.schemas import GenerateRequest
from glassgpt.server.streams import Event, encode_json
from glassgpt.server.texts import encode
from glassgpt.trace import Reader


def events(served: Served, request: GenerateRequest, steps: bool) -> Iterator[Event]:
    """`start`; for each text its `step`s, if asked for, and then the `sample`; `end`.

    Raises ApiError for a prompt that this model cannot begin with; do so before the first answer.
    """
    tokenizer, model = served.tokenizer, served.model
    config = SampleConfig(_temperature(served, request), request.top_k)
    prompt = request.prompt
    encode(served, prompt, "prompt", most=model.block_size - 1)
    read = encode_prompt(prompt, tokenizer, model)
    start: dict[str, Any] = {"run": served.name, "prompt": prompt, "n": request.n}
    start |= {"temperature": config.temperature, "top_k": config.top_k, "seed": request.seed}
    if steps:
        reader = served.glass.reader()
        start["read"] = [_reading(served, reader, t, i) for t, i in enumerate(read[:-1])]
    yield Event("start", start)
    rng = random.Random(request.seed)
    for number in range(request.n):
        writing = write(served.engine, tokenizer, rng, config, prompt)
        reader = served.glass.reader()
        for token_id in read[:-1] if steps else ():
            reader.read(token_id)
        while True:
            try:
                step = next(writing)
            except StopIteration as end:
                yield Event("sample", {"number": number} | _sample(served, end.value))
                break
            if steps:
                yield Event("step", {"number": number} | _step(served, reader, step))
    yield Event("end", {"samples": request.n})


def collected(items: Iterator[Event], steps: bool) -> Iterator[bytes]:
    """The same as one JSON object at the end; nothing for each event, so that others get turns."""
    answer: dict[str, Any] = {}
    samples: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for event in items:
        row = {key: value for key, value in event.data.items() if key != "number"}
        if event.name == "start":
            answer = row | {"samples": samples}
        elif event.name == "step":
            waiting.append(row)
        elif event.name == "sample":
            samples.append(row | ({"steps": waiting} if steps else {}))
            waiting = []
        yield b""
    yield encode_json(answer)


def _temperature(served: Served, request: GenerateRequest) -> float:
    chosen = request.temperature
    return served.saved.info.temperature if chosen is None else chosen


def _sample(served: Served, sample: Sample) -> dict[str, Any]:
    return {
        "text": sample.text,
        "token_ids": sample.token_ids,
        "novelty": served.known.novelty(sample),
        "log_prob": sample.log_prob,
        "finished": sample.finished,
    }


def _step(served: Served, reader: Reader, step: Step) -> dict[str, Any]:
    token = served.tokenizer.token
    return _reading(served, reader, step.position, step.token_id) | {
        "top": [{"id": i, "token": token(i), "p": p} for i, p in step.top()],
        "uniform": step.uniform,
        "choice_id": step.choice,
        "choice": token(step.choice),
        "p": float(step.probs[step.choice]),
    }


def _reading(served: Served, reader: Reader, position: int, token_id: int) -> dict[str, Any]:
    embedding, attention = reader.read(token_id)
    return {
        "position": position,
        "token_id": token_id,
        "token": served.tokenizer.token(token_id),
        "embedding": embedding.tolist(),
        "attention": [layer.tolist() for layer in attention],
    }
