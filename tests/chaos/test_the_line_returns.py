"""The line was dead while people waited: it returns, and everybody is served fairly, soon, and without a flood."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.events.vocabulary import Purpose
from tests.support.eventually import eventually
from tests.support.recordings import PARTS, SETTINGS, Installation, running_installation

_DRAIN = {
    **SETTINGS,
    "recording": {
        **SETTINGS["recording"],
        "REKAM_GATE_LIMIT": "32",
        "REKAM_PROBE_SECONDS": "1",
        "REKAM_ASK_AFTER_SECONDS": "[1,2]",
        "REKAM_RETRY_BASE_SECONDS": "1",
    },
}
_OFFICES = [f"32.{regency}.{kecamatan:02}" for regency in (16, 17) for kecamatan in range(1, 21)]
_NEWCOMERS_OFFICE = "32.75.01"
_QUEUE = 20
_PACE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Outage:
    """How large the story is, and what its centre can do."""

    people: int
    dead_seconds: float
    capacity: int
    newcomers: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What the centre's journal says of the story."""

    calls_while_dead: int
    probes_while_dead: int
    first_success_seconds: float
    calls_per_second: float
    above_capacity_share: float
    most_turns_of_another: int
    idle_p95: float
    newcomers_p95: float

    def __str__(self) -> str:
        """Write it for people."""
        return (
            f"while dead: {self.calls_while_dead} calls, {self.probes_while_dead} probes seen by the centre\n"
            f"first success {self.first_success_seconds:.2f} s after the return; {self.calls_per_second:.1f} calls/s\n"
            f"above capacity: {self.above_capacity_share:.2%}; turns of another office: {self.most_turns_of_another}\n"
            f"arrival to its call, p95: idle {self.idle_p95 * 1000:.0f} ms, while it drains "
            f"{self.newcomers_p95 * 1000:.0f} ms"
        )


@pytest.fixture
async def installation_to_drain() -> AsyncIterator[Installation]:
    """An installation of its own: what others left waiting would be counted."""
    async with running_installation(_DRAIN, (*PARTS, "probe")) as installation:
        yield installation


@pytest.mark.smoke
@pytest.mark.timeout(120)
async def test_a_short_outage_is_followed_by_a_fair_drain(installation_to_drain: Installation) -> None:
    seen = await _story(installation_to_drain, Outage(people=200, dead_seconds=8, capacity=100, newcomers=0))
    print(f"\n{seen}")  # noqa: T201  figures are for people

    assert seen.calls_while_dead == 0
    assert seen.first_success_seconds <= 3, seen
    assert seen.most_turns_of_another <= 2, seen
    assert seen.above_capacity_share <= 0.05, seen


@pytest.mark.timeout(400)
async def test_a_thousand_people_of_forty_offices_are_served_after_a_dead_minute(
    installation_to_drain: Installation,
) -> None:
    seen = await _story(installation_to_drain, Outage(people=1000, dead_seconds=60, capacity=100, newcomers=80))
    print(f"\n{seen}")  # noqa: T201  figures are for people

    assert seen.calls_while_dead == 0
    assert seen.first_success_seconds <= 3, seen
    assert seen.calls_per_second >= 0.8 * 100, seen
    assert seen.above_capacity_share <= 0.02, seen
    assert seen.most_turns_of_another <= 2, seen
    assert seen.newcomers_p95 <= 2 * seen.idle_p95, seen


async def _story(installation: Installation, outage: Outage) -> Seen:
    capacity = {"per_second": outage.capacity, "queue": _QUEUE}
    (await installation.centre.put("/capacity", json=capacity)).raise_for_status()
    idle = await _newcomers(installation, outage.newcomers)
    (await installation.line.put("/faults", json={"kind": "down"})).raise_for_status()
    died = datetime.now(UTC)
    people = await _come(installation, outage.people)
    await asyncio.sleep(outage.dead_seconds)  # the fault itself: this long the line is dead
    (await installation.line.delete("/faults")).raise_for_status()
    returned = datetime.now(UTC)
    await eventually(lambda: _one_served(installation, people), within=20)
    during = await _newcomers(installation, outage.newcomers)
    await eventually(lambda: _all_served(installation, people), within=180)

    calls = (await installation.centre.get("/journal", params={"limit": 100_000})).raise_for_status().json()["items"]
    await _nothing_was_spent(installation, people)
    waits = [await _p95(installation, came) for came in (idle, during)]
    return _seen(calls, people, died, returned, (waits[0], waits[1]))


