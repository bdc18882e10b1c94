"""Train a new model on a posted list, in memory, as a sequence of events."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from glassgpt.config import ModelConfig
from glassgpt.datasets import from_texts
from glassgpt.engines.base import Engine
from glassgpt.errors import DivergedError
from glassgpt.evaluation import Known
from glassgpt.fit import start
from glassgpt.runs.directory import SavedRun
from glassgpt.runs.export import model_json
from glassgpt.sampling import SampleConfig, generate
from glassgpt.server import limits
from glassgpt.server.errors import ApiError
from glassgpt.server.schemas import TrainRequest
from glassgpt.server.streams import Event
from glassgpt.training import Run

NAME = "posted list"


def events(request: TrainRequest, stopping: Callable[[], bool]) -> Iterator[Event]:
    """Yield `start`; `steps` with some losses and a text; `model`, if asked for; `end`.

    `error` instead of `end` if the training diverges. `end` says why it `stopped` before the
    last step, if it did.
    """
    started = time.monotonic()
    data = from_texts(request.documents, request.normalize, NAME)
    check_size(request, data.documents)
    fit = start(
        data,
        temperature=request.temperature,
        n_layer=request.n_layer,
        n_embd=request.n_embd,
        n_head=request.n_head,
        block_size=request.block_size,
        learning_rate=float(request.learning_rate),
        steps=request.steps,
        batch_size=request.batch_size,
        seed=request.seed,
    )
    run, tokenizer, losses = fit.run, fit.run.tokenizer, fit.losses
    yield Event("start", _start(run, fit.facts))
    engine = fit.engine()
    choose, peek = SampleConfig(request.temperature), random.Random(request.seed)

    stopped: str | None = None

    def stop() -> bool:
        nonlocal stopped
        if time.monotonic() - started > limits.MAX_TRAIN_SECONDS:
            stopped = f"{limits.MAX_TRAIN_SECONDS:g} seconds have passed"
        elif stopping():
            stopped = "the server is stopping"
        return stopped is not None

    try:
        for chunk in fit.chunks(engine, stop):
            row = {"start": chunk.start, "losses": chunk.losses}
            row |= {"learning_rates": chunk.learning_rates}
            yield Event("steps", row | {"text": generate(engine, tokenizer, peek, choose).text})
    except DivergedError as error:
        yield Event("error", {"error": str(error), "steps": len(losses)})
        return
    samples = _samples(run, engine, fit.rng, choose, len(losses), request.samples)
    if request.model:
        saved = SavedRun(Path(NAME), run, fit.info, engine.state())
        yield Event("model", json.loads(model_json(saved)))
    end: dict[str, Any] = {"steps": len(losses), "of": request.steps, "stopped": stopped}
    end |= {"samples": samples, "seconds": round(time.monotonic() - started, 3)}
    yield Event("end", end)


def check_size(request: TrainRequest, documents: list[str]) -> None:
    """Raises ApiError for a model that is too large, before anything of its size is allocated."""
    characters = set().union(*documents)
    if len(characters) > limits.MAX_TRAIN_CHARACTERS:
        raise ApiError(
            422,
            f"documents have more than {limits.MAX_TRAIN_CHARACTERS:,} distinct characters; "
            "each needs its own weights: leave out the documents with rare ones",
            "documents",
            limits.MAX_TRAIN_CHARACTERS,
        )
    shape = (request.n_layer, request.n_embd, request.n_head, request.block_size)
    num_params = ModelConfig(len(characters) + 1, *shape).num_params
    if num_params > limits.MAX_TRAIN_PARAMS:
        raise ApiError(
            422,
            f"n_embd {request.n_embd} and n_layer {request.n_layer} with {len(characters):,} "
            f"distinct characters make {num_params:,} parameters; at most "
            f"{limits.MAX_TRAIN_PARAMS:,} are allowed: choose a smaller n_embd",
            "n_embd",
            limits.MAX_TRAIN_PARAMS,
        )


def _start(run: Run, facts: dict[str, Any]) -> dict[str, Any]:
    tokenizer = run.tokenizer
    return {
        "model": run.model.to_dict(),
        "training": run.training.to_dict(),
        "num_params": run.model.num_params,
        "tokens": [tokenizer.token(i) for i in range(tokenizer.vocab_size)],
        "documents": facts["documents"],
        "duplicates": facts["duplicates"],
        "cut": facts["over_long"],
    }


def _samples(
    run: Run, engine: Engine, rng: random.Random, choose: SampleConfig, steps: int, n: int
) -> list[dict[str, Any]]:
    known = Known.of(run, steps)
    drawn = [generate(engine, run.tokenizer, rng, choose) for _ in range(n)]
    return [{"text": s.text, "novelty": known.novelty(s), "finished": s.finished} for s in drawn]
