"""The line dies, the centre breaks, a worker is killed: nothing is lost, nothing is sent twice unasked."""

import asyncio
from itertools import pairwise
from typing import Any
from uuid import UUID

from shared.events.vocabulary import Operation, Purpose
from tests.support.eventually import eventually
from tests.support.recordings import Installation

EXTENSION, FIRST = Purpose.SUKET_EXTENSION, Purpose.FIRST_RECORDING
SUBMISSION_SECONDS = 4  # as the fixture's installation has it; the small packet adds next to nothing
LEASED_SECONDS = """
    SELECT extract(epoch FROM leased_until - started_at)::float8
    FROM stage
    WHERE recording_id = $1 AND state = 'in_flight'"""
CUTS = "UPDATE stage SET leased_until = clock_timestamp() WHERE recording_id = $1"


async def test_a_lost_answer_is_asked_about_before_anything_is_sent_again(installation: Installation) -> None:
    await installation.goes_wrong("submission", "effect_then_lost", times=1)

    recording = await installation.records(FIRST)

    await installation.shows(recording, "waiting_for_blank")
    operations = [call["operation"] for call in await installation.journal(recording)]
    assert operations.count("submission") == 1
    assert operations[operations.index("submission") + 1] == "ask"
    assert (await installation.record(recording))["registrations"] == {"1": 1}
    lost = (await _failed(installation, recording))[0]
    assert (lost["cause"], lost["effect"], lost["next"]["action"]) == ("server", "possible", "ask_centre")


async def test_a_silent_centre_is_asked_and_only_then_sent_to_again(installation: Installation) -> None:
    await installation.goes_wrong("submission", "hang", times=1)
    await installation.goes_wrong("ask", "status", status=503, retry_after=1, times=1)

    recording = await installation.records(FIRST)

    await installation.shows(recording, "checking_with_centre")
    await installation.shows(recording, "waiting_for_blank")
    operations = [call["operation"] for call in await installation.journal(recording)]
    assert operations[:5] == ["identity_check", "submission", "ask", "ask", "submission"]
    silent = (await _failed(installation, recording))[0]
    assert silent["cause"] in {"server", "unknown"}
    assert (silent["effect"], silent["phase_failed"]) == ("possible", "wait")
    assert silent["evidence"]["tcp"]


async def test_a_busy_centre_is_tried_again_when_it_said(installation: Installation) -> None:
    await installation.goes_wrong("suket", "status", status=503, retry_after=1, times=2)

    recording = await installation.arrives(EXTENSION)

    await installation.becomes(recording, "completed")
    rows = await _rows(installation, recording, "suket")
    waits = [(b["started_at"] - a["started_at"]).total_seconds() for a, b in pairwise(rows)]
    assert [row["outcome"] for row in rows] == ["failed", "failed", "done"]
    assert all(wait >= 1 for wait in waits)
    assert (await installation.stage(recording, "suket_issue"))["strikes"] == 2
    assert [row["number"] for row in rows] == [1, 2, 3]


async def test_a_dead_line_holds_the_gate_and_costs_nothing(installation: Installation) -> None:
    (await installation.line.put("/faults", json={"kind": "down"})).raise_for_status()
    first = await installation.arrive(2, EXTENSION)
    await eventually(lambda: _holds(installation), within=20)
    await eventually(lambda: _rests(installation))

    later = await installation.arrive(10, EXTENSION)
    await installation.shows(later[-1], "waiting_for_line")
    calls = await _attempts_so_far(installation)
    await eventually(lambda: _probed_since(installation), within=15)

    assert await _attempts_so_far(installation) == calls
    shown = await installation.stage(later[-1], "identity_check")
    assert (shown["state"], shown["waiting_for"], shown["attempts"]) == ("waiting", "link", 0)
    (await installation.line.delete("/faults")).raise_for_status()
    for recording in (*first, *later):
        await installation.becomes(recording, "completed", within=30)
    await _nothing_was_spent(installation, [*first, *later])
    assert await installation.gate(Operation.IDENTITY_CHECK) == "flowing"


async def test_a_worker_killed_in_mid_call_leaves_a_row_and_the_work_is_done_once(installation: Installation) -> None:
    await installation.goes_wrong("submission", "hang", times=1)
    recording = await installation.records(FIRST)
    await eventually(lambda: _the_centre_holds_its_submission(installation, recording))
    assert await installation.database.fetchval(LEASED_SECONDS, recording) < SUBMISSION_SECONDS + 12
    await asyncio.to_thread(installation.stack.kill, "recording")
    await installation.database.execute(CUTS, recording)

    await asyncio.to_thread(installation.stack.start_service, "recording")

    await installation.shows(recording, "waiting_for_blank")
    (died,) = await _failed(installation, recording)
    assert (died["cause"], died["effect"], died["outcome"]) == ("unknown", "possible", "unknown")
    assert died["signature"] == "submission/unknown/lease_expired"
    calls = await installation.journal(recording)
    assert [call["operation"] for call in calls][:4] == ["identity_check", "submission", "ask", "submission"]
    assert {call["attempt"] for call in calls} == {row["id"] for row in await installation.attempts(recording)}
    assert (await installation.record(recording))["registrations"] == {"1": 1}


async def test_a_lost_packet_is_our_fault_and_nobody_is_called_in_for_it(installation: Installation) -> None:
    recording = await installation.arrives(FIRST)
    await installation.loses_the_packet_of(recording)

    shown = await installation.becomes(recording, "parked")

    assert (shown["situation"], shown["whose_turn"]) == ("our_fault", "us")
    last = (await installation.attempts(recording))[-1]
    assert (last["cause"], last["effect"], last["owner"]) == ("local", "none", "us")
    assert (await installation.stage(recording, "submission"))["waiting_for"] == "operator"


async def _failed(installation: Installation, recording: UUID) -> list[dict[str, Any]]:
    return [row for row in await installation.attempts(recording) if row["outcome"] != "done"]


async def _rows(installation: Installation, recording: UUID, operation: str) -> list[Any]:
    return await installation.database.fetch(
        "SELECT * FROM attempt WHERE recording_id = $1 AND operation = $2 ORDER BY number", recording, operation
    )


async def _holds(installation: Installation) -> bool:
    return await installation.gate(Operation.IDENTITY_CHECK) == "holding"


async def _rests(installation: Installation) -> bool:
    return not await installation.database.fetchval("SELECT count(*) FROM stage WHERE state = 'in_flight'")


async def _attempts_so_far(installation: Installation) -> int:
    return int(await installation.database.fetchval("SELECT count(*) FROM attempt"))


async def _probed_since(installation: Installation) -> bool:
    metrics = (await installation.api.get("/metrics")).text
    lines = [line for line in metrics.splitlines() if line.startswith('rekam_probes_total{result="silent"}')]
    return bool(lines) and float(lines[0].split()[1]) >= 1


async def _nothing_was_spent(installation: Installation, recordings: list[UUID]) -> None:
    strikes = await installation.database.fetchval(
        "SELECT sum(strikes) FROM stage WHERE recording_id = ANY($1)", recordings
    )
    assert strikes == 0
    failed = await installation.database.fetch(
        "SELECT * FROM attempt WHERE recording_id = ANY($1) AND outcome <> 'done'", recordings
    )
    assert {row["cause"] for row in failed} == {"network"}
    calls = await installation.journal(*recordings)
    assert len(calls) == 2 * len(recordings)


async def _the_centre_holds_its_submission(installation: Installation, recording: UUID) -> bool:
    return any(call["operation"] == "submission" for call in await installation.journal(recording))
