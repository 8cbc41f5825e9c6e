"""What cannot be applied is kept whole, with its coordinates; the rest goes on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from shared.clock import now
from shared.events.envelope import Event
from shared.events.intake import ApplicantCalled
from shared.ids import smallest_uuid7_at
from shared.kafka.consumer import Hears
from shared.kafka.ears import Ears
from shared.kafka.topics import ensure_topics
from shared.postgres.inbox import HORIZON
from shared.postgres.pool import AWAY, Transaction
from tests.support.bus import PARTITIONS, Bus, called, open_bus, running, served
from tests.support.eventually import eventually
from tools.local import Stack

HELD = "SELECT topic, partition, record_offset, key, error FROM quarantine WHERE replayed_at IS NULL ORDER BY id"


@pytest.fixture(scope="module", autouse=True)
async def topics(bus_stack: Stack) -> None:
    async def are_made() -> bool:
        await ensure_topics(bus_stack.endpoints.kafka, partitions=PARTITIONS)
        return True

    await eventually(are_made)


@pytest.fixture
async def bus(bus_stack: Stack) -> AsyncIterator[Bus]:
    async with open_bus(bus_stack) as bus:
        yield bus


async def test_one_event_that_raises_holds_back_only_itself_and_what_follows_of_its_key(bus: Bus) -> None:
    faulty, other = uuid4(), uuid4()
    events = [called(faulty, 1), called(other, 1), called(faulty, 2), served(faulty, 3), called(other, 2)]

    await bus.applies(events, bus.board(refuses=lambda event: event.key == str(faulty) and event.sequence == 2))
    await bus.applies([*events, called(faulty, 4)])

    assert (await bus.seen(faulty), await bus.seen(other)) == ([("called", 1)], [("called", 1), ("called", 2)])
    assert {(row["record_offset"], row["key"]) for row in await bus.rows(HELD)} >= {(2, str(faulty)), (3, str(faulty))}
    assert {row["key"] for row in await bus.rows(HELD)} == {str(faulty)}


async def test_neither_the_log_nor_the_quarantine_quotes_what_was_raised(bus: Bus) -> None:
    with capture_logs() as lines:
        await bus.applies([called(uuid4(), 1)], bus.board(refuses=lambda _: True))

    [held] = await bus.rows(HELD)
    assert held["error"] == "ValueError"
    assert any(line["event"] == "a record is held in quarantine" and line["offset"] == 0 for line in lines)
    assert "RAHASIA-7" not in str([{**line, "exc_info": None} for line in lines]) + str(held)


async def test_a_replay_applies_what_was_held_in_the_order_of_its_offsets(bus: Bus) -> None:
    key = uuid4()
    await bus.applies(
        [called(key, 1), served(key, 2), called(key, 3)], bus.board(refuses=lambda event: event.sequence == 1)
    )
    [last, *_] = [row["id"] for row in await bus.rows("SELECT id FROM quarantine ORDER BY id DESC")]
    ears = Ears(consumer=bus.group, database=bus.database, hears=bus.board())

    counts = await ears.replay(last), await ears.replay(last)

    assert counts == (3, 0)
    assert await bus.seen(key) == [("called", 1), ("served", 2), ("called", 3)]
    await bus.applies([called(key, 4)])
    assert (await bus.seen(key))[-1] == ("called", 4)


async def test_a_replay_stops_at_the_first_that_still_raises(bus: Bus) -> None:
    key = uuid4()
    await bus.applies([called(key, 1), called(key, 2), called(key, 3)], bus.board(refuses=lambda _: True))
    [first, *_] = [row["id"] for row in await bus.rows("SELECT id FROM quarantine ORDER BY id")]
    hears = bus.board(refuses=lambda event: event.sequence == 2)

    replayed = await Ears(consumer=bus.group, database=bus.database, hears=hears).replay(first)

    assert (replayed, await bus.seen(key)) == (1, [("called", 1)])
    assert len(await bus.rows(HELD)) == 2


async def test_records_nobody_can_read_are_kept_and_the_partition_moves_on(bus: Bus) -> None:
    await bus.begin_at_the_end()
    key, good = str(uuid4()), called(uuid4(), 1)
    headers: list[tuple[str, Any]] = [(name, value.encode()) for name, value in good.headers().items()]
    strange = [(name, b"stranger.v9" if name == "ce_type" else value) for name, value in headers]
    early = [(name, b"0001-01-01T00:00:00+14:00" if name == "ce_time" else value) for name, value in headers]

    await bus.put(
        (key.encode(), [], b"{}"),
        (key.encode(), headers, b'{"ticket"'),
        (key.encode(), headers, b'{"counter": "one"}'),
        (key.encode(), headers, b"[" * 100_000),
        (key.encode(), headers, None),
        (key.encode(), strange, good.value()),
        (key.encode(), early, good.value()),
        (key.encode(), [*headers, ("ce_type", None), ("x", b"\xff\x00")], b"\x00\xff"),
        (key.encode() + b"\x00\xff", [("ce_type", None)], b""),
        (None, [], b"no key"),
        (good.key.encode(), headers, good.value()),
    )
    async with running(bus.new_consumer().run):
        await eventually(lambda: is_seen(bus, good.key, 1))
        await eventually(lambda: holds(bus, 10))

    held = await bus.rows(HELD)
    offsets = [row["record_offset"] for row in held if row["key"] == key]
    assert (len(offsets), offsets) == (8, sorted(offsets))
    assert {row["topic"] for row in held} == {"intake.events"}
    whole = await bus.rows("SELECT value FROM quarantine WHERE value = $1", b"\x00\xff")
    assert len(whole) == 1


async def test_an_event_of_no_interest_is_passed_over(bus: Bus) -> None:
    hears: Hears = {kind: use_case for kind, use_case in bus.board().items() if kind is ApplicantCalled}
    key = uuid4()

    await bus.applies([served(key, 1), called(key, 2)], hears)

    assert await bus.seen(key) == [("called", 2)]


async def test_a_value_the_driver_refuses_is_the_events_fault_and_not_the_databases(bus: Bus) -> None:
    key, other = uuid4(), uuid4()

    await asyncio.wait_for(bus.applies([replace(called(key, 1), sequence=2**40), called(other, 1)]), 10)

    assert [row["key"] for row in await bus.rows(HELD)] == [str(key)]
    assert await bus.seen(other) == [("called", 1)]


async def test_a_database_that_goes_away_is_no_fault_of_an_event(bus: Bus) -> None:
    key = uuid4()

    with pytest.raises(AWAY):
        await bus.applies([called(key, 1)], {ApplicantCalled: cut_the_connection})
    await bus.applies([called(key, 1)])

    assert (await bus.rows(HELD), await bus.seen(key)) == ([], [("called", 1)])


@pytest.mark.parametrize(
    "identifier", [smallest_uuid7_at(now() - HORIZON - timedelta(days=32)), uuid4(), UUID(int=2**128 - 1)]
)
async def test_an_event_the_inbox_cannot_remember_is_held(bus: Bus, identifier: UUID) -> None:
    await bus.applies([called(uuid4(), 1, identifier=identifier), called(uuid4(), 2)])

    assert len(await bus.rows(HELD)) == 1
    assert [row["number"] for row in await bus.rows("SELECT number FROM board")] == [2]


async def cut_the_connection(tx: Transaction, _events: list[Event[Any]]) -> None:
    await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def is_seen(bus: Bus, key: object, count: int) -> bool:
    return len(await bus.seen(key)) >= count


async def holds(bus: Bus, count: int) -> bool:
    return len(await bus.rows(HELD)) >= count
