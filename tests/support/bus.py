"""One office's bus for a test: a schema, a group and keys of its own on the real PostgreSQL and Kafka."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.clock import now
from shared.events.envelope import Event
from shared.events.intake import TOPIC, ApplicantCalled, ApplicantServed, Ticket
from shared.events.vocabulary import TicketLane
from shared.ids import uuid7
from shared.kafka.consumer import Consumer, Hears, Subscription
from shared.kafka.ears import Ears, Heard
from shared.kafka.producer import Producer
from shared.kafka.relay import Relay
from shared.postgres import inbox
from shared.postgres.migrate import SHARED, migrate
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, Transaction
from shared.postgres.quarantine import Held
from shared.telemetry import Telemetry
from tests.support.eventually import eventually
from tools.local import Stack

PARTITIONS = 6
TELEMETRY = Telemetry("bus-test", "")
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
)  # the default, coloured tracebacks cost a second each
_BOARD = """
    CREATE TABLE IF NOT EXISTS board (
        place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key text NOT NULL,
        fact text NOT NULL,
        number int NOT NULL)"""


def called(key: object, number: int, *, identifier: UUID | None = None) -> Event[Any]:
    """Say that the person of `key` was called to counter `number`."""
    return _event(ApplicantCalled(ticket=_ticket(), counter=number), key, number, identifier)


def served(key: object, number: int) -> Event[Any]:
    """Say that the person of `key` was served, as the `number`th fact."""
    return _event(ApplicantServed(ticket=_ticket()), key, number, None)


@dataclass
class Bus:
    """Says and hears in this test's own schema and group."""

    dsn: str
    bootstrap: str
    group: str = field(default_factory=lambda: f"test-{uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.outbox = Outbox(PARTITIONS)
        self.database = self.new_database()

    def new_database(self) -> Database:
        """Make a second process's view of the same schema."""
        return Database(self.dsn, application=self.group, prepare=self._prepare, size=4)

    def new_relay(self, producer: Producer | None = None) -> Relay:
        """Make one more relay of this outbox."""
        producer = producer or Producer(self.bootstrap, timeout_seconds=5)
        return Relay(self.database, self.outbox, producer, TELEMETRY, partitions=PARTITIONS, holder=str(uuid7()))

    def new_consumer(
        self, hears: Hears | None = None, *, instance: str = "0", partitions: int = PARTITIONS
    ) -> Consumer:
        """Make a consumer that writes what it hears on the board, unless told otherwise."""
        heard = Subscription(self.bootstrap, self.group, instance, (TOPIC,), partitions)
        return Consumer(heard, self.database, hears or self.board(), TELEMETRY)

    def board(self, refuses: Callable[[Event[Any]], bool] = lambda _: False) -> Hears:
        """Two use cases that write in order; one raises on what it refuses, with a message to be kept secret."""

        async def call(tx: Transaction, events: list[Event[Any]]) -> None:
            await _write(tx, "called", events, refuses)

        async def serve(tx: Transaction, events: list[Event[Any]]) -> None:
            await _write(tx, "served", events, refuses)

        return {ApplicantCalled: call, ApplicantServed: serve}

    async def say(self, *events: Event[Any]) -> None:
        """Commit events."""
        async with self.database.transaction() as tx:
            await self.outbox.add(tx, events)

    async def applies(self, events: Sequence[Event[Any]], hears: Hears | None = None) -> None:
        """Apply events as one batch, without Kafka."""
        ears = Ears(consumer=self.group, database=self.database, hears=hears or self.board())
        await ears.apply([heard_at(offset, event) for offset, event in enumerate(events)])

    async def seen(self, key: object) -> list[tuple[str, int]]:
        """Read what the board says of a key, in the order it was written."""
        return [(row["fact"], row["number"]) for row in await self.rows("SELECT * FROM board WHERE key = $1", str(key))]

    async def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """Ask the schema anything."""
        async with self.database.connection() as connection:
            return list(await connection.fetch(sql + (" ORDER BY 1" if "ORDER" not in sql else ""), *arguments))

    async def waiting(self) -> int:
        """Count what has not left."""
        return len(await self.rows("SELECT id FROM outbox"))

    async def put(self, *records: tuple[bytes | None, list[tuple[str, Any]], bytes | None]) -> list[TopicPartition]:
        """Publish raw records, as a stranger might."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            sent = [
                await producer.send_and_wait(TOPIC, value=value, key=key, headers=headers)
                for key, headers, value in records
            ]
        finally:
            await producer.stop()
        return [TopicPartition(record.topic, record.partition) for record in sent]

    async def begin_at_the_end(self) -> None:
        """Let this group pass over what earlier tests said."""
        client = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False)
        await client.start()
        try:
            places = [TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)]
            client.assign(places)
            await client.commit(await client.end_offsets(places))
        finally:
            await client.stop()

    async def committed(self) -> int:
        """Sum the offsets this group has committed."""
        client = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False)
        await client.start()
        try:
            return sum([await client.committed(TopicPartition(TOPIC, p)) or 0 for p in range(PARTITIONS)])
        finally:
            await client.stop()

    async def _prepare(self, tx: Transaction) -> None:
        await migrate(tx, [SHARED])
        await inbox.ensure_partitions(tx, now())
        await tx.execute(_BOARD)


@asynccontextmanager
async def open_bus(stack: Stack, service: str = "status") -> AsyncIterator[Bus]:
    """Make a schema of its own with the database open in it, and drop it after."""
    dsn, schema = stack.endpoints.postgres[service], f"bus_{uuid4().hex[:8]}"
    await _execute(dsn, f"CREATE SCHEMA {schema}")
    bus = Bus(f"{dsn}?search_path={schema}", stack.endpoints.kafka)
    async with running(bus.database.keep_open):
        await eventually(bus.database.is_ready, within=15)
        yield bus
    await bus.database.close()
    await _execute(dsn, f"DROP SCHEMA {schema} CASCADE")


@asynccontextmanager
async def running(*tasks: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """Run these tasks while the block runs and stop them after."""
    stop = asyncio.Event()
    started = [asyncio.ensure_future(task(stop)) for task in tasks]
    try:
        yield started
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*started, return_exceptions=True), 15)
        for task in started:
            if not task.cancelled() and (error := task.exception()):
                raise error


def heard_at(offset: int, event: Event[Any]) -> Heard:
    """Make what a consumer hands to its ears."""
    headers: list[tuple[str, bytes | None]] = [(name, value.encode()) for name, value in event.headers().items()]
    return Heard(Held(TOPIC, 0, offset, event.key, headers, event.value()), event)


async def _write(tx: Transaction, fact: str, events: list[Event[Any]], refuses: Callable[[Event[Any]], bool]) -> None:
    for event in events:
        if refuses(event):
            raise ValueError("RAHASIA-7")
    rows = [(event.key, fact, event.sequence) for event in events]
    await tx.executemany("INSERT INTO board (key, fact, number) VALUES ($1, $2, $3)", rows)


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def _event(said: Any, key: object, number: int, identifier: UUID | None) -> Event[Any]:
    traceparent = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    return Event(identifier or uuid7(), "/rekam/intake", str(key), "32.16.06", number, now(), traceparent, said)


def _ticket() -> Ticket:
    return Ticket(id=uuid7(), number="A-001", lane=next(iter(TicketLane)))
