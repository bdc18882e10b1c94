"""The application: which path is answered by what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import Response, StreamingResponse

from glassgpt import __version__
from glassgpt.errors import GlassError
from glassgpt.runs.directory import SavedRun
from glassgpt.server import docs, errors, fitting, generation, openapi, schemas, site, texts
from glassgpt.server.errors import ApiError
from glassgpt.server.guard import Guard
from glassgpt.server.library import Library
from glassgpt.server.openapi import failures
from glassgpt.server.sitefiles import SITE
from glassgpt.server.streams import Event, EventStream, encode_json, wanted
from glassgpt.server.work import Pool

RunName = Annotated[str | None, Query(description="One of GET /runs; the first by default.")]
NAMED = failures(404, 422)
"""What else is answered where a run can be named."""
Documents = Annotated[
    Literal["0", "1", "false", "true"],
    Query(description="1: include the documents, in the order of training, and every loss."),
]


def create_app(
    runs: Sequence[SavedRun],
    cors_origins: Sequence[str] = (),
    hosts: Collection[str] | None = None,
    pool: Pool | None = None,
    site_path: Path = SITE,
) -> Guard:
    """An application that serves these runs; the first is the default."""
    library, pool = Library(runs), pool or Pool()
    app = FastAPI(
        title="GlassGPT",
        version=__version__,
        description=openapi.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    errors.install(app)
    app.include_router(_facts(library, pool))
    app.include_router(_questions(library, pool))
    app.include_router(_training(pool))
    docs.add(app, library.default.example)
    site.add(app, site_path)
    return Guard(app, hosts, cors_origins)


def _facts(library: Library, pool: Pool) -> APIRouter:
    router = APIRouter(tags=["facts"], responses=failures(503))

    @router.get("/health")
    async def health() -> schemas.Health:
        """Whether the server is up, and how busy it is."""
        return schemas.Health(
            status="ok",
            version=__version__,
            runs=len(library.runs),
            jobs=pool.jobs,
            max_jobs=pool.max_jobs,
        )

    @router.get("/runs")
    async def runs() -> schemas.Runs:
        """The runs that are served."""
        rows = [served.summary() for served in library.runs.values()]
        return schemas.Runs(default=library.default.name, runs=rows)

    @router.get("/model", responses=NAMED)
    async def model(run: RunName = None) -> schemas.Model:
        """Shape, recipe, vocabulary, parameter counts, losses."""
        return library.get(run).facts()

    @router.get("/model.json", responses=NAMED | openapi.JSON, response_class=Response)
    async def model_json(run: RunName = None, documents: Documents = "0") -> Response:
        """The whole model in one file, in the format of docs/model-file.md."""
        served, whole = library.get(run), documents in ("1", "true")
        with pool.admit():
            content = await pool.run(lambda: served.json_with_documents if whole else served.json)
        return _download(content, "application/json", f"{served.name}.json")

    @router.get("/model.safetensors", responses=NAMED | openapi.BYTES, response_class=Response)
    async def model_safetensors(run: RunName = None) -> Response:
        """The weights (float64), without the optimizer's state."""
        served = library.get(run)
        with pool.admit():
            content = await pool.run(lambda: served.safetensors)
        return _download(content, "application/octet-stream", f"{served.name}.safetensors")

    return router


def _questions(library: Library, pool: Pool) -> APIRouter:
    router = APIRouter(tags=["questions"], responses=failures(404, 408, 413, 422, 503))

    @router.post("/generate", response_model=schemas.Generated, responses=openapi.GENERATE)
    async def generate(
        request: Request, body: schemas.GenerateRequest, run: RunName = None
    ) -> Response:
        """Texts, the same as `glassgpt sample` writes for the same seed.

        With `Accept: text/event-stream` they are sent token by token as they are written.
        """
        stream = wanted(request.headers.get("accept"))
        steps = stream if body.steps is None else body.steps
        items = generation.events(library.get(run), body, steps)
        if stream:
            return await _stream(pool, items)
        answer = b""
        with pool.admit():
            async for batch in pool.slices(generation.collected(items, steps)):
                answer = batch[-1]  # empty until all is written
                if not answer and await request.is_disconnected():
                    raise ApiError(503, "the client has left")  # and nobody reads this
        return _json(answer)

    @router.post("/tokenize")
    async def tokenize(body: schemas.TokenizeRequest, run: RunName = None) -> schemas.Tokens:
        """A text as token ids, with BOS at both ends."""
        return texts.tokenize(library.get(run), body.text)

    @router.post("/trace", response_model=schemas.Trace)
    async def trace(body: schemas.TraceRequest, run: RunName = None) -> Response:
        """Runs a text through the model: every named intermediate, the loss, every gradient."""
        served = library.get(run)
        with pool.admit():
            # As many as a million numbers: encoded in the thread, and not checked again.
            return _json(await pool.run(lambda: encode_json(vars(texts.read(served, body.text)))))

    return router


def _training(pool: Pool) -> APIRouter:
    router = APIRouter(tags=["training"], responses=failures(408, 409, 413, 422, 503))
    training = Lock()

    @router.post("/train", responses=openapi.TRAIN, response_class=StreamingResponse)
    async def train(body: schemas.TrainRequest) -> Response:
        """Trains a new model on a list of texts; the answer is a stream of events.

        One model at a time. Training ends when the client disconnects, and nothing of it is kept.
        """
        if not training.acquire(blocking=False):
            raise ApiError(409, "a model is being trained already; try again when it is done")
        return await _stream(pool, fitting.events(body, lambda: pool.stopping), training.release)

    return router


async def _stream(
    pool: Pool, items: Iterator[Event], done: Callable[[], None] = lambda: None
) -> EventStream:
    """Answer with the events; what is wrong before the first of them is still a plain error.

    `done` is called in any case, once nothing more is computed for this request.
    """
    batches = pool.slices(event.encode() for event in items)
    held = ExitStack()
    held.callback(done)
    try:
        held.enter_context(pool.admit())
        first = await anext(batches)
    except BaseException:
        held.close()
        raise

    async def chunks() -> AsyncIterator[bytes]:
        yield b"".join(first)
        try:
            async for batch in batches:
                yield b"".join(batch)
                if pool.stopping and not batch[-1].startswith(b"event: end"):
                    yield Event("error", {"error": "the server is stopping"}).encode()
                    return
        except GlassError as error:
            yield Event("error", {"error": str(error)}).encode()

    return EventStream(chunks(), held.close)


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json", headers={"Vary": "Accept"})


def _download(content: bytes, media_type: str, name: str) -> Response:
    ascii_name = name.encode("ascii", "replace").decode().replace('"', "_")
    disposition = f'attachment; filename="{ascii_name}"'
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-cache"}
    return Response(content, media_type=media_type, headers=headers)
