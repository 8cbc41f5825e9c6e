"""200 people are recorded while each service in turn is killed and started again."""

import asyncio

import pytest

from tests.support.eventually import eventually
from tests.support.office import Office
from tests.support.world import World
from tools.local import SERVICES

_PEOPLE = 200


@pytest.mark.timeout(180)
async def test_nobody_is_lost_or_doubled_when_each_service_is_killed_in_turn(world: World, office: Office) -> None:
    async with asyncio.TaskGroup() as day:
        day.create_task(office.works_through(office.people(_PEOPLE), counters=6, pace_seconds=0.04))
        day.create_task(_each_service_dies(world, office))

    assert len(office.memory.arrivals) == _PEOPLE
    assert office.memory.served == office.memory.arrivals.keys()
    await world.finishes(office, within=60)
    await world.keeps_its_promises(office)


async def _each_service_dies(world: World, office: Office) -> None:
    for turn, service in enumerate(SERVICES):
        came = 15 + turn * _PEOPLE // len(SERVICES)
        await eventually(lambda came=came: len(office.memory.arrivals) >= came, within=60)
        await world.kills(service)
        await world.starts(service)
