"""Kafka is away for 20 seconds in the middle of the day."""

import asyncio

import pytest

from tests.support.office import Office
from tests.support.world import World

_AWAY_SECONDS = 20
_BACK_SECONDS = 30


@pytest.mark.timeout(150)
async def test_people_are_taken_in_while_kafka_is_away_and_all_arrive_after(world: World, office: Office) -> None:
    await office.records(office.people(15))
    await world.kills("kafka")
    async with asyncio.TaskGroup() as outage:
        outage.create_task(asyncio.sleep(_AWAY_SECONDS))
        taken_in = outage.create_task(office.records(office.people(30)))

    assert len(taken_in.result()) == 30, "without Kafka people are taken in as ever: the outbox keeps the events"
    await world.starts("kafka")
    await world.finishes(office, within=_BACK_SECONDS)
    assert await world.works()
    await world.keeps_its_promises(office)
