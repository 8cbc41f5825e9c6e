"""Kafka or PostgreSQL away, at the start and in mid-work: every service says so, and comes back by itself."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.serving import slug
from tests.support.stack import new_folder
from tests.support.world import REGENCY, settings_of_the_stories
from tools.local import SERVICES, Stack
from tools.token import fetch_token

_BACK_SECONDS = 30
_OFFICE = f"{REGENCY}.01"
_GUARDED = {
    "intake": f"/v1/offices/{_OFFICE}/queue",
    "recording": "/v1/recordings",
    "notification": "/v1/messages",
    "status": f"/v1/offices/{_OFFICE}/board",
}
_NOBODY = {
    "office": _OFFICE,
    "purpose": "first_recording",
    "name": "CONTOH SATU",
    "birth_date": "1990-01-15",
    "sex": "male",
}


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Four services, what they lean on, and somebody who asks."""

    stack: Stack
    http: httpx.AsyncClient
    officer: dict[str, str]
    regency: dict[str, str]

    async def parts(self, service: str) -> dict[str, bool]:
        """Tell what a service says of its parts."""
        answer = await self.http.get(f"{getattr(self.stack.endpoints, service)}/readyz")
        shown: dict[str, Any] = answer.json()
        assert (answer.status_code == 200) == all(shown["parts"].values())
        return dict(shown["parts"])

    async def all_say(self, part: str, *, works: bool) -> bool:
        """Tell whether every service says this of a part."""
        said = [(await self.parts(service)).get(part, False) for service in SERVICES]
        return all(one is works for one in said)

    async def all_work(self) -> bool:
        """Tell whether every service is ready."""
        return await self.all_say("postgresql", works=True) and await self.all_say("kafka", works=True)

    async def asks(self, service: str) -> httpx.Response:
        """Ask a service for something that is in its database."""
        return await self.http.get(getattr(self.stack.endpoints, service) + _GUARDED[service], headers=self.regency)

    async def registers(self, serial: int) -> httpx.Response:
        """Register somebody."""
        body = {**_NOBODY, "nik": f"321601150190{serial}"}
        headers = self.officer | {"Idempotency-Key": str(uuid4())}
        return await self.http.post(f"{self.stack.endpoints.intake}/v1/arrivals", json=body, headers=headers)

    async def knows(self, recording_id: str) -> bool:
        """Tell whether recording has heard of a recording."""
        url = f"{self.stack.endpoints.recording}/v1/recordings/{recording_id}"
        return (await self.http.get(url, headers=self.officer)).is_success

    async def does(self, what: str, name: str, **how: bool) -> None:
        """Do something to a part: kill, pause, resume, start_service, stop_service."""
        await asyncio.to_thread(getattr(self.stack, what), name, **how)


@pytest.fixture(scope="module")
async def neighbourhood() -> AsyncIterator[Neighbourhood]:
    with Stack.on_free_ports(new_folder(), settings=settings_of_the_stories()) as stack:
        await asyncio.to_thread(stack.start, ("postgres", "kafka", "issuer", *SERVICES))
        issuer = stack.endpoints.issuer
        officer = await asyncio.to_thread(fetch_token, issuer, "officer", _OFFICE)
        regency = await asyncio.to_thread(fetch_token, issuer, "regency", f"{REGENCY}.")
        async with httpx.AsyncClient(trust_env=False, timeout=40) as http:
            yield Neighbourhood(stack, http, _bearer(officer), _bearer(regency))
    stack.remove()


@pytest.mark.timeout(150)
async def test_services_started_before_their_neighbours_say_so_and_then_work(neighbourhood: Neighbourhood) -> None:
    for name in (*SERVICES, "kafka", "postgres"):
        await neighbourhood.does("stop_service", name)

    for service in SERVICES:
        await neighbourhood.does("start_service", service, wait=False)
    for service in SERVICES:
        parts = await eventually(lambda service=service: neighbourhood.parts(service), within=30)
        assert parts == {"postgresql": False, "kafka": False}, service
    await _every_service_answers_503(neighbourhood)
    await neighbourhood.does("start_service", "postgres")
    await eventually(lambda: neighbourhood.all_say("postgresql", works=True), within=_BACK_SECONDS)
    assert (await neighbourhood.registers(2001)).status_code == 201, "Kafka is not needed to take somebody in"
    await neighbourhood.does("start_service", "kafka")

    await eventually(neighbourhood.all_work, within=_BACK_SECONDS)


@pytest.mark.timeout(120)
async def test_postgresql_dies_in_mid_work_and_comes_back(neighbourhood: Neighbourhood) -> None:
    kept = (await neighbourhood.registers(2101)).json()["recording_id"]
    await neighbourhood.does("kill", "postgres")

    await eventually(lambda: neighbourhood.all_say("postgresql", works=False), within=10)
    await _every_service_answers_503(neighbourhood)
    refused = await neighbourhood.registers(2102)
    assert (refused.status_code, refused.json()["retryable"]) == (503, True)

    await neighbourhood.does("start_service", "postgres")
    await eventually(neighbourhood.all_work, within=_BACK_SECONDS)
    await eventually(lambda: neighbourhood.knows(kept), within=_BACK_SECONDS)


@pytest.mark.timeout(120)
async def test_postgresql_hangs_and_nobody_waits_for_ever(neighbourhood: Neighbourhood) -> None:
    await neighbourhood.does("pause", "postgres")
    try:
        await eventually(lambda: neighbourhood.all_say("postgresql", works=False), within=20)
    finally:
        await neighbourhood.does("resume", "postgres")

    await eventually(neighbourhood.all_work, within=_BACK_SECONDS)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("away_seconds", [2, 25], ids=["shortly", "long"])
async def test_kafka_dies_in_mid_work_and_comes_back(neighbourhood: Neighbourhood, away_seconds: int) -> None:
    await neighbourhood.does("kill", "kafka")
    taken_in = await neighbourhood.registers(2200 + away_seconds)
    assert taken_in.status_code == 201, "the outbox keeps what Kafka cannot take"
    await asyncio.sleep(away_seconds)

    await neighbourhood.does("start_service", "kafka")

    await eventually(lambda: neighbourhood.knows(taken_in.json()["recording_id"]), within=_BACK_SECONDS)
    await eventually(neighbourhood.all_work, within=_BACK_SECONDS)


@pytest.mark.timeout(120)
async def test_every_service_says_that_kafka_is_away(neighbourhood: Neighbourhood) -> None:
    await neighbourhood.does("kill", "kafka")
    try:
        await eventually(lambda: neighbourhood.all_say("kafka", works=False), within=30)
        assert await neighbourhood.all_say("postgresql", works=True)
    finally:
        await neighbourhood.does("start_service", "kafka")

    await eventually(neighbourhood.all_work, within=_BACK_SECONDS)


@pytest.mark.timeout(60)
async def test_the_identity_provider_away_closes_no_office(neighbourhood: Neighbourhood) -> None:
    await neighbourhood.does("kill", "issuer")
    try:
        assert (await neighbourhood.registers(2301)).status_code == 201
    finally:
        await neighbourhood.does("start_service", "issuer")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _every_service_answers_503(neighbourhood: Neighbourhood) -> None:
    for service in SERVICES:
        answer = await neighbourhood.asks(service)
        assert answer.headers["content-type"] == "application/problem+json", service
        assert (answer.status_code, answer.json()["retryable"]) == (503, True), service
        assert "retry-after" in answer.headers, service
        assert slug(answer) == "unavailable", service
