"""Every attempt is one trace that says how it ended; the ledger's row leads there, whatever the cause."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from shared.events.envelope import Data, Event
from shared.events.recording import CardPrintReady
from shared.events.vocabulary import Purpose
from tests.support.eventually import eventually
from tests.support.recordings import Installation

EXTENSION, FIRST = Purpose.SUKET_EXTENSION, Purpose.FIRST_RECORDING
_LEASE_ENDS = "UPDATE stage SET leased_until = clock_timestamp() WHERE recording_id = $1 AND state = 'in_flight'"
_IN_FLIGHT = "SELECT count(*) FROM stage WHERE recording_id = $1 AND state = 'in_flight'"


async def _mismatches(installation: Installation) -> UUID:
    return await installation.arrives(EXTENSION, serial="0005")


async def _cannot_be_read(installation: Installation) -> UUID:
    return await installation.records(FIRST, serial="0002")


async def _meets_a_busy_centre(installation: Installation) -> UUID:
    await installation.goes_wrong("suket", "status", status=503, times=1)
    return await installation.arrives(EXTENSION)


async def _meets_a_dead_line(installation: Installation) -> UUID:
    (await installation.line.put("/faults", json={"kind": "down"})).raise_for_status()
    return await installation.arrives(EXTENSION)


async def _lost_its_packet(installation: Installation) -> UUID:
    recording = await installation.arrives(FIRST)
    await installation.loses_the_packet_of(recording)
    return recording


async def _lost_its_worker(installation: Installation) -> UUID:
    await installation.goes_wrong("suket", "hang", times=1)
    recording = await installation.arrives(EXTENSION)

    async def in_flight() -> bool:
        calls = [call for call in await installation.journal(recording) if call["operation"] == "suket"]
        return bool(calls and await installation.database.fetchval(_IN_FLIGHT, recording))

    await eventually(in_flight)
    await installation.database.execute(_LEASE_ENDS, recording)
    return recording


_STORIES: dict[str, Callable[[Installation], Awaitable[UUID]]] = {
    "data": _mismatches,
    "biometric": _cannot_be_read,
    "server": _meets_a_busy_centre,
    "network": _meets_a_dead_line,
    "local": _lost_its_packet,
    "unknown": _lost_its_worker,
}


@pytest.mark.parametrize("cause", _STORIES)
async def test_every_attempt_is_one_trace_in_error_exactly_when_it_failed(
    installation: Installation, cause: str
) -> None:
    recording = await _STORIES[cause](installation)
    await eventually(lambda: _failed_by(installation, recording, cause), within=20)

    rows = await installation.attempts(recording)

    earlier: dict[str, str] = {}
    for row in rows:
        root = await _only_root(installation, row)
        links = [link["trace_id"] for link in root["links"]]
        assert (root["status"] == "error") is (row["cause"] is not None), row
        assert root["name"] == f"attempt {row['stage']}"
        assert root["attributes"].get("rekam.cause") == row["cause"]
        assert links, "an attempt that nothing caused"
        assert earlier.get(row["stage"], links[-1]) == links[-1], "it does not point at the attempt before it"
        earlier[row["stage"]] = row["trace_id"]


async def test_a_cards_first_attempt_is_linked_to_the_ask_that_put_it_in_line(installation: Installation) -> None:
    office = "33.21.01"
    recording = await installation.records(FIRST, office=office)
    await installation.shows(recording, "waiting_for_blank")
    (await installation.blanks("33.21", 1)).raise_for_status()
    await installation.shows(recording, "card_ready")

    rows = await installation.attempts(recording)

    (printing,) = [row for row in rows if row["stage"] == "card_printing"]
    found_unique = [row for row in rows if row["stage"] == "deduplication"][-1]
    root = await _only_root(installation, printing)
    assert [link["trace_id"] for link in root["links"]] == [found_unique["trace_id"]]
    made_by = {event.traceparent.split("-")[1] for event in await _said_of_the_line(installation, recording)}
    assert made_by == {found_unique["trace_id"]}


async def _said_of_the_line(installation: Installation, recording: UUID) -> list[Event[Data]]:
    """Wait for both words about the line for cards: that the card waits for a blank, and that it does no more."""

    async def both() -> list[Event[Data]]:
        heard = [event for event in await installation.said(recording) if isinstance(event.data, CardPrintReady)]
        return heard if len(heard) == 2 else []

    return list(await eventually(both))


async def _failed_by(installation: Installation, recording: UUID, cause: str) -> bool:
    return any(row["cause"] == cause for row in await installation.attempts(recording))


async def _only_root(installation: Installation, row: dict[str, Any]) -> dict[str, Any]:
    async def opened() -> dict[str, Any]:
        answer = await installation.traces.get(row["trace_url"], headers={"accept": "application/json"})
        roots = [span for span in answer.raise_for_status().json()["spans"] if span["parent_span_id"] is None]
        (root,) = roots
        return dict(root)

    return dict(await eventually(opened))
