"""The HTTP side of the sink."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from shared.http import create_app
from shared.problems import BadRequest, NotFound, UnsupportedMedia
from tools import serving
from tools.traces.page import latest_page, trace_page
from tools.traces.sink import Sink

_PROTOBUF = "application/x-protobuf"
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def traces_app(folder: Path) -> FastAPI:
    """Make the OTLP sink that keeps its spans in this folder."""
    sink = Sink(folder)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        sink.close()

    app = create_app(
        title="Rekam traces (a small OTLP sink)",
        version="1",
        is_ready=serving.nothing_to_wait_for,
        lifespan=lifespan,
        limits={"/v1/traces": 32 << 20},
    )
    _add_intake(app, sink)
    _add_readers(app, sink)
    return app


def _add_intake(app: FastAPI, sink: Sink) -> None:
    @app.post("/v1/traces")
    async def export(request: Request) -> Response:
        """Take spans (OTLP/HTTP, protobuf)."""
        if request.headers.get("content-type", "").partition(";")[0] != _PROTOBUF:
            raise UnsupportedMedia("Send application/x-protobuf.")
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if body:
            sink.keep(body)
        return Response(b"", media_type=_PROTOBUF)


def _add_readers(app: FastAPI, sink: Sink) -> None:
    @app.get("/")
    async def latest() -> HTMLResponse:
        """List the newest traces."""
        return HTMLResponse(latest_page(await asyncio.to_thread(sink.latest)))

    @app.get("/traces/{trace_id}")
    async def trace(trace_id: str, accept: Annotated[str, Header()] = "") -> Response:
        """Show one trace: a page, or JSON when asked for."""
        if not _TRACE_ID.fullmatch(trace_id):
            raise BadRequest("A trace id is 32 hexadecimal digits.")
        spans = await asyncio.to_thread(sink.trace, trace_id)
        if not spans:
            raise NotFound("No span of this trace has arrived.")
        if "application/json" in accept:
            return JSONResponse({"trace_id": trace_id, "spans": [span.to_json() for span in spans]})
        return HTMLResponse(trace_page(trace_id, spans, await asyncio.to_thread(sink.pointing_at, trace_id)))

    @app.get("/spans")
    async def spans(
        name: str = "", attribute: str = "", limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
    ) -> dict[str, list[dict[str, Any]]]:
        """Find spans by name and by one attribute, written `key:value`; newest first."""
        key, _, value = attribute.partition(":")
        asked = (key, value) if attribute else None
        found = await asyncio.to_thread(sink.find, name=name, attribute=asked, limit=limit)
        return {"items": [span.to_json() for span in found]}
