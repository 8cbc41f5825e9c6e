"""PostgreSQL is ended without a farewell in the middle of the day, and started again."""

import asyncio

import pytest

from tests.support.eventually import eventually
from tests.support.office import Office
from tests.support.world import World


@pytest.mark.timeout(150)
async def test_what_was_answered_is_there_after_postgresql_crashed(world: World, office: Office) -> None:
    async with asyncio.TaskGroup() as day:
        day.create_task(office.works_through(office.people(60), pace_seconds=0.05))
        day.create_task(_postgresql_crashes(world, office))

    assert office.memory.served == office.memory.arrivals.keys()
    await eventually(world.works, within=30)
    await world.finishes(office, within=45)
    await world.keeps_its_promises(office)


async def _postgresql_crashes(world: World, office: Office) -> None:
    await eventually(lambda: len(office.memory.arrivals) >= 20, within=30)
    await world.kills("postgres")
    await world.starts("postgres")
