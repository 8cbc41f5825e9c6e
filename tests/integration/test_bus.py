"""What is committed is heard once and in order; real PostgreSQL and Kafka."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.events.intake import TOPIC, ContactChanged
from shared.kafka.producer import Producer
from shared.kafka.topics import ensure_topics
from shared.postgres import outbox
from shared.postgres.outbox import EventTooLarge, Outgoing
from tests.support.bus import PARTITIONS, Bus, called, open_bus, running, served
from tests.support.eventually import eventually
from tools.local import Stack


@pytest.fixture(scope="module", autouse=True)
async def topics(bus_stack: Stack) -> None:
    async def are_made() -> bool:
        await ensure_topics(bus_stack.endpoints.kafka, partitions=PARTITIONS)
        return True

    await eventually(are_made)


@pytest.fixture
async def bus(bus_stack: Stack) -> AsyncIterator[Bus]:
    async with open_bus(bus_stack) as bus:
        await bus.begin_at_the_end()
        yield bus


async def test_what_is_committed_is_heard_once(bus: Bus) -> None:
    key = uuid4()

    async with running(bus.new_relay().run, bus.new_consumer().run):
        await bus.say(called(key, 1), served(key, 2), called(key, 3))
        await eventually(lambda: is_seen(bus, key, 3))

    assert await bus.seen(key) == [("called", 1), ("served", 2), ("called", 3)]
    assert await bus.waiting() == 0


async def test_what_is_rolled_back_never_leaves(bus: Bus) -> None:
    undone, kept = uuid4(), uuid4()

    async with running(bus.new_relay().run, bus.new_consumer().run):
        with pytest.raises(ZeroDivisionError):
            await say_and_fail(bus, undone)
        await bus.say(called(kept, 1))
        await eventually(lambda: is_seen(bus, kept, 1))

    assert await bus.seen(undone) == []


async def test_two_relays_and_a_death_in_mid_publish_keep_the_order_of_each_key(bus: Bus) -> None:
    keys = [uuid4() for _ in range(20)]
    slow = SlowProducer(bus.bootstrap)

    async with running(bus.new_consumer().run):
        await bus.say(*[called(key, number) for number in range(1, 6) for key in keys])
        async with running(bus.new_relay(slow).run) as [first]:
            await asyncio.wait_for(slow.has_half.wait(), 10)
            async with running(bus.new_relay().run):
                first.cancel()
                await bus.say(*[called(key, number) for number in range(6, 11) for key in keys])
                await eventually(lambda: is_seen(bus, keys[-1], 10))
                await eventually(lambda: is_empty(bus))

        for key in keys:
            await eventually(lambda key=key: is_seen(bus, key, 10))
    for key in keys:
        assert [number for _, number in await bus.seen(key)] == list(range(1, 11))


async def test_a_bucket_is_leased_to_one_relay_and_passes_on_when_its_holder_is_gone(bus: Bus) -> None:
    alive, dead = uuid4(), uuid4()
    lease = timedelta(seconds=0.3)

    async with bus.database.transaction() as tx:
        await outbox.ensure_buckets(tx, PARTITIONS)
        taken = await outbox.lease_buckets(tx, dead, lease)
    async with bus.database.transaction() as tx:
        left_over = await outbox.lease_buckets(tx, alive, lease)

    assert (sorted(taken), left_over) == (list(range(PARTITIONS)), [])
    await eventually(lambda: can_lease(bus, alive), within=2)


async def test_what_a_zombie_publishes_late_is_dropped(bus: Bus) -> None:
    key = uuid4()
    await bus.say(called(key, 1), called(key, 2))
    async with bus.database.connection() as connection:
        held_back = await outbox.read(connection, range(PARTITIONS), 10)
    zombie = Producer(bus.bootstrap)

    async with running(bus.new_relay().run, bus.new_consumer().run):
        await eventually(lambda: is_seen(bus, key, 2))
        await zombie.publish(held_back, "")
        await bus.say(called(key, 3))
        await eventually(lambda: is_seen(bus, key, 3))
    await zombie.stop()

    assert [number for _, number in await bus.seen(key)] == [1, 2, 3]


async def test_two_copies_in_one_batch_count_once(bus: Bus) -> None:
    event = called(uuid4(), 1)

    await bus.applies([event, event])

    assert await bus.seen(event.key) == [("called", 1)]


async def test_a_turn_larger_than_a_kafka_batch_loses_nothing(bus: Bus) -> None:
    keys = [f"{uuid4()}{'x' * 2000}" for _ in range(3)]
    events = [called(key, number) for number in range(400) for key in keys]

    async with running(bus.new_relay().run, bus.new_consumer().run):
        await bus.say(*events)
        for key in keys:
            await eventually(lambda key=key: is_seen(bus, key, 400), within=20)

    assert [number for _, number in await bus.seen(keys[0])] == list(range(400))


async def test_an_event_too_large_is_refused_with_its_transaction(bus: Bus) -> None:
    small = called(uuid4(), 1)
    large = replace(small, data=ContactChanged(sealed="x" * 300_000))

    with pytest.raises(EventTooLarge):
        await bus.say(small, large)

    assert await bus.waiting() == 0


async def test_an_event_lies_in_the_partition_its_bucket_names(bus: Bus) -> None:
    keys = [str(uuid4()) for _ in range(12)]
    await bus.say(*[called(key, 1) for key in keys])
    async with bus.database.connection() as connection:
        waiting = await outbox.read(connection, range(PARTITIONS), 100)

    async with running(bus.new_relay().run):
        await eventually(lambda: is_empty(bus))

    found = await records_of(bus, {key.encode() for key in keys})
    assert {record.key: record.partition for record in found} == {event.key: event.bucket for event in waiting}


async def test_a_hop_carries_its_own_trace_and_the_event_the_one_it_was_made_in(bus: Bus) -> None:
    event = called(uuid4(), 1)
    await bus.say(event)

    async with running(bus.new_relay().run):
        await eventually(lambda: is_empty(bus))

    [record] = await records_of(bus, {event.key.encode()})
    headers = dict(record.headers)
    assert headers["ce_traceparent"].decode() == event.traceparent
    assert headers["traceparent"].decode().startswith("00-")
    assert headers["traceparent"] != headers["ce_traceparent"]


async def test_a_death_between_the_commit_here_and_the_commit_there_changes_nothing(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, before = uuid4(), await bus.committed()
    asked = asyncio.Event()

    async def dies(_self: Any, _offsets: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with running(bus.new_relay().run):
        with monkeypatch.context() as patched:
            patched.setattr(AIOKafkaConsumer, "commit", dies)
            async with running(bus.new_consumer().run) as [consumer]:
                await bus.say(called(key, 1))
                await asyncio.wait_for(asked.wait(), 10)
                consumer.cancel()
        assert (await bus.seen(key), await bus.committed()) == ([("called", 1)], before)
        async with running(bus.new_consumer().run):
            await bus.say(called(key, 2))
            await eventually(lambda: is_seen(bus, key, 2))
            await eventually(lambda: has_committed(bus, before + 2))

    assert await bus.seen(key) == [("called", 1), ("called", 2)]


async def test_a_consumer_that_comes_back_under_its_name_goes_on_within_five_seconds(bus: Bus) -> None:
    key = uuid4()
    async with running(bus.new_relay().run):
        async with running(bus.new_consumer().run) as [consumer]:
            await bus.say(called(key, 1))
            await eventually(lambda: is_seen(bus, key, 1))
            consumer.cancel()
        begun = monotonic()
        async with running(bus.new_consumer().run):
            await bus.say(called(key, 2))
            await eventually(lambda: is_seen(bus, key, 2))

    assert monotonic() - begun < 5


async def test_a_client_that_fetches_no_more_is_replaced(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    key, real, really_stop, clients = uuid4(), AIOKafkaConsumer.getmany, AIOKafkaConsumer.stop, []
    monkeypatch.setattr("shared.kafka.consumer._STALLED_SECONDS", 0.5)

    async def is_deaf_at_first(self: Any, **how: Any) -> Any:
        clients.extend([self] if self not in clients else [])
        if self is clients[0]:
            await asyncio.sleep(0.05)
            return {}
        return await real(self, **how)

    async def lets_a_cancellation_out(self: Any) -> None:
        await really_stop(self)
        raise asyncio.CancelledError

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", is_deaf_at_first)
    monkeypatch.setattr(AIOKafkaConsumer, "stop", lets_a_cancellation_out)
    async with running(bus.new_relay().run, bus.new_consumer().run):
        await bus.say(called(key, 1))
        await eventually(lambda: is_seen(bus, key, 1), within=15)

    assert len(clients) == 2


class SlowProducer(Producer):
    """Publishes one half and never comes to the other."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self.has_half = asyncio.Event()

    async def publish(self, events: Sequence[Outgoing], traceparent: str) -> None:
        """Be cut off in the middle."""
        await super().publish(events[: len(events) // 2], traceparent)
        self.has_half.set()
        await asyncio.Event().wait()


async def say_and_fail(bus: Bus, key: object) -> None:
    async with bus.database.transaction() as tx:
        await bus.outbox.add(tx, [called(key, 1)])
        raise ZeroDivisionError


async def is_seen(bus: Bus, key: object, count: int) -> bool:
    return len(await bus.seen(key)) >= count


async def is_empty(bus: Bus) -> bool:
    return await bus.waiting() == 0


async def has_committed(bus: Bus, offsets: int) -> bool:
    return await bus.committed() == offsets


async def can_lease(bus: Bus, token: Any) -> bool:
    async with bus.database.transaction() as tx:
        return len(await outbox.lease_buckets(tx, token, timedelta(seconds=5))) == PARTITIONS


async def records_of(bus: Bus, keys: set[bytes]) -> list[Any]:
    client = AIOKafkaConsumer(bootstrap_servers=bus.bootstrap, group_id=bus.group, enable_auto_commit=False)
    await client.start()
    try:
        client.assign([TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)])
        found: list[Any] = []
        async with asyncio.timeout(10):
            while len(found) < len(keys):
                for records in (await client.getmany(timeout_ms=100)).values():
                    found += [record for record in records if record.key in keys]
        return found
    finally:
        await client.stop()
