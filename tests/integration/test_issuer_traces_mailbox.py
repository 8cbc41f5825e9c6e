"""The tools beside the services: who gives tokens, who keeps spans, who takes mail; each as its own process."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from shared.auth import Authorizer, Keys, TokenExpired
from tests.support.eventually import eventually
from tests.support.serving import free_port
from tools.issuer import ROLES, roles_page
from tools.token import fetch_token


@asynccontextmanager
async def started(module: str, port: int, environment: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """Start a tool as `make up` does, and demand that SIGTERM ends it with 0."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, env=inherited | environment, stderr=subprocess.PIPE
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await eventually(lambda: client.get("/livez"), within=20)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, said) == (0, b"")


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    async with started(
        "tools.issuer", port, {"REKAM_ISSUER_PORT": str(port), "REKAM_KEYS_DIR": str(tmp_path)}
    ) as client:
        yield client


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    async with started(
        "tools.traces", port, {"REKAM_TRACES_PORT": str(port), "REKAM_TRACES_DIR": str(tmp_path)}
    ) as client:
        yield client


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    port, smtp = free_port(), free_port()
    told = {"REKAM_MAILBOX_PORT": str(port), "REKAM_SMTP_PORT": str(smtp), "REKAM_MAILBOX_DIR": str(tmp_path)}
    async with started("tools.mailbox", port, told) as client:
        yield client, smtp


async def test_every_role_gets_a_token_that_the_services_believe(issuer: httpx.AsyncClient) -> None:
    url = str(issuer.base_url).rstrip("/")
    authorizer = Authorizer(Keys(url), audience="rekam", issuer=url)
    await authorizer.keys.fetch()

    for role, scopes in ROLES.items():
        caller = await authorizer.caller(f"Bearer {await asyncio.to_thread(fetch_token, url, role, '32.16.,32.17.01')}")
        assert (caller.role, caller.scopes) == (role, frozenset(scopes.split()))
        assert caller.offices == ("32.16.", "32.17.01")


async def test_a_token_may_be_asked_for_that_has_already_expired(issuer: httpx.AsyncClient) -> None:
    url = str(issuer.base_url).rstrip("/")
    authorizer = Authorizer(Keys(url), audience="rekam", issuer=url)
    await authorizer.keys.fetch()
    token = await asyncio.to_thread(fetch_token, url, "officer", "32.16.06", lifetime_seconds=-1)

    with pytest.raises(TokenExpired):
        await authorizer.caller(f"Bearer {token}")


@pytest.mark.parametrize(
    ("client_id", "secret"), [("officer:32.16.06", "wrong"), ("minister:32.16.06", "local"), ("officer:%", "local")]
)
async def test_strangers_get_no_token(issuer: httpx.AsyncClient, client_id: str, secret: str) -> None:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}

    answer = await issuer.post("/oauth/token", data=form)

    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


async def test_the_issuer_says_where_everything_is(issuer: httpx.AsyncClient) -> None:
    discovered = (await issuer.get("/.well-known/openid-configuration")).json()

    assert (await issuer.get(discovered["jwks_uri"])).json()["keys"][0]["alg"] == "EdDSA"
    assert discovered["issuer"] == str(issuer.base_url).rstrip("/")


def test_the_published_table_of_roles_is_the_issuers_own() -> None:
    assert Path("docs/roles.md").read_text() == roles_page()


async def test_a_trace_is_shown_as_a_tree_and_its_links_lead_on(sink: httpx.AsyncClient) -> None:
    earlier, later = await asyncio.to_thread(two_linked_attempts, sink)

    page = (await sink.get(f"/traces/{later}")).text
    shown = (await sink.get(f"/traces/{later}", headers={"accept": "application/json"})).json()["spans"]

    assert [span["name"] for span in shown] == ["attempt submission", "connect"]
    assert shown[1]["parent_span_id"] == shown[0]["span_id"]
    assert (shown[0]["status"], shown[0]["service"]) == ("error", "recording")
    assert f"href='/traces/{earlier}'" in page
    assert "&lt;b&gt;" in page
    assert f"href='/traces/{later}'" in (await sink.get(f"/traces/{earlier}")).text
    assert later in (await sink.get("/")).text