async def _come(installation: Installation, count: int) -> dict[UUID, str]:
    """Let people come who were registered two days ago: that is the backlog, today's queue is another lane."""
    office_of: dict[UUID, str] = {}
    before = datetime.now(UTC) - timedelta(days=2)
    for office in _OFFICES:
        share = count // len(_OFFICES)
        for one in await installation.arrive(share, Purpose.SUKET_EXTENSION, office=office, arrived_at=before):
            office_of[one] = office
    return office_of


async def _newcomers(installation: Installation, count: int) -> dict[UUID, float]:
    """Let people of today come one by one; gives when each did."""
    came: dict[UUID, float] = {}
    for _ in range(count):
        at = time.time()
        came[await installation.arrives(Purpose.SUKET_EXTENSION, office=_NEWCOMERS_OFFICE)] = at
        await asyncio.sleep(_PACE_SECONDS)
    return came


async def _one_served(installation: Installation, people: dict[UUID, str]) -> bool:
    done = "SELECT EXISTS (SELECT FROM attempt WHERE recording_id = ANY($1) AND outcome = 'done')"
    return bool(await installation.database.fetchval(done, list(people)))


async def _all_served(installation: Installation, people: dict[UUID, str]) -> bool:
    left = "SELECT count(*) FROM recording WHERE id = ANY($1) AND state <> 'completed'"
    known = "SELECT count(*) FROM recording WHERE id = ANY($1)"
    database = installation.database
    is_known = await database.fetchval(known, list(people)) == len(people)
    return bool(is_known and await database.fetchval(left, list(people)) == 0)


async def _nothing_was_spent(installation: Installation, people: dict[UUID, str]) -> None:
    """No strike by the outage: what the centre refused for its capacity alone is counted against it."""
    spent = """
        SELECT count(*) FROM attempt
        WHERE recording_id = ANY($1) AND cause = 'network' AND next->>'action' <> 'wait_for_link'"""
    assert await installation.database.fetchval(spent, list(people)) == 0
    refused = "SELECT count(*) FROM attempt WHERE recording_id = ANY($1) AND cause = 'server'"
    strikes = "SELECT coalesce(sum(strikes), 0) FROM stage WHERE recording_id = ANY($1)"
    by_server = await installation.database.fetchval(refused, list(people))
    assert await installation.database.fetchval(strikes, list(people)) <= by_server


def _seen(
    calls: Sequence[dict[str, Any]],
    people: dict[UUID, str],
    died: datetime,
    returned: datetime,
    waits: tuple[float, float],
) -> Seen:
    office_of = {str(one): office for one, office in people.items()}
    at = [datetime.fromisoformat(call["at"]) for call in calls]
    dead = [call for call, when in zip(calls, at, strict=True) if died <= when < returned]
    after = [(call, when) for call, when in zip(calls, at, strict=True) if when >= returned]
    work = [(call, when) for call, when in after if call["operation"] != "probe"]
    good = [(call, when) for call, when in work if call["answer"] != 503]
    ours = [(call, when) for call, when in good if call["recording_id"] in office_of]
    first, last = ours[0][1], ours[-1][1]
    # What the centre refused for its capacity was a turn all the same.
    turns = [call for call, _ in work if call["operation"] == "identity_check" and call["recording_id"] in office_of]
    checks = [office_of[call["recording_id"]] for call in turns]
    served = sum(1 for _, when in good if first <= when <= last)
    return Seen(
        calls_while_dead=sum(1 for call in dead if call["operation"] != "probe"),
        probes_while_dead=sum(1 for call in dead if call["operation"] == "probe"),
        first_success_seconds=(first - returned).total_seconds(),
        calls_per_second=served / max((last - first).total_seconds(), 0.001),
        above_capacity_share=1 - len(good) / len(work),
        most_turns_of_another=_most_turns_of_another(checks),
        idle_p95=waits[0],
        newcomers_p95=waits[1],
    )


def _most_turns_of_another(checks: Sequence[str]) -> int:
    """While an office still has people waiting, how often another one is served between two of its turns (I14)."""
    most = 0
    for office in set(checks):
        since: Counter[str] = Counter()
        left = checks.count(office)
        for served in checks:
            if served == office:
                left, since = left - 1, Counter()
            elif left:
                since[served] += 1
                most = max(most, since[served])
    return most


async def _p95(installation: Installation, came: dict[UUID, float]) -> float:
    """Give the time from a person's arrival to the first call for them, as the ledger has it."""
    called = """
        SELECT recording_id, min(started_at) AS at FROM attempt
        WHERE recording_id = ANY($1) AND operation = 'identity_check' GROUP BY recording_id"""
    rows = await installation.database.fetch(called, list(came))
    waits = sorted(row["at"].timestamp() - came[row["recording_id"]] for row in rows)
    return waits[math.ceil(len(waits) * 0.95) - 1] if waits else math.nan
