"""Retries of many at once, for tests: parked people, groups and what became of their items.

Parked stages are made by SQL from real rows that wait because the centre answers 500: a gate that holds would let them
park only one by one, over days.
"""

from itertools import pairwise
from typing import Any
from uuid import UUID

from shared.events.vocabulary import Operation, Purpose
from tests.support.eventually import eventually
from tests.support.recordings import OFFICE, Installation

EXTENSION = Purpose.SUKET_EXTENSION
PARK = """
    UPDATE stage
    SET state = 'parked', signature = 'identity_check/server/http_500', who_must_act = 'centre', strikes = 0,
        first_failed_at = clock_timestamp() - interval '73 hours',
        last_failure = '{"cause": "server", "effect": "none", "next": "park"}'
    WHERE recording_id = ANY($1::uuid[]) AND stage = 'identity_check' AND state = 'waiting'"""
PARK_RECORDINGS = "UPDATE recording SET state = 'parked' WHERE id = ANY($1::uuid[])"
REST = "SELECT count(*) FROM stage WHERE recording_id = ANY($1::uuid[]) AND state <> 'parked'"


async def parked(office: Installation, number: int, *, at: str = OFFICE) -> list[UUID]:
    """Let people wait behind a centre that answers 500, and age them until they are parked."""
    await office.goes_wrong("identity_check", "status", status=500)
    people = await office.arrive(number, EXTENSION, office=at)
    await eventually(lambda: _all_there(office, people), within=30)

    async def all_parked() -> bool:
        await office.database.execute(PARK, people)
        return not await office.database.fetchval(REST, people)

    await eventually(all_parked, within=30)
    await office.database.execute(PARK_RECORDINGS, people)
    return people


async def asked(office: Installation, body: dict[str, Any], *, status: int = 202) -> dict[str, Any]:
    """Ask for a plan or a run."""
    answer = await office.ask("POST", "/group-retries", body=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def becomes(office: Installation, group: str, state: str, *, within: float = 30) -> dict[str, Any]:
    """Wait for a group's state and give what is shown then."""
    last: dict[str, Any] = {}

    async def check() -> bool:
        last.update((await office.ask("GET", f"/group-retries/{group}")).raise_for_status().json())
        assert last["state"] == state, last
        return True

    await eventually(check, within=within)
    return last


async def items_of(office: Installation, group: str, state: str) -> list[dict[str, Any]]:
    """Read them page by page."""
    items: list[dict[str, Any]] = []
    after = ""
    while True:
        page = (await office.ask("GET", f"/group-retries/{group}/items?state={state}&limit=7{after}")).json()
        items += page["items"]
        if page["next"] is None:
            return items
        after = f"&after={page['next']}"


async def has_done(office: Installation, group: str, number: int) -> bool:
    """Tell whether so many items are done."""
    counts = (await office.ask("GET", f"/group-retries/{group}")).json()["counts"]
    assert counts["done"] >= number, counts
    return True


async def waves_of(office: Installation, group: str) -> list[int]:
    """Give the sizes of a group's waves."""
    rows = await office.database.fetch(
        "SELECT count(*) FROM group_retry_item WHERE group_id = $1::uuid AND wave > 0 GROUP BY wave ORDER BY wave",
        group,
    )
    return [row["count"] for row in rows]


async def successes(office: Installation, people: list[UUID]) -> list[int]:
    """Count how often each identity check succeeded."""

    async def counted() -> list[int]:
        rows = await office.database.fetch(
            """
            SELECT count(*) FROM attempt
            WHERE recording_id = ANY($1::uuid[]) AND stage = 'identity_check' AND outcome = 'done'
            GROUP BY recording_id""",
            people,
        )
        return [row["count"] for row in rows] if len(rows) == len(people) else []

    return list(await eventually(counted, within=30))


async def failures_of_the_centre(office: Installation, group: str) -> int:
    """Count the failures that the centre was blamed for in this group."""
    return int(
        await office.database.fetchval(
            """
            SELECT count(*)
            FROM attempt a
            JOIN group_retry_item i ON (i.recording_id, i.stage) = (a.recording_id, a.stage)
            WHERE i.group_id = $1::uuid AND a.trigger = 'group' AND a.cause = 'server'""",
            group,
        )
    )


async def progress_was_told(office: Installation, group: str, waves: int) -> None:
    """Check that the events count on without a hole, from the start to the end."""

    async def told() -> list[Any]:
        events = await office.said(UUID(group))
        return events if events and events[-1].data.state == "completed" else []  # type: ignore[attr-defined]

    events = await eventually(told)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert {event.data.wave for event in events} == set(range(waves + 1))
    assert all(before.data.done <= after.data.done for before, after in pairwise(events))


async def _all_there(office: Installation, people: list[UUID]) -> bool:
    there = "SELECT count(*) FROM stage WHERE recording_id = ANY($1::uuid[])"
    return bool(await office.database.fetchval(there, people) == len(people))


async def has_failed(office: Installation, recording: UUID) -> bool:
    """Tell whether some attempt failed."""
    return any(row["outcome"] == "failed" for row in await office.attempts(recording))


async def is_put_off(office: Installation, recording: UUID) -> bool:
    """Put off what waits of one by an hour; while it is called for there is nothing to put off."""
    later = """
        UPDATE stage SET due_at = clock_timestamp() + interval '1 hour'
        WHERE recording_id = $1 AND state = 'waiting' AND last_failure IS NOT NULL"""
    return await office.database.execute(later, recording) == "UPDATE 1"


async def was_resumed_once(office: Installation, recording: UUID) -> bool:
    """Tell whether the others were told; a killed relay's lease delays that."""
    return [event.type for event in await office.said(recording)].count("recording.resumed.v1") == 1


async def holds(office: Installation) -> bool:
    """Tell whether the gate of the checks holds."""
    return await office.gate(Operation.IDENTITY_CHECK) == "holding"


async def flows(office: Installation) -> bool:
    """Tell whether every gate flows."""
    return not await office.database.fetchval("SELECT count(*) FROM gate WHERE state <> 'flowing'")