async def test_spans_are_found_by_name_and_attribute(sink: httpx.AsyncClient) -> None:
    earlier, later = await asyncio.to_thread(two_linked_attempts, sink)

    async def found(**asked: str) -> list[str]:
        return [span["trace_id"] for span in (await sink.get("/spans", params=asked)).json()["items"]]

    assert await found(name="attempt submission") == [later, earlier]
    assert await found(name="attempt submission", attribute="rekam.attempt:2") == [later]
    assert await found(attribute="rekam.cause:network") == [later]
    assert await found(name="connect", attribute="rekam.cause:network") == []


async def test_spans_outlive_the_sink_and_can_be_searched_as_bytes(tmp_path: Path) -> None:
    port = free_port()
    told = {"REKAM_TRACES_PORT": str(port), "REKAM_TRACES_DIR": str(tmp_path)}
    async with started("tools.traces", port, told) as sink:
        _, later = await asyncio.to_thread(two_linked_attempts, sink)

    async with started("tools.traces", port, told) as sink:
        assert (await sink.get(f"/traces/{later}")).status_code == 200

    assert b"attempt submission" in await asyncio.to_thread((tmp_path / "spans.otlp").read_bytes)


async def test_an_unknown_trace_is_not_found(sink: httpx.AsyncClient) -> None:
    assert (await sink.get(f"/traces/{'0' * 32}")).status_code == 404
    assert (await sink.get("/traces/x")).status_code == 400


async def test_mail_is_kept_and_shown(mailbox: tuple[httpx.AsyncClient, int]) -> None:
    client, smtp = mailbox

    await send(smtp, to="contoh@resident.invalid")
    await send(smtp, to="other@resident.invalid")

    (mail,) = (await client.get("/messages", params={"to": "contoh@resident.invalid"})).json()
    assert (mail["subject"], mail["text"].strip()) == ("Kabar <rekaman>", "Apa kabar?")
    assert mail["headers"]["Message-ID"] == "<1@rekam.invalid>"
    assert "Kabar &lt;rekaman&gt;" in (await client.get("/")).text


async def test_mail_can_be_forgotten(mailbox: tuple[httpx.AsyncClient, int]) -> None:
    client, smtp = mailbox
    await send(smtp, to="contoh@resident.invalid")

    await client.delete("/messages")

    assert (await client.get("/messages")).json() == []


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        ("reject", aiosmtplib.SMTPRecipientsRefused),
        ("defer", aiosmtplib.SMTPDataError),
        ("hang", aiosmtplib.SMTPReadTimeoutError),
        ("down", aiosmtplib.SMTPConnectError),
    ],
)
async def test_the_mail_server_fails_as_told_and_recovers(
    mailbox: tuple[httpx.AsyncClient, int], kind: str, failure: type[Exception]
) -> None:
    client, smtp = mailbox
    await client.put("/faults", json={"kind": kind})

    with pytest.raises(failure):
        await send(smtp, to="contoh@resident.invalid")

    await client.put("/faults", json={"kind": "none"})
    await send(smtp, to="contoh@resident.invalid")
    assert len((await client.get("/messages")).json()) == 1


def two_linked_attempts(sink: httpx.AsyncClient) -> tuple[str, str]:
    """Export two attempts, the second linked to the first, as the services do."""
    provider = TracerProvider(resource=Resource.create({"service.name": "recording"}))
    exporter = OTLPSpanExporter(endpoint=f"{str(sink.base_url).rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("attempt submission", attributes={"rekam.attempt": 1}) as first:
        pass
    with tracer.start_as_current_span(
        "attempt submission",
        attributes={"rekam.attempt": 2, "rekam.cause": "network", "rekam.signature": "<b>"},
        links=[trace.Link(first.get_span_context())],
    ) as second:
        with tracer.start_as_current_span("connect"):
            pass
        second.set_status(trace.StatusCode.ERROR)
    provider.shutdown()
    return f"{first.get_span_context().trace_id:032x}", f"{second.get_span_context().trace_id:032x}"


async def send(port: int, *, to: str) -> None:
    """Send one mail as notification does."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "rekam@office.invalid", to, "Kabar <rekaman>"
    mail["Message-ID"] = "<1@rekam.invalid>"
    mail.set_content("Apa kabar?")
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, timeout=2)
