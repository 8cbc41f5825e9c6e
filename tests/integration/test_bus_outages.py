"""The bus outlives its broker and its database: nothing is lost, nothing counts twice, it comes back by itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from uuid import uuid4

import pytest

from shared.kafka.producer import NotPublished, Producer
from shared.postgres import outbox
from tests.support.bus import PARTITIONS, Bus, called, open_bus, running
from tests.support.eventually import eventually
from tools.local import Stack


@pytest.fixture
async def bus(bus_stack: Stack) -> AsyncIterator[Bus]:
    async with open_bus(bus_stack) as bus, running(bus.new_relay().run, bus.new_consumer().run):
        await hears_at_all(bus)
        yield bus


async def test_a_broker_killed_in_mid_stream_costs_nothing(bus: Bus, bus_stack: Stack) -> None:
    keys = [uuid4() for _ in range(10)]

    async with talking(bus, keys) as said:
        await eventually(lambda: is_seen(bus, keys[0], 3))
        await asyncio.to_thread(bus_stack.kill, "kafka")
        await eventually(lambda: is_waiting(bus, 100))
        await asyncio.to_thread(bus_stack.start_service, "kafka")
        back = monotonic()
        await eventually(lambda: is_seen(bus, keys[0], said[0]), within=30)

    assert monotonic() - back < 30
    await holds_exactly(bus, keys, said[0])


async def test_a_broker_that_stands_still_for_seconds_costs_nothing(bus: Bus, bus_stack: Stack) -> None:
    keys = [uuid4() for _ in range(10)]

    async with talking(bus, keys) as said:
        await eventually(lambda: is_seen(bus, keys[0], 3))
        bus_stack.pause("kafka")
        try:
            await eventually(lambda: is_waiting(bus, 500))
        finally:
            bus_stack.resume("kafka")

    await holds_exactly(bus, keys, said[0])


async def test_a_database_restarted_in_mid_work_costs_nothing(bus: Bus, bus_stack: Stack) -> None:
    keys = [uuid4() for _ in range(10)]
    await bus.say(*[called(key, number) for number in range(1, 200) for key in keys])

    await asyncio.to_thread(bus_stack.kill, "postgres")
    await asyncio.to_thread(bus_stack.start_service, "postgres")

    await holds_exactly(bus, keys, 199)
    assert await bus.rows("SELECT id FROM quarantine") == []


async def test_it_starts_while_broker_and_database_are_down(bus: Bus, bus_stack: Stack) -> None:
    key, later = uuid4(), Bus(bus.dsn, bus.bootstrap)
    for name in ("kafka", "postgres"):
        await asyncio.to_thread(bus_stack.kill, name)

    async with running(later.database.keep_open, later.new_relay().run, later.new_consumer().run):
        with pytest.raises(AssertionError):
            await eventually(later.database.is_ready, within=1)
        for name in ("postgres", "kafka"):
            await asyncio.to_thread(bus_stack.start_service, name)
        await eventually(later.database.is_ready, within=30)
        await later.say(called(key, 1))
        await eventually(lambda: is_seen(later, key, 1), within=30)
    await later.database.close()


async def test_what_a_dead_broker_did_not_take_is_not_held_in_memory(bus: Bus, bus_stack: Stack) -> None:
    # Else an hour's outage, with a client left behind each turn, would end in a storm of late duplicates.
    key = uuid4()
    async with bus.database.transaction() as tx:
        await bus.outbox.add(tx, [called(key, 1)])
        events = await outbox.read(tx, range(PARTITIONS), 10)
        await outbox.delete(tx, events)
    producer = Producer(bus.bootstrap, timeout_seconds=1)
    await producer.publish(events[:0], "")
    before = asyncio.all_tasks()

    bus_stack.pause("kafka")
    try:
        with pytest.raises(NotPublished):
            await producer.publish(events, "")
    finally:
        bus_stack.resume("kafka")

    assert {task for task in asyncio.all_tasks() - before if "aiokafka" in str(task.get_coro())} == set()


@asynccontextmanager
async def talking(bus: Bus, keys: Sequence[object]) -> AsyncIterator[list[int]]:
    said = [0]

    async def talk(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await bus.say(*[called(key, said[0] + 1) for key in keys])
            said[0] += 1
            await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=0.02)

    async with running(talk):
        yield said


async def holds_exactly(bus: Bus, keys: Sequence[object], count: int) -> None:
    for key in keys:
        await eventually(lambda key=key: is_seen(bus, key, count), within=30)
    for key in keys:
        assert [number for _, number in await bus.seen(key)] == list(range(1, count + 1))


async def hears_at_all(bus: Bus) -> None:
    key = uuid4()
    await bus.say(called(key, 1))
    await eventually(lambda: is_seen(bus, key, 1), within=30)


async def is_seen(bus: Bus, key: object, count: int) -> bool:
    return len(await bus.seen(key)) >= count


async def is_waiting(bus: Bus, count: int) -> bool:
    return await bus.waiting() >= count
