"""Line or centre? Calls and another process's probe say it within seconds; the ledger keeps who was touched."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from shared.events.outages import OutageClosed, OutageCorrected, OutageOpened, OutageUpdated
from shared.events.vocabulary import Operation
from tests.support.eventually import eventually
from tests.support.recordings import PARTS, SETTINGS, Installation, running_installation

CHECK = Operation.IDENTITY_CHECK
SECONDS_TO_A_VERDICT = 10
STRIKES = "SELECT sum(strikes) + count(first_failed_at) FROM stage WHERE recording_id = ANY($1)"
MINE: dict[str, dict[str, str]] = SETTINGS | {
    "recording": SETTINGS["recording"] | {"REKAM_OUTAGE_CLEAN_SECONDS": "3", "REKAM_OUTAGE_TELL_SECONDS": "1"},
}


@pytest.fixture(scope="module")
async def watched_installation() -> AsyncIterator[Installation]:
    """An installation with its second source, and little patience."""
    async with running_installation(MINE, (*PARTS, "probe")) as installation:
        yield installation


@pytest.fixture
async def watched(watched_installation: Installation) -> AsyncIterator[Installation]:
    """The same, well before and after each test."""
    await eventually(lambda: _all_are(watched_installation, "fine"), within=20)
    yield watched_installation
    await watched_installation.is_well_again()
    await eventually(lambda: _no_outage_is_open(watched_installation), within=40)


async def test_a_dead_line_is_named_within_ten_seconds_by_two_sources(watched: Installation) -> None:
    began = time.monotonic()
    await _line(watched, "down")
    people = await watched.arrive(3)

    said = await eventually(lambda: _says(watched, CHECK, "network"), within=SECONDS_TO_A_VERDICT)

    assert time.monotonic() - began <= SECONDS_TO_A_VERDICT
    assert said["expires_at"] > said["checked_at"]
    outage = await eventually(lambda: _open_outage(watched, people=3), within=20)
    assert (outage["cause"], outage["owner"]) == ("network", "carrier")
    assert outage["organisation"] == {"name": "penyedia jaringan", "contact": ""}
    assert {"calls", "probe"} <= set(outage["sources"])
    assert CHECK in outage["operations"]
    assert outage["offices"] == 1

    (await watched.line.delete("/faults")).raise_for_status()
    closed = await eventually(lambda: _closed(watched, outage["id"]), within=40)
    assert closed["ended_at"] > closed["since"]
    for person in people:
        await watched.becomes(person, "completed", within=30)
    facts = await _told(watched, outage["id"])
    kinds = [type(fact) for _, fact in facts]
    assert (kinds[0], kinds[-1]) == (OutageOpened, OutageClosed)
    assert [sequence for sequence, _ in facts] == list(range(1, len(facts) + 1))


async def test_the_report_proves_what_it_says(watched: Installation) -> None:
    await _line(watched, "down")
    await watched.arrive(2)
    outage = await eventually(lambda: _open_outage(watched, people=2), within=25)
    path = f"/outage-ledger/{outage['id']}"
    body = {"next_news_at": "2030-01-01T03:00:00Z", "ticket_ref": "NOC-118", "note": "sudah ditelepon"}

    first = await watched.ask("POST", f"{path}/updates", body=body, key="news-1")
    again = await watched.ask("POST", f"{path}/updates", body=body, key="news-1")
    number = await watched.ask("POST", f"{path}/updates", body={"note": "telepon 08123456789"})
    (await watched.line.delete("/faults")).raise_for_status()
    await eventually(lambda: _closed(watched, outage["id"]), within=40)

    assert (first.status_code, again.headers.get("idempotent-replayed")) == (201, "true")
    assert number.status_code == 422
    told = (await watched.ask("GET", f"{path}/report?format=json")).raise_for_status().json()
    raw = (await watched.ask("GET", f"{path}/report?format=canonical")).raise_for_status().content
    canonical = orjson.dumps(told["report"], option=orjson.OPT_SORT_KEYS)
    assert told["sha256"] == hashlib.sha256(canonical).hexdigest() == hashlib.sha256(raw).hexdigest()
    assert told["report"]["timeline"][0]["kind"] == "opened"
    assert len(told["report"]["sources"]) >= 2
    assert told["report"]["samples"][0]["trace_id"]
    page = (await watched.ask("GET", f"{path}/report")).raise_for_status()
    assert page.headers["content-type"].startswith("text/html")
    for word in ("Berita Acara", "penyedia jaringan", "NOC-118", told["sha256"]):
        assert word in page.text
    assert "<script" not in page.text
    assert "ditelepon" not in page.text + raw.decode()
    promised = [fact for _, fact in await _told(watched, outage["id"]) if isinstance(fact, OutageUpdated)]
    assert "NOC-118" in {fact.ticket_ref for fact in promised}
    kept = (await watched.ask("GET", path)).json()["timeline"]
    assert [entry["said"]["note"] for entry in kept if entry["kind"] == "promised"] == ["sudah ditelepon"]


async def test_a_centre_that_refuses_everything_is_named_by_both(watched: Installation) -> None:
    await watched.goes_wrong("all", "status", status=503)
    await watched.arrive(4)

    said = await eventually(lambda: _says(watched, CHECK, "server", "centre"), within=SECONDS_TO_A_VERDICT)

    assert {"calls", "probe"} <= set(said["sources"])
    outage = await eventually(lambda: _open_outage(watched, people=4), within=20)
    assert (outage["cause"], outage["owner"], outage["confidence"]) == ("server", "centre", "high")


async def test_what_fails_in_one_operation_alone_is_the_centres(watched: Installation) -> None:
    await watched.goes_wrong(CHECK, "status", status=500)
    await watched.arrive(4)

    said = await eventually(lambda: _says(watched, CHECK, "server", "centre"), within=SECONDS_TO_A_VERDICT)

    assert said["sources"] == ["calls", "probe"]
    assert (await _link(watched))["card_print"]["verdict"] == "fine"


async def test_a_device_that_refuses_in_the_centres_name_is_found_out_by_the_second_way(watched: Installation) -> None:
    await _line(watched, "reject")
    await watched.arrive(3)

    said = await eventually(lambda: _says(watched, CHECK, "network"), within=SECONDS_TO_A_VERDICT)

    assert said["owner"] == "centre_network"
    assert "second_way" in said["sources"]
    outage = await eventually(lambda: _open_outage(watched), within=20)
    assert (outage["cause"], outage["owner"]) == ("network", "centre_network")


async def test_a_fault_that_was_called_the_centres_is_corrected_and_its_strikes_are_given_back(
    watched: Installation,
) -> None:
    await _restart_probe(watched, REKAM_SECOND_WAY_URL="")
    await _line(watched, "reject")
    people = await watched.arrive(3)
    outage = await eventually(lambda: _open_outage(watched), within=20)
    assert (outage["cause"], outage["owner"]) == ("server", "undetermined")
    assert await watched.database.fetchval(STRIKES, people) > 0

    await _restart_probe(watched)

    row = await eventually(lambda: _is_corrected(watched, outage["id"]), within=30)
    assert row["owner"] == "centre_network"
    await eventually(lambda: _nothing_is_held_against(watched, people))
    (corrected,) = [fact for _, fact in await _told(watched, outage["id"]) if isinstance(fact, OutageCorrected)]
    assert (corrected.was_cause, corrected.cause) == ("server", "network")


async def test_a_dead_line_is_seen_without_any_call(watched: Installation) -> None:
    began = time.monotonic()
    await _line(watched, "down")

    said = await eventually(lambda: _says(watched, Operation.SUKET, "network"), within=SECONDS_TO_A_VERDICT)

    assert time.monotonic() - began <= SECONDS_TO_A_VERDICT
    assert "calls" not in said["sources"]


async def test_a_killed_probe_leaves_a_verdict_that_expires_into_not_knowing(watched: Installation) -> None:
    await asyncio.to_thread(watched.stack.kill, "probe")

    said = await eventually(lambda: _says(watched, Operation.SUKET, "undetermined", "undetermined"), within=25)

    assert said["organisation"] is None
    await asyncio.to_thread(watched.stack.start_service, "probe")
    await eventually(lambda: _all_are(watched, "fine"), within=40)


async def test_the_probe_survives_its_database_and_shows_its_numbers(watched: Installation) -> None:
    await asyncio.to_thread(watched.stack.stop_service, "postgres")
    await asyncio.to_thread(watched.stack.start_service, "postgres")
    watched.database = await asyncpg.connect(watched.stack.endpoints.postgres["recording"])

    await eventually(lambda: _all_are(watched, "fine"), within=40)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{watched.stack.ports.probe}", trust_env=False) as probe:
        assert (await probe.get("/readyz")).json() == {"ready": True}
        assert 'rekam_probe_rounds_total{result="answered"}' in (await probe.get("/metrics")).text
    shown = (await watched.api.get("/metrics")).text
    assert 'rekam_link_verdict{operation="suket",verdict="fine"} 1.0' in shown


async def _restart_probe(installation: Installation, **settings: str) -> None:
    MINE["probe"] = settings
    await asyncio.to_thread(installation.stack.stop_service, "probe")
    await asyncio.to_thread(installation.stack.start_service, "probe")


async def _is_corrected(installation: Installation, outage_id: str) -> Any:
    return await installation.database.fetchrow("SELECT * FROM outage WHERE id = $1 AND cause = 'network'", outage_id)


async def _nothing_is_held_against(installation: Installation, people: list[UUID]) -> bool:
    return bool(await installation.database.fetchval(STRIKES, people) == 0)


async def _line(installation: Installation, kind: str, **how: Any) -> None:
    (await installation.line.put("/faults", json={"kind": kind, **how})).raise_for_status()


async def _link(installation: Installation) -> dict[str, dict[str, Any]]:
    answer = (await installation.ask("GET", "/link", "officer", "32.16.06")).raise_for_status()
    return {one["operation"]: one for one in answer.json()["items"]}


async def _says(
    installation: Installation, operation: Operation, verdict: str, owner: str | None = None
) -> dict[str, Any]:
    said = (await _link(installation))[operation]
    assert said["verdict"] == verdict, said
    assert owner in (None, said["owner"]), said
    return said


async def _all_are(installation: Installation, verdict: str) -> bool:
    said = await _link(installation)
    assert {one["verdict"] for one in said.values()} == {verdict}, said
    return True


async def _outages(installation: Installation, state: str) -> list[dict[str, Any]]:
    answer = await installation.ask("GET", f"/outage-ledger?state={state}")
    return list(answer.raise_for_status().json()["items"])


async def _no_outage_is_open(installation: Installation) -> bool:
    found = await _outages(installation, "open")
    assert not found, (found, await _link(installation))
    return True


async def _open_outage(installation: Installation, people: int = 0) -> dict[str, Any] | None:
    (found,) = await _outages(installation, "open")
    assert found["people"] >= people, found
    return found


async def _closed(installation: Installation, outage_id: str) -> dict[str, Any] | None:
    found = await _outages(installation, "closed")
    return next((one for one in found if one["id"] == outage_id), None)


async def _told(installation: Installation, outage_id: object) -> list[tuple[int, Any]]:
    async def is_whole() -> Any:
        found = sorted((event.sequence, event.data) for event in await installation.said(UUID(str(outage_id))))
        sequence = await installation.database.fetchval("SELECT sequence FROM outage WHERE id = $1", outage_id)
        return found if len(found) == sequence else None

    return list(await eventually(is_whole, within=10))
