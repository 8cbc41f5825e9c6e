"""The line to the centre is dead for 30 seconds, and 100 people are recorded meanwhile."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.office import CARD_PURPOSES, Office
from tests.support.world import World

_DEAD_SECONDS = 30
_DRAINED_SECONDS = 60


@pytest.mark.timeout(180)
async def test_a_dead_line_costs_nobody_anything(world: World, office: Office) -> None:
    advices: list[dict[str, str]] = []
    await world.line.dies()
    async with asyncio.TaskGroup() as outage:
        reading = outage.create_task(_reads_advice(office, advices))
        outage.create_task(office.records(office.people(100, purposes=CARD_PURPOSES)))
        await asyncio.sleep(_DEAD_SECONDS)
        assert (await office.board())["line_is_down"], "the board has to say that the line is dead"
        reading.cancel()
    await world.line.returns()

    await world.finishes(office, within=_DRAINED_SECONDS)

    assert {advice[purpose] for advice in advices for purpose in CARD_PURPOSES} == {"keep_recording"}
    assert len(office.memory.captures) == 100
    await _no_strike_was_spent(office)
    await _only_probes_went_out_while_holding(world, office)
    await world.keeps_its_promises(office)
    await eventually(lambda: _line_is_good(office), within=20)


async def _reads_advice(office: Office, advices: list[dict[str, str]]) -> None:
    while True:
        advices.append((await office.board())["advice"])
        await asyncio.sleep(0.5)


async def _no_strike_was_spent(office: Office) -> None:
    struck = [one["id"] for one in await office.recordings() if any(stage["strikes"] for stage in one["stages"])]
    assert not struck, f"strikes were spent on a dead line: {struck[:3]}"


async def _only_probes_went_out_while_holding(world: World, office: Office) -> None:
    holds = await _holds(world)
    assert holds, "no gate ever held"
    ledger = {row["id"]: row for row in await office.attempts()}
    early = [row["id"] for row in ledger.values() if _is_within(holds, row["operation"], row["started_at"])]
    assert not early, f"attempts began while their gate held: {early[:3]}"
    for call in await world.centre.journal(office):
        if _is_within(holds, call["operation"], call["at"]):
            # What the line had kept in its pipe may arrive late; it left here before the gate held.
            assert not _is_within(holds, call["operation"], ledger[call["attempt"]]["started_at"])


async def _holds(world: World) -> list[tuple[str, datetime, datetime]]:
    """Give each time a gate held, as its events tell it."""
    headers = {"Authorization": f"Bearer {await world.token('sre', '*')}"}
    url = f"{world.endpoints.status}/v1/events?types=gate.*&limit=500"
    events: list[dict[str, Any]] = (await world.http.get(url, headers=headers)).raise_for_status().json()["events"]
    holds, since = [], dict[str, datetime]()
    for event in sorted(events, key=lambda one: int(one["sequence"])):
        operation, state, at = event["subject"], event["data"]["state"], datetime.fromisoformat(event["time"])
        if state == "holding":
            since[operation] = at
        elif operation in since:
            holds.append((operation, since.pop(operation), at))
    return holds


def _is_within(holds: list[tuple[str, datetime, datetime]], operation: str, at: str) -> bool:
    moment = datetime.fromisoformat(at)
    return any(name == operation and begin < moment < end for name, begin, end in holds)


async def _line_is_good(office: Office) -> bool:
    return not (await office.board())["line_is_down"]
