"""The gate at work: a dead or overloaded centre is spared, operators are obeyed, every office gets its turn."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from shared.events.recording import GateChanged
from shared.events.vocabulary import Operation, Purpose
from tests.support.eventually import eventually
from tests.support.recordings import SETTINGS, Installation, running_installation

EXTENSION = Purpose.SUKET_EXTENSION
CHECK = Operation.IDENTITY_CHECK
ROOMY = {
    **SETTINGS,
    "recording": {**SETTINGS["recording"], "REKAM_GATE_LIMIT": "32", "REKAM_PROBE_SECONDS": "1"},
}
LAST_STARTS = "SELECT started_at FROM attempt WHERE operation = $1 ORDER BY started_at"
LONG_AGO = "UPDATE gate SET paused_until = clock_timestamp() WHERE operation = $1 AND paused_until IS NOT NULL"


@pytest.fixture(scope="module")
async def roomy_installation() -> AsyncIterator[Installation]:
    """One whose gates have room to learn in."""
    async with running_installation(ROOMY) as installation:
        yield installation


@pytest.fixture
async def office(roomy_installation: Installation) -> AsyncIterator[Installation]:
    """The same, well again after each test."""
    yield roomy_installation
    await roomy_installation.centre.put("/capacity", json={})
    await roomy_installation.is_well_again()


@pytest.mark.parametrize(("kind", "how"), [("status", {"status": 503}), ("reset", {}), ("hang", {})])
async def test_a_dead_centre_sees_probes_and_soon_nothing_else(
    office: Installation, kind: str, how: dict[str, Any]
) -> None:
    await office.goes_wrong("all", kind, **how)
    people = await office.arrive(40, EXTENSION)
    await eventually(lambda: _is(office, CHECK, "holding"), within=30)
    calls_until_held = len(await office.journal(*people))

    await eventually(lambda: _sees_probes_alone(office, 4), within=20)

    later = len(await office.journal(*people)) - calls_until_held
    assert later <= 2, f"{later} real calls while probes went unanswered"
    await office.is_well_again()
    for one in people:
        await office.becomes(one, "completed", within=40)


async def test_a_fault_of_one_operation_alone_is_met_ever_more_rarely(office: Installation) -> None:
    await office.goes_wrong("identity_check", "status", status=500)
    people = await office.arrive(8, EXTENSION)
    await eventually(lambda: _relapsed(office, CHECK, 2), within=30)

    starts = [row["started_at"] for row in await office.database.fetch(LAST_STARTS, CHECK)][-3:]

    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(starts)]
    assert waits[-1] > waits[0]
    assert waits[-1] >= 2 * 0.7
    await office.is_well_again()
    for one in people:
        await office.becomes(one, "completed", within=40)


async def test_work_goes_on_within_three_seconds_after_the_line_has_returned(office: Installation) -> None:
    (await office.line.put("/faults", json={"kind": "down"})).raise_for_status()
    people = await office.arrive(20, EXTENSION)
    await eventually(lambda: _is(office, CHECK, "holding"), within=20)
    await eventually(lambda: _rests(office), within=20)

    (await office.line.delete("/faults")).raise_for_status()
    returned = await office.database.fetchval("SELECT clock_timestamp()")

    for one in people:
        await office.becomes(one, "completed", within=30)
    rows = await _attempts_of(office, people, CHECK)
    first = min(row["started_at"] for row in rows if row["outcome"] == "done")
    assert (first - returned).total_seconds() <= 3
    assert {row["cause"] for row in rows if row["outcome"] != "done"} <= {"network"}


async def test_the_centre_is_left_alone_for_as_long_as_it_asks(office: Installation) -> None:
    await office.goes_wrong("identity_check", "status", status=429, retry_after=3, times=1)
    first = await office.arrives(EXTENSION)
    await eventually(lambda: _is_asked_to_rest(office, CHECK))
    people = [first, *await office.arrive(5, EXTENSION)]

    for one in people:
        await office.becomes(one, "completed", within=20)

    starts = sorted(row["started_at"] for row in await _attempts_of(office, people, CHECK))
    assert (starts[1] - starts[0]).total_seconds() >= 3


async def test_an_operator_pauses_and_it_ends_by_itself(office: Installation) -> None:
    paused = await _order(office, CHECK, {"paused": True, "minutes": 60, "reason_code": "maintenance"})
    assert (paused["state"], paused["paused_by"] is not None, paused["reason_code"]) == ("paused", True, "maintenance")
    one = await office.arrives(EXTENSION)
    await office.shows(one, "waiting_for_line")
    assert (await _shown(office, CHECK))["state"] == "paused"

    await office.database.execute(LONG_AGO, CHECK)

    await office.becomes(one, "completed")
    shown = await _shown(office, CHECK)
    assert (shown["state"], shown["paused_by"], shown["expires_at"], shown["limit"] >= 1) == (
        "flowing",
        None,
        None,
        True,
    )
    told = await _told(office, CHECK)
    assert [(fact.state, fact.reason_code) for fact in told][-2:] == [("paused", "maintenance"), ("flowing", None)]
    assert told[-2].changed_by == paused["paused_by"]
    assert told[-2].expires_at is not None


async def test_an_operator_pauses_and_lets_it_go_on(office: Installation) -> None:
    await _order(office, CHECK, {"paused": True, "reason_code": "incident"})
    one = await office.arrives(EXTENSION)
    await office.shows(one, "waiting_for_line")

    await _order(office, CHECK, {"paused": False, "reason_code": "cause_gone"})

    await office.becomes(one, "completed")


async def test_a_ceiling_paces_the_calls(office: Installation) -> None:
    limited = await _order(office, CHECK, {"ceiling_per_second": 8, "minutes": 5, "reason_code": "overload"})
    assert limited["ceiling_per_second"] == 8
    people = await office.arrive(26, EXTENSION)

    for one in people:
        await office.becomes(one, "completed", within=20)

    starts = sorted(row["started_at"] for row in await _attempts_of(office, people, CHECK))
    seconds = (starts[-1] - starts[0]).total_seconds()
    assert 2.5 <= seconds <= 6, "26 calls at 8 a second"
    lifted = await _order(office, CHECK, {"ceiling_per_second": None, "reason_code": "cause_gone"})
    assert (lifted["ceiling_per_second"], lifted["expires_at"]) == (None, None)


@pytest.mark.parametrize(
    "order",
    [
        {"reason_code": "test"},
        {"paused": True, "minutes": 1441, "reason_code": "test"},
        {"paused": True, "minutes": 0, "reason_code": "test"},
        {"ceiling_per_second": 0, "reason_code": "test"},
        {"paused": True},
    ],
)
async def test_an_order_without_end_reason_or_content_is_refused(office: Installation, order: dict[str, Any]) -> None:
    answer = await office.ask("PATCH", f"/gates/{CHECK}", body=order)

    assert answer.status_code == 422


async def test_only_who_operates_gates_may_order(office: Installation) -> None:
    order = {"paused": True, "reason_code": "test"}
    answer = await office.ask("PATCH", f"/gates/{CHECK}", "officer", "32.16.06", body=order)

    assert answer.status_code == 403
    assert (await _shown(office, CHECK))["state"] == "flowing"


async def test_an_overloaded_centre_goes_on_at_what_it_can_do(office: Installation) -> None:
    (await office.centre.put("/capacity", json={"per_second": 20, "queue": 20})).raise_for_status()
    people = await office.arrive(400, EXTENSION)
    before = await _seen_so_far(office)
    await eventually(lambda: _has_seen(office, before + 20), within=10)
    began = asyncio.get_running_loop().time()
    start = await _seen_so_far(office)

    await asyncio.wait_for(_passes(began + 15), 20)

    elapsed = asyncio.get_running_loop().time() - began
    calls = (await _whole_journal(office))[start:]
    good = sum(call["answer"] in (200, 201) for call in calls)
    assert good / elapsed >= 18, Counter(call["answer"] for call in calls)
    await office.forgets(people)


async def test_no_office_gets_more_than_twice_the_turns_of_another(office: Installation) -> None:
    await office.goes_wrong("identity_check", "slow", delay=0.02)
    await _order(office, CHECK, {"paused": True, "reason_code": "test"})
    offices = [f"33.6{n}.01" for n in range(5)]
    sizes = (60, 5, 17, 30, 9)
    for code, size in zip(offices, sizes, strict=True):
        await office.arrive(size, EXTENSION, office=code)
    await eventually(lambda: _waits(office, CHECK, sum(sizes)))

    await _order(office, CHECK, {"paused": False, "reason_code": "test"})
    await eventually(lambda: _has_none(office, CHECK), within=60)

    turns = await office.database.fetch(
        "SELECT office, started_at FROM attempt WHERE operation = $1 AND office = ANY($2) ORDER BY started_at, office",
        CHECK,
        offices,
    )
    _share_fairly([row["office"] for row in turns], dict(zip(offices, sizes, strict=True)))


def _share_fairly(turns: Sequence[str], sizes: dict[str, int]) -> None:
    """I14: while an office has work, no other gets more than twice its turns, a claim's own order aside."""
    had: Counter[str] = Counter()
    for turn in turns:
        had[turn] += 1
        for one, size in sizes.items():
            if had[one] < size:
                assert had[turn] <= 2 * had[one] + 2, (turn, one, had)


