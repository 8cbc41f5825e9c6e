"""The edge of an office's API, as clients meet it: real servers, a real issuer, a real database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, ConfigDict, Field

from shared.auth import Authorizer, Caller, Keys, needs, needs_office
from shared.http import create_app
from tests.support.serving import free_port, running, slug
from tools.issuer import Issuer, IssuerSettings, issuer_app, issuer_of
from tools.token import fetch_token

MARKER = "9999990101900001"
OWN, FOREIGN = "32.16.06", "32.17.01"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Visit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    nik: Annotated[str, Field(pattern=r"^\d{16}$")]


@pytest.fixture(scope="module")
async def issuer(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Issuer]:
    port = free_port()
    issuer = issuer_of(IssuerSettings(keys_dir=tmp_path_factory.mktemp("keys"), issuer_port=port, issuer_url=""))
    async with running(issuer_app(issuer), port):
        yield issuer


@pytest.fixture(scope="module")
async def tokens(issuer: Issuer) -> dict[str, str]:
    return {
        "officer": await asyncio.to_thread(fetch_token, issuer.url, "officer", OWN),
        "auditor": await asyncio.to_thread(fetch_token, issuer.url, "auditor", ""),
        "expired": await asyncio.to_thread(fetch_token, issuer.url, "officer", OWN, lifetime_seconds=-1),
    }


@pytest.fixture(scope="module")
async def office(issuer: Issuer, tokens: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    app = office_app(Authorizer(Keys(issuer.url), audience="rekam", issuer=issuer.url))
    headers = {"authorization": f"Bearer {tokens['officer']}"}
    async with running(app, free_port()) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        yield client


def office_app(authorizer: Authorizer) -> FastAPI:
    async def is_ready() -> dict[str, bool]:
        return {"postgresql": True, "kafka": False}

    app = create_app(title="Office", version="1", is_ready=is_ready, limits={"/v1/raw": 2 << 20})
    app.state.authorizer = authorizer
    app.include_router(office_routes())
    return app


def office_routes() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/offices/{office}/visits", status_code=201)
    async def visit(office: str, visit: Visit, caller: Annotated[Caller, needs("register_arrivals")]) -> dict[str, int]:
        needs_office(caller, office)
        return {"digits": len(visit.nik)}

    @router.get("/broken")
    async def broken() -> None:
        raise ValueError(MARKER)

    @router.get("/cut")
    async def cut() -> StreamingResponse:
        async def half() -> AsyncIterator[bytes]:
            yield b"half"
            raise ValueError(MARKER)

        return StreamingResponse(half())

    @router.get("/away")
    async def away() -> None:
        raise asyncpg.ConnectionDoesNotExistError(MARKER)

    @router.post("/raw")
    async def raw(request: Request) -> dict[str, int]:
        return {"bytes": sum([len(chunk) async for chunk in request.stream()])}

    return router


async def test_without_a_token_nobody_is_let_in(office: httpx.AsyncClient) -> None:
    answer = await office.post(f"/v1/offices/{OWN}/visits", json={"nik": MARKER}, headers={"authorization": ""})

    assert (answer.status_code, slug(answer)) == (401, "no-token")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("whose", "status", "why"), [("expired", 401, "token-expired"), ("auditor", 403, "missing-scope")]
)
async def test_a_token_must_be_fresh_and_hold_the_verb(
    office: httpx.AsyncClient, tokens: dict[str, str], whose: str, status: int, why: str
) -> None:
    headers = {"authorization": f"Bearer {tokens[whose]}"}

    answer = await office.post(f"/v1/offices/{OWN}/visits", json={"nik": MARKER}, headers=headers)

    assert (answer.status_code, slug(answer)) == (status, why)


async def test_a_forged_token_is_not_believed(office: httpx.AsyncClient, tokens: dict[str, str]) -> None:
    head, body, signature = tokens["officer"].split(".")
    forged = f"{head}.{body}.{signature[::-1]}"

    answer = await office.post(
        f"/v1/offices/{OWN}/visits", json={"nik": MARKER}, headers={"authorization": f"Bearer {forged}"}
    )

    assert (answer.status_code, slug(answer)) == (401, "token-invalid")


async def test_a_foreign_office_does_not_exist(office: httpx.AsyncClient) -> None:
    own = await office.post(f"/v1/offices/{OWN}/visits", json={"nik": MARKER})
    foreign = await office.post(f"/v1/offices/{FOREIGN}/visits", json={"nik": MARKER})

    assert (own.status_code, foreign.status_code, slug(foreign)) == (201, 404, "not-found")


async def test_what_does_not_fit_is_pointed_at_without_saying_it_back(office: httpx.AsyncClient) -> None:
    answer = await office.post(f"/v1/offices/{OWN}/visits", json={"nik": f"{MARKER}0", "nick": MARKER})

    assert (answer.status_code, slug(answer)) == (422, "invalid")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/nik", "#/nick"]
    assert MARKER not in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "status", "why"),
    [
        (b'{"nik": "' + MARKER.encode(), "application/json", 400, "malformed"),
        (b'{"nik": 1}', "text/plain", 415, "unsupported-media"),
        (b" " * 40_000_000, "application/json", 413, "too-large"),
    ],
)
async def test_a_body_that_cannot_be_taken_is_refused_by_kind(
    office: httpx.AsyncClient, content: bytes, kind: str, status: int, why: str
) -> None:
    answer = await office.post(f"/v1/offices/{OWN}/visits", content=content, headers={"content-type": kind})

    assert (answer.status_code, slug(answer)) == (status, why)
    assert MARKER not in answer.text


@pytest.mark.parametrize(("megabytes", "status"), [(1.5, 200), (3, 413)])
async def test_a_body_without_a_length_is_counted_and_a_route_may_take_more(
    office: httpx.AsyncClient, megabytes: float, status: int
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(int(megabytes * 16)):
            yield b"x" * 65_536

    assert (await office.post("/v1/raw", content=chunks())).status_code == status


async def test_the_callers_trace_is_continued_and_else_one_begins(office: httpx.AsyncClient) -> None:
    continued = await office.get("/v1/broken", headers={"traceparent": PARENT})
    begun = await office.get("/v1/broken")

    assert continued.headers["trace-id"] == continued.json()["trace_id"] == PARENT.split("-")[1]
    assert len(begun.headers["trace-id"]) == 32


async def test_a_request_makes_one_span_that_names_the_route_and_nobody(
    office: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)  # FastAPI's own spans would go here too
    monkeypatch.setattr("shared.http._tracer", provider.get_tracer("test"))

    await office.post(f"/v1/offices/{OWN}/visits?who={MARKER}", json={"nik": MARKER}, headers={"traceparent": PARENT})

    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind) == ("POST /v1/offices/{office}/visits", trace.SpanKind.SERVER)
    assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/offices/{office}/visits",
        "http.response.status_code": 201,
    }


async def test_a_fault_of_ours_says_and_logs_nothing_personal(
    office: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = await office.get("/v1/broken")
    with pytest.raises(httpx.RemoteProtocolError):
        await office.get("/v1/cut")

    assert (answer.status_code, slug(answer)) == (500, "internal")
    assert MARKER not in answer.text + "".join(capfd.readouterr())


async def test_a_database_that_is_away_means_ask_again(office: httpx.AsyncClient) -> None:
    answer = await office.get("/v1/away")

    assert (answer.status_code, slug(answer), answer.json()["retryable"]) == (503, "unavailable", True)
    assert answer.headers["retry-after"] == "2"


async def test_every_problem_type_answers_with_an_explanation(office: httpx.AsyncClient) -> None:
    answer = await office.get("/v1/nowhere")

    explained = await office.get(answer.json()["type"])

    assert answer.headers["content-type"] == "application/problem+json"
    assert "or not for you" in explained.text


async def test_readiness_names_the_part_that_is_missing(office: httpx.AsyncClient) -> None:
    answer = await office.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "parts": {"postgresql": True, "kafka": False}}


async def test_the_documentation_page_needs_no_other_server(office: httpx.AsyncClient) -> None:
    page = await office.get("/docs")
    script = await office.get("/docs/assets/swagger-ui-bundle.js")

    assert "https://" not in page.text
    assert (script.status_code, (await office.get("/docs/openapi.json")).json()["openapi"]) == (200, "3.0.3")
    assert "default" in (await office.get("/openapi.json")).json()["paths"]["/v1/raw"]["post"]["responses"]


async def test_metrics_are_readable(office: httpx.AsyncClient) -> None:
    assert "python_info" in (await office.get("/metrics")).text


async def test_known_keys_stay_in_force_while_the_issuer_is_away(tmp_path: Path) -> None:
    port = free_port()
    issuer = issuer_of(IssuerSettings(keys_dir=tmp_path, issuer_port=port, issuer_url=""))
    authorizer = Authorizer(Keys(issuer.url), audience="rekam", issuer=issuer.url)
    async with running(issuer_app(issuer), port):
        await authorizer.keys.fetch()
    token = (issuer.token(f"officer:{OWN}", lifetime_seconds=60) or {})["access_token"]

    await authorizer.keys.fetch()

    assert (await authorizer.caller(f"Bearer {token}")).offices == (OWN,)


async def test_before_any_key_is_known_clients_are_told_to_come_back(tmp_path: Path) -> None:
    issuer = issuer_of(IssuerSettings(keys_dir=tmp_path, issuer_port=free_port(), issuer_url=""))
    token = (issuer.token(f"officer:{OWN}", lifetime_seconds=60) or {})["access_token"]
    app = office_app(Authorizer(Keys(issuer.url), audience="rekam", issuer=issuer.url))

    async with running(app, free_port()) as url, httpx.AsyncClient(base_url=url) as client:
        answer = await client.post(
            f"/v1/offices/{OWN}/visits", json={"nik": MARKER}, headers={"authorization": f"Bearer {token}"}
        )

    assert (answer.status_code, slug(answer)) == (503, "unavailable")
