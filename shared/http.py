"""The edge of every HTTP API: one way to start, limit, trace, refuse and stop."""

import asyncio
import contextlib
import re
import secrets
import socket
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Annotated, Any

import structlog
import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send
from swagger_ui_bundle import swagger_ui_path

from shared.problems import (
    MEDIA_TYPE,
    BadRequest,
    MissingIdempotencyKey,
    Problem,
    explanation,
    problem_of,
    problem_response,
)

IsReady = Callable[[], Awaitable[dict[str, bool]]]

_DEFAULT_LIMIT = 1 << 20
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_REFUSALS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457); its `type` answers with an explanation.",
        "content": {MEDIA_TYPE: {"schema": {"type": "object", "required": ["type", "title", "status", "trace_id"]}}},
    }
}
# FastAPI would make a second span of each request, with its whole path, the peer's address and what exceptions say.
_OUR_OWN_SPANS: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
_tracer = trace.get_tracer("rekam.http")
_propagator = TraceContextTextMapPropagator()
log = structlog.get_logger(__name__)


def create_app(
    *,
    title: str,
    version: str,
    is_ready: IsReady,
    lifespan: Lifespan[FastAPI] | None = None,
    public_url: str = "",
    limits: Mapping[str, int] | None = None,
) -> FastAPI:
    """Make an API with the pages every service has; `limits` maps path patterns (from the start) to bytes of a body."""
    app = FastAPI(
        title=title,
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=_REFUSALS,
        telemetry=_OUR_OWN_SPANS,
    )
    app.state.public_url = public_url
    patterns = [(re.compile(pattern), limit) for pattern, limit in (limits or {}).items()]
    app.add_middleware(_Edge, limits=patterns)
    for kind in (Problem, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _refuse)
    _add_probes(app, is_ready)
    _add_docs(app)
    app.add_api_route("/problems/{slug}", explanation, include_in_schema=False)
    return app


async def serve(app: FastAPI, *, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then let running requests end; signals belong to the lifecycle."""
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",  # the edge logs what failed, without the values a traceback may hold
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    with contextlib.closing(listener):
        # The lifespan is entered here, not by uvicorn, so that a failing start is raised and not only logged.
        async with app.router.lifespan_context(app), asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(_end(server, stop))
            await server.serve(sockets=[listener])
            watch.cancel()


def trace_id_of(request: Request) -> str:
    """Give the trace id this request's answer carries."""
    return str(request.scope["trace_id"])


async def idempotency_key(key: Annotated[str | None, Header(alias="Idempotency-Key")] = None) -> str:
    """Read the Idempotency-Key a POST must carry: `key: Annotated[str, Depends(idempotency_key)]`."""
    if not key:
        raise MissingIdempotencyKey("Send an Idempotency-Key header, new for each thing you want done.")
    if not _KEY.fullmatch(key):
        raise BadRequest("The Idempotency-Key must be 1 to 255 visible ASCII characters.")
    return key


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Edge:
    """Trace, limit and last resort around every request, in one layer because it is on the hot path."""

    def __init__(self, app: ASGIApp, limits: list[tuple[re.Pattern[str], int]]) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        carrier = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        with _tracer.start_as_current_span(
            scope["method"],
            context=_propagator.extract(carrier) if carrier else None,
            kind=trace.SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            context = span.get_span_context()
            scope["trace_id"] = f"{context.trace_id:032x}" if context.is_valid else secrets.token_hex(16)
            status = await self._answer(scope, headers, receive, send)
            _describe(span, scope, status)

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> int:
        status = 0

        async def traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["trace-id"] = scope["trace_id"]
            await send(message)

        limit = self._limit(scope["path"])
        try:
            await self._app(scope, _limited(receive, limit, int(headers.get("content-length", 0))), traced)
        except Exception as error:  # noqa: BLE001  the last edge: nothing passes, or the server would log the message
            _log_unexpected(error, scope)
            if status:  # half an answer is out; ending here makes the server cut the connection
                return 500
            await (await _refuse(Request(scope), error))(scope, receive, traced)
        return status

    def _limit(self, path: str) -> int:
        return next((limit for pattern, limit in self._limits if pattern.match(path)), _DEFAULT_LIMIT)


def _limited(receive: Receive, limit: int, announced: int) -> Receive:
    if announced > limit:
        raise HTTPException(413)
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413)  # the one kind FastAPI lets through while it reads a body
        return message

    return counted


def _describe(span: trace.Span, scope: Scope, status: int) -> None:
    if not span.is_recording():
        return
    route = getattr(scope.get("route"), "path", "")
    span.update_name(f"{scope['method']} {route}".rstrip())
    span.set_attributes(
        {"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status}
    )
    if status >= 500:  # noqa: PLR2004  a 4xx is the caller's, not a fault of this server
        span.set_status(trace.StatusCode.ERROR)
        span.set_attribute("error.type", str(status))


async def _refuse(request: Request, error: Exception) -> Response:
    base_url = request.app.state.public_url or str(request.base_url)
    response = problem_response(problem_of(error), trace_id_of(request), base_url=base_url)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def _log_unexpected(error: Exception, scope: Scope) -> None:
    if isinstance(error, HTTPException):
        return
    # The message may hold a value of the request (PostgreSQL quotes rows); type and frames do not.
    frames = [f"{frame.f_globals.get('__name__')}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
    kind, status = type(error).__name__, problem_of(error).status
    log.error("request failed", error=kind, status=status, frames=frames[-12:], trace_id=scope["trace_id"])


def _add_probes(app: FastAPI, is_ready: IsReady) -> None:
    @app.get("/livez", include_in_schema=False)
    async def livez() -> Response:
        return Response("alive\n", media_type="text/plain")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        try:
            async with asyncio.timeout(5):
                parts = await is_ready()
        except TimeoutError:
            parts = {"answer_in_time": False}
        ready = all(parts.values())
        return JSONResponse({"ready": ready, "parts": parts}, 200 if ready else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})


def _add_docs(app: FastAPI) -> None:
    app.mount("/docs/assets", StaticFiles(directory=swagger_ui_path), name="docs-assets")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="../docs/openapi.json",
            title=app.title,
            swagger_js_url="../docs/assets/swagger-ui-bundle.js",
            swagger_css_url="../docs/assets/swagger-ui.css",
            swagger_favicon_url="../docs/assets/favicon-32x32.png",
        )

    @app.get("/docs/openapi.json", include_in_schema=False)
    async def readable() -> JSONResponse:
        # The bundled page draws 3.1 documents only when they call themselves 3.0.
        return JSONResponse({**app.openapi(), "openapi": "3.0.3"})


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


async def _end(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True
