"""The application: what is answered where."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header, Query, Request
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
Accept = Annotated[str | None, Header(include_in_schema=False)]


def create_app(
    runs: Sequence[SavedRun],
    cors_origins: Sequence[str] = (),
    hosts: Collection[str] | None = None,
    pool: Pool | None = None,
    site_path: Path = SITE,
) -> Guard:
    """An application around these runs; the first is the default."""
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
    _add_facts(app, library, pool)
    _add_questions(app, library, pool)
    _add_training(app, pool)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    docs.add(app, library.default.example)
    app.router.routes += site.routes(site_path)
    return Guard(app, hosts, cors_origins)


def _add_facts(app: FastAPI, library: Library, pool: Pool) -> None:
    @app.get("/health", response_model=schemas.Health, tags=["facts"])
    async def health() -> Response:
        """Whether the server is there, and how busy."""
        busy = {"jobs": pool.jobs, "max_jobs": pool.max_jobs}
        return _json({"status": "ok", "version": __version__, "runs": len(library.runs)} | busy)

    @app.get("/runs", response_model=schemas.Runs, tags=["facts"])
    async def runs() -> Response:
        """The runs that are served."""
        rows = [served.summary() for served in library.runs.values()]
        return _json({"default": library.default.name, "runs": rows})

    @app.get("/model", response_model=schemas.Model, responses=failures(404, 422), tags=["facts"])
    async def model(run: RunName = None) -> Response:
        """Shape, recipe, vocabulary, parameter counts, losses."""
        return _json(library.get(run).facts())

    @app.get(
        "/model.json",
        responses=failures(404, 422, 503) | openapi.file("application/json"),
        response_class=Response,
        tags=["facts"],
    )
    async def model_json(
        run: RunName = None,
        documents: Annotated[
            Literal["0", "1", "false", "true"],
            Query(description="1: with the documents, in the order of training."),
        ] = "0",
    ) -> Response:
        """The whole model in one file, as the explorer and docs/model-file.md have it."""
        served, whole = library.get(run), documents in ("1", "true")
        with pool.admit():
            content = await pool.run(lambda: served.json_with_documents if whole else served.json)
        return _download(content, "application/json", f"{served.name}.json")

    @app.get(
        "/model.safetensors",
        responses=failures(404, 422, 503) | openapi.file("application/octet-stream"),
        response_class=Response,
        tags=["facts"],
    )
    async def model_safetensors(run: RunName = None) -> Response:
        """The weights (float64), without the optimizer's state."""
        served = library.get(run)
        with pool.admit():
            content = await pool.run(lambda: served.safetensors)
        return _download(content, "application/octet-stream", f"{served.name}.safetensors")


def _add_questions(app: FastAPI, library: Library, pool: Pool) -> None:
    @app.post(
        "/generate",
        response_model=schemas.Generated,
        response_model_exclude_unset=True,
        responses=failures(404, 408, 413, 422, 503) | openapi.also_a_stream(openapi.GENERATE),
        tags=["questions"],
    )
    async def generate(
        request: Request,
        body: schemas.GenerateRequest,
        run: RunName = None,
        accept: Accept = None,
    ) -> Response:
        """Texts, as `glassgpt sample` writes them for the same seed.

        With `Accept: text/event-stream` as they are written, token by token.
        """
        stream = wanted(accept)
        steps = stream if body.steps is None else body.steps
        items = generation.events(library.get(run), body, steps)
        if stream:
            return await _stream(pool, items)

        with pool.admit():
            parts = []
            async for batch in pool.slices(generation.collected(items, steps)):
                parts += batch
                if not parts[-1] and await request.is_disconnected():
                    raise ApiError(503, "the client has left")  # and nobody reads this
            return _bytes(b"".join(parts))

    @app.post(
        "/tokenize",
        response_model=schemas.Tokens,
        responses=failures(404, 408, 413, 422),
        tags=["questions"],
    )
    async def tokenize(body: schemas.TokenizeRequest, run: RunName = None) -> Response:
        """A text as token ids, BOS at both ends."""
        return _json(texts.tokenize(library.get(run), body.text))

    @app.post(
        "/trace",
        response_model=schemas.Trace,
        responses=failures(404, 408, 413, 422, 503),
        tags=["questions"],
    )
    async def trace(body: schemas.TraceRequest, run: RunName = None) -> Response:
        """Every named intermediate of reading one document, its loss, and every gradient."""
        served = library.get(run)
        with pool.admit():
            return _bytes(await pool.run(lambda: encode_json(texts.trace_text(served, body.text))))


def _add_training(app: FastAPI, pool: Pool) -> None:
    training = False

    @app.post(
        "/train",
        response_class=StreamingResponse,
        responses=failures(408, 409, 413, 422, 503) | openapi.only_a_stream(openapi.TRAIN),
        tags=["training"],
    )
    async def train(body: schemas.TrainRequest) -> Response:
        """Train a fresh model on a posted list; the answer is a stream of events.

        One run at a time. It ends when the client leaves, and nothing of it is kept.
        """
        nonlocal training
        if training:
            raise ApiError(409, "a model is being trained already; try again when it is done")

        def done() -> None:
            nonlocal training
            training = False

        training = True
        return await _stream(pool, fitting.events(body, lambda: pool.stopping), done)


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


def _json(value: Any) -> Response:
    return _bytes(encode_json(value))


def _bytes(content: bytes) -> Response:
    return Response(content, media_type="application/json", headers={"Vary": "Accept"})


def _download(content: bytes, media_type: str, name: str) -> Response:
    ascii_name = name.encode("ascii", "replace").decode().replace('"', "_")
    disposition = f'attachment; filename="{ascii_name}"'
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-cache"}
    return Response(content, media_type=media_type, headers=headers)
