"""Texts, and how each of their tokens was chosen, as a sequence of events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from glassgpt.sampling import Sample, SampleConfig, Step, write
from glassgpt.server import schemas
from glassgpt.server.library import Served
from glassgpt.server.schemas import GenerateRequest
from glassgpt.server.streams import Event, encode_json
from glassgpt.server.texts import encode
from glassgpt.trace import Reader


def events(served: Served, request: GenerateRequest, steps: bool) -> Iterator[Event]:
    """Yield `start`; for each text its `step`s, if asked for, and then the `sample`; `end`.

    Raises ApiError, before the first event, for a prompt that the model cannot read.
    """
    asked = request.temperature
    config = SampleConfig(served.saved.info.temperature if asked is None else asked, request.top_k)
    prompt = request.prompt
    read = encode(served, prompt, "prompt", most=served.model.block_size - 1)[:-2]
    known = {"run": served.name, "temperature": config.temperature, "samples": []}
    start = schemas.Generated.model_validate(vars(request) | known)
    if steps:
        reader = served.glass.reader()
        start.read = [_reading(served, reader, t, i) for t, i in enumerate(read)]
    yield Event("start", start.model_dump(exclude_unset=True, exclude={"samples"}))
    rng = random.Random(request.seed)
    for number in range(request.n):
        writing = write(served.engine, served.tokenizer, rng, config, prompt)
        reader = served.glass.reader()
        for token_id in read if steps else ():
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
    """The events as one JSON object, which comes last.

    b"" comes for each event before it, so that other jobs get their turns.
    """
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


def _sample(served: Served, sample: Sample) -> dict[str, Any]:
    return schemas.Sample(
        text=sample.text,
        token_ids=sample.token_ids,
        novelty=served.known.novelty(sample),
        log_prob=sample.log_prob,
        finished=sample.finished,
    ).model_dump(exclude_unset=True)


def _step(served: Served, reader: Reader, step: Step) -> dict[str, Any]:
    token = served.tokenizer.token
    return schemas.Step(
        **vars(_reading(served, reader, step.position, step.token_id)),
        top=[schemas.Likely(id=i, token=token(i), p=p) for i, p in step.top()],
        uniform=step.uniform,
        choice_id=step.choice,
        choice=token(step.choice),
        p=float(step.probs[step.choice]),
    ).model_dump()


def _reading(served: Served, reader: Reader, position: int, token_id: int) -> schemas.Reading:
    embedding, attention = reader.read(token_id)
    return schemas.Reading(
        position=position,
        token_id=token_id,
        token=served.tokenizer.token(token_id),
        embedding=embedding.tolist(),
        attention=[layer.tolist() for layer in attention],
    )