async def _rests(office: Installation) -> bool:
    return not await office.database.fetchval("SELECT count(*) FROM stage WHERE state = 'in_flight'")


async def _is(office: Installation, operation: Operation, state: str) -> bool:
    return await office.gate(operation) == state


async def _order(office: Installation, operation: Operation, order: dict[str, Any]) -> dict[str, Any]:
    answer = await office.ask("PATCH", f"/gates/{operation}", body=order)
    return dict(answer.raise_for_status().json())


async def _shown(office: Installation, operation: Operation) -> dict[str, Any]:
    items = (await office.ask("GET", "/gates")).raise_for_status().json()["items"]
    return next(dict(one) for one in items if one["operation"] == operation)


async def _told(office: Installation, operation: Operation) -> list[GateChanged]:
    await office.said(UUID(int=0))
    return [event.data for event in office.heard if event.key == operation and isinstance(event.data, GateChanged)]


async def _whole_journal(office: Installation) -> list[dict[str, Any]]:
    return list((await office.centre.get("/journal", params={"limit": 100_000})).raise_for_status().json()["items"])


async def _sees_probes_alone(office: Installation, number: int) -> bool:
    journal = await _whole_journal(office)
    tail = [call["operation"] for call in journal][-number:]
    return tail == ["probe"] * number


