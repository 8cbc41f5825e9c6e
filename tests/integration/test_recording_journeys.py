"""Journeys of the three purposes from arrival to the end, call by call at the centre."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from shared.clock import now
from shared.events.vocabulary import Purpose
from tests.support.eventually import eventually
from tests.support.recordings import Installation

EXTENSION, FIRST, AGAIN = Purpose.SUKET_EXTENSION, Purpose.FIRST_RECORDING, Purpose.RE_RECORDING


async def test_an_extension_takes_two_calls_and_ends_with_a_suket(installation: Installation) -> None:
    recording = await installation.arrives(EXTENSION)

    shown = await installation.becomes(recording, "completed")

    assert (shown["situation"], shown["whose_turn"]) == ("suket_ready", "resident")
    assert shown["suket_until"]
    assert [stage["state"] for stage in shown["stages"]] == ["done", "done"]
    calls = await installation.journal(recording)
    assert [call["operation"] for call in calls] == ["identity_check", "suket"]
    assert [call["key"] for call in calls] == [f"{recording}:identity_check:1", f"{recording}:suket_issue:0"]


async def test_the_ledger_and_the_centres_journal_tell_of_the_same_calls(installation: Installation) -> None:
    recordings = await installation.arrive(20, EXTENSION)
    for recording in recordings:
        await installation.becomes(recording, "completed")

    calls = await installation.journal(*recordings)

    rows = await installation.database.fetch("SELECT * FROM attempt WHERE recording_id = ANY($1)", recordings)
    assert sorted(call["attempt"] for call in calls) == sorted(str(row["id"]) for row in rows)
    assert all((row["trigger"], row["outcome"], row["effect"]) for row in rows)
    assert {row["cause"] for row in rows} == {None}


async def test_events_are_counted_without_a_hole(installation: Installation) -> None:
    recording = await installation.arrives(EXTENSION)
    await installation.becomes(recording, "completed")

    said = await eventually(lambda: _said_to_the_end(installation, recording), within=30)

    assert [event.sequence for event in said] == list(range(1, len(said) + 1))
    assert [event.type for event in said] == [
        "recording.attempted.v1",
        "recording.attempted.v1",
        "suket.extended.v1",
        "recording.completed.v1",
    ]


async def test_a_first_recording_waits_for_its_capture_then_for_the_centre_then_for_a_blank(
    installation: Installation,
) -> None:
    office = "33.20.01"
    recording = await installation.arrives(FIRST, office=office)

    waiting = await eventually(lambda: _waits_for(installation, recording, "submission", "capture"))
    assert waiting["situation"] == "arrived"
    digest = await installation.is_captured(recording, office=office)
    waiting = await installation.shows(recording, "waiting_for_blank")
    assert await _waits_for(installation, recording, "card_printing", "blank")
    assert waiting["dukcapil_status"] == "PRINT_READY_RECORD"
    assert (await installation.blanks("33.20", 1)).status_code == 201
    await installation.shows(recording, "card_ready")

    handed = await installation.ask("POST", f"/recordings/{recording}/hand-over", "officer", office)

    assert (handed.status_code, handed.json()["state"]) == (200, "completed")
    assert (await installation.shown(recording))["situation"] == "completed"
    operations = [call["operation"] for call in await installation.journal(recording)]
    assert [one for one in operations if one != "ask"] == ["identity_check", "submission", "card_print"]
    assert operations.count("ask") >= 2
    record = await installation.record(recording)
    assert (record["digest"], record["registrations"]) == (digest, {"1": 1})


async def test_while_the_centre_works_it_is_asked_by_schedule_and_only_news_is_told(installation: Installation) -> None:
    recording = await installation.records(FIRST, serial="0004")

    asks = await eventually(lambda: _asks(installation, recording, 3))

    assert (await installation.shown(recording))["situation"] == "at_centre"
    rows = await installation.database.fetch(
        "SELECT started_at FROM attempt WHERE recording_id = $1 AND operation = 'ask' ORDER BY 1", recording
    )
    waits = [b["started_at"] - a["started_at"] for a, b in pairwise(rows)]
    assert len(asks) >= 3
    assert all(wait > timedelta(seconds=0.4) for wait in waits)
    told = await eventually(lambda: _told(installation, recording, 2), within=30)
    assert told == ["recording.attempted.v1"] * 2
    cancelled = await installation.ask(
        "POST", f"/recordings/{recording}/cancel", "officer", "32.16.06", body={"reason_code": "withdrawn"}
    )
    assert cancelled.status_code == 200


async def test_a_delivery_of_blanks_prints_in_the_published_order(installation: Installation) -> None:
    office = "33.21.01"
    line = []
    for purpose in (AGAIN, FIRST, AGAIN, FIRST):
        line.append(await installation.records(purpose, office=office))
        await installation.shows(line[-1], "waiting_for_blank")

    # Two blanks go to the two first-timers, though others have waited longer; then it is first in, first out.
    assert (await installation.blanks("33.21", 2)).status_code == 201
    await eventually(lambda: _printed(installation, line, 2))
    assert await _prints(installation, line) == {str(line[1]), str(line[3])}

    assert (await installation.blanks("33.21", 1)).status_code == 201
    await eventually(lambda: _printed(installation, line, 3))
    assert await _prints(installation, line) == {str(line[1]), str(line[3]), str(line[0])}
    assert (await installation.shown(line[2]))["situation"] == "waiting_for_blank"


async def test_who_is_not_yet_17_waits_for_the_birthday_and_then_for_a_blank(installation: Installation) -> None:
    office = "33.22.01"
    tomorrow = now().date() + timedelta(days=2)
    await installation.blanks("33.22", 1)
    recording = await installation.records(FIRST, office=office, card_not_before=tomorrow)
    await installation.shows(recording, "waiting_for_age")
    assert await _waits_for(installation, recording, "card_printing", "birthday")

    await installation.database.execute(
        "UPDATE recording SET card_not_before = current_date - 1 WHERE id = $1", recording
    )

    await installation.shows(recording, "card_ready")


async def test_a_capture_that_comes_while_the_identity_is_being_checked_is_not_forgotten(
    installation: Installation,
) -> None:
    await installation.goes_wrong("identity_check", "hang", times=1)
    recording = await installation.arrives(FIRST)
    await eventually(lambda: _is_in_flight(installation, recording))

    async with installation.database.transaction():
        await installation.database.fetch("SELECT FROM recording WHERE id = $1 FOR UPDATE", recording)
        await installation.is_captured(recording)
        await eventually(lambda: _somebody_waits_for_a_lock(installation))
        await installation.database.execute(
            "UPDATE stage SET state = 'done', attempt_id = NULL WHERE recording_id = $1", recording
        )

    await installation.shows(recording, "waiting_for_blank")


async def _said_to_the_end(installation: Installation, recording: UUID) -> list[object]:
    said = await installation.said(recording)
    return list(said) if said and said[-1].type == "recording.completed.v1" else []


async def _told(installation: Installation, recording: UUID, at_least: int) -> list[str]:
    told = [event.type for event in await installation.said(recording)]
    return told if len(told) >= at_least else []


async def _waits_for(installation: Installation, recording: UUID, stage: str, waits: str) -> dict[str, object]:
    shown = await installation.shown(recording)
    found = next(one for one in shown["stages"] if one["stage"] == stage)
    first = shown["stages"][0]
    assert (first["state"], found["waiting_for"]) == ("done", waits), shown["stages"]
    return shown


async def _asks(installation: Installation, recording: UUID, at_least: int) -> list[object]:
    asks = [call for call in await installation.journal(recording) if call["operation"] == "ask"]
    return list(asks) if len(asks) >= at_least else []


async def _prints(installation: Installation, line: list[UUID]) -> set[str]:
    return {call["recording_id"] for call in await installation.journal(*line) if call["operation"] == "card_print"}


async def _printed(installation: Installation, line: list[UUID], number: int) -> bool:
    situations = await asyncio.gather(*(installation.shown(one) for one in line))
    return [one["situation"] for one in situations].count("card_ready") == number


async def _is_in_flight(installation: Installation, recording: UUID) -> bool:
    return bool(
        await installation.database.fetchval(
            "SELECT count(*) FROM stage WHERE recording_id = $1 AND state = 'in_flight'", recording
        )
    )


async def _somebody_waits_for_a_lock(installation: Installation) -> bool:
    return bool(await installation.database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
