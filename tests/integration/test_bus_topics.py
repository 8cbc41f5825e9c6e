"""Topics are made as the catalog says, or the start is refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.events.catalog import TOPICS
from shared.kafka.topics import WrongPartitions, ensure_topics
from tests.support.bus import PARTITIONS, Bus, open_bus
from tests.support.eventually import eventually
from tools.local import Stack


@pytest.fixture
async def bus(bus_stack: Stack) -> AsyncIterator[Bus]:
    async def are_made() -> bool:
        await ensure_topics(bus_stack.endpoints.kafka, partitions=PARTITIONS)
        return True

    await eventually(are_made)
    async with open_bus(bus_stack) as bus:
        yield bus


async def test_topics_have_the_partitions_and_settings_asked_for(bus: Bus) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bus.bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics(list(TOPICS))
        [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in TOPICS])
    finally:
        await admin.close()

    settings = {name: {row[0]: row[1] for row in rows} for *_, name, rows in answer.resources}
    assert {topic["topic"]: len(topic["partitions"]) for topic in described} == dict.fromkeys(TOPICS, PARTITIONS)
    assert all(settings[name].items() >= wanted.items() for name, wanted in TOPICS.items())


async def test_another_number_of_partitions_stops_the_start_and_says_so(bus: Bus) -> None:
    with pytest.raises(WrongPartitions, match=r"has 6 partitions, REKAM_PARTITIONS says 7"):
        await asyncio.wait_for(bus.new_consumer(partitions=7).run(asyncio.Event()), 20)
