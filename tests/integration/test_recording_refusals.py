"""What the centre refuses is parked with who must act, and goes on when that person has acted."""

from typing import Any
from uuid import UUID

import pytest

from shared.events.vocabulary import Purpose
from tests.support.eventually import eventually
from tests.support.recordings import Installation

FIRST = Purpose.FIRST_RECORDING


@pytest.mark.parametrize(
    ("serial", "stage", "cause", "code", "situation", "turn"),
    [
        ("0005", "identity_check", "data", "identity_mismatch", "come_for_data", "resident"),
        ("0002", "deduplication", "biometric", "unreadable_prints", "come_for_prints", "resident"),
        ("0003", "deduplication", "data", "duplicate", "regency_review", "regency"),
        ("0006", "deduplication", "data", "adjudication", "regency_review", "regency"),
    ],
)
async def test_a_refusal_tells_what_exactly_and_whose_turn_it_is(  # noqa: PLR0917  one column of the table each
    installation: Installation, serial: str, stage: str, cause: str, code: str, situation: str, turn: str
) -> None:
    recording = await installation.records(FIRST, serial=serial)

    shown = await installation.becomes(recording, "parked")

    assert (shown["situation"], shown["whose_turn"]) == (situation, turn)
    last = (await installation.attempts(recording))[-1]
    assert (last["stage"], last["outcome"], last["cause"], last["effect"]) == (stage, "refused", cause, "known")
    assert last["signature"] == f"{stage}/{cause}/{code}"
    assert last["next"] == {"action": "park", "at": None}
    told = await _told(installation, recording, "recording.parked.v1")
    assert told.who_must_act == turn
    assert (await _told(installation, recording, "recording.failed.v1")).final


async def test_new_prints_begin_the_submission_anew_and_the_journey_ends_well(installation: Installation) -> None:
    office = "33.30.01"
    recording = await installation.records(FIRST, office=office, serial="0002")
    await installation.shows(recording, "come_for_prints")
    (await installation.centre.put("/outcomes", json={str(recording): "ENROLL_FAILURE_AT_CENTRAL"})).raise_for_status()

    await installation.goes_wrong("submission", "status", status=503, retry_after=2, times=1)
    await installation.is_captured(recording, version=2, office=office)
    again = await installation.shows(recording, "waiting_for_centre")

    assert again["state"] == "in_progress"
    (await installation.centre.put("/outcomes", json={str(recording): "PRINT_READY_RECORD"})).raise_for_status()
    await installation.blanks("33.30", 1)
    await installation.shows(recording, "card_ready")
    assert (await installation.record(recording))["registrations"] == {"1": 1, "2": 1}
    resumed = await _told(installation, recording, "recording.resumed.v1")
    assert (resumed.stage, resumed.reason_code) == ("deduplication", "captured_again")
    numbers = [row["number"] for row in await installation.attempts(recording) if row["stage"] == "submission"]
    assert numbers == [1, 2, 3]


async def test_a_newer_packet_that_comes_while_the_older_is_on_its_way_is_sent_too(installation: Installation) -> None:
    await installation.goes_wrong("submission", "slow", delay=1.5, times=1)
    recording = await installation.records(FIRST)
    await eventually(lambda: _is_sent(installation, recording))

    digest = await installation.is_captured(recording, version=2)

    await installation.shows(recording, "waiting_for_blank")
    record = await installation.record(recording)
    assert (record["digest"], record["registrations"]) == (digest, {"1": 1, "2": 1})


async def test_a_newer_packet_after_a_lost_answer_is_sent_only_after_an_ask(installation: Installation) -> None:
    await installation.goes_wrong("submission", "effect_then_lost", times=1)
    await installation.goes_wrong("ask", "status", status=503, retry_after=1, times=1)
    recording = await installation.records(FIRST)
    await installation.shows(recording, "checking_with_centre")

    await installation.is_captured(recording, version=2)

    await installation.shows(recording, "waiting_for_blank")
    calls = [(call["operation"], call["packet_version"]) for call in await installation.journal(recording)]
    second = calls.index(("submission", 2))
    assert ("ask", None) in calls[calls.index(("submission", 1)) : second]


async def test_a_cancelled_journey_calls_the_centre_no_more(installation: Installation) -> None:
    await installation.goes_wrong("submission", "status", status=503)
    recording = await installation.records(FIRST)
    await installation.shows(recording, "waiting_for_centre")

    await installation.goes_wrong("submission", "slow", delay=1.0)
    await eventually(lambda: _is_in_flight(installation, recording))
    answer = await installation.ask(
        "POST", f"/recordings/{recording}/cancel", "officer", "32.16.06", body={"reason_code": "entered_twice"}
    )
    await installation.goes_wrong("submission", "status", status=503)

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    await eventually(lambda: _is_at_rest(installation, recording))
    shown = await installation.shown(recording)
    assert (shown["state"], shown["situation"], shown["next_news_at"]) == ("cancelled", "cancelled", None)


async def _told(installation: Installation, recording: UUID, kind: str) -> Any:
    async def heard() -> Any:
        return next((one.data for one in await installation.said(recording) if one.type == kind), None)

    return await eventually(heard, within=30)  # a killed relay's buckets are leased for a while


async def _is_sent(installation: Installation, recording: UUID) -> bool:
    return any(call["operation"] == "submission" for call in await installation.journal(recording))


async def _states(installation: Installation, recording: UUID) -> set[str]:
    rows = await installation.database.fetch("SELECT state FROM stage WHERE recording_id = $1", recording)
    return {row["state"] for row in rows}


async def _is_in_flight(installation: Installation, recording: UUID) -> bool:
    return "in_flight" in await _states(installation, recording)


async def _is_at_rest(installation: Installation, recording: UUID) -> bool:
    return await _states(installation, recording) == {"done"}