async def _relapsed(office: Installation, operation: Operation, times: int) -> bool:
    return bool(
        await office.database.fetchval("SELECT relapses >= $2 FROM gate WHERE operation = $1", operation, times)
    )


async def _is_asked_to_rest(office: Installation, operation: Operation) -> bool:
    asked = "SELECT not_before IS NOT NULL FROM gate WHERE operation = $1"
    return bool(await office.database.fetchval(asked, operation))


async def _attempts_of(office: Installation, people: Sequence[UUID], operation: Operation) -> list[Any]:
    statement = "SELECT * FROM attempt WHERE recording_id = ANY($1) AND operation = $2"
    return list(await office.database.fetch(statement, people, operation))


async def _seen_so_far(office: Installation) -> int:
    return len(await _whole_journal(office))


async def _has_seen(office: Installation, number: int) -> bool:
    return await _seen_so_far(office) >= number


async def _passes(until: float) -> None:
    async def is_over() -> bool:
        return asyncio.get_running_loop().time() >= until

    await eventually(is_over, within=20)


async def _waits(office: Installation, operation: Operation, number: int) -> bool:
    return await _number_waiting(office, operation) >= number


async def _has_none(office: Installation, operation: Operation) -> bool:
    return await _number_waiting(office, operation) == 0


async def _number_waiting(office: Installation, operation: Operation) -> int:
    waiting = "SELECT count(*) FROM stage WHERE operation = $1 AND state <> 'done'"
    return int(await office.database.fetchval(waiting, operation))
