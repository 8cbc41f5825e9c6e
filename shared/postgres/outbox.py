"""Outgoing events, committed with the state they tell of; the relay publishes them (`shared/kafka/relay.py`).

Order: ids are drawn after the recording's row is locked, so within a key they follow the order of commits. A bucket
(the key's partition) is read by one relay at a time, by lease; a zombie's late publish is a duplicate that the inbox
drops.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson

from shared.events.envelope import Data, Event
from shared.kafka.partitioner import partition_of
from shared.postgres.pool import Transaction

_ADD = """
    INSERT INTO outbox (bucket, topic, key, headers, value)
    SELECT * FROM unnest($1::smallint[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])"""

_ENSURE_BUCKETS = """
    INSERT INTO outbox_lease (bucket)
    SELECT generate_series(0, $1::int - 1)
    ON CONFLICT DO NOTHING"""

_LEASE = """
    UPDATE outbox_lease
    SET token = $1, leased_until = clock_timestamp() + $2
    WHERE bucket IN (
        SELECT bucket
        FROM outbox_lease
        WHERE token = $1 OR leased_until < clock_timestamp()
        FOR UPDATE SKIP LOCKED)
    RETURNING bucket"""

_RELEASE = "UPDATE outbox_lease SET leased_until = '-infinity' WHERE token = $1"

_READ = """
    SELECT o.*
    FROM unnest($1::smallint[]) AS leased (bucket)
    CROSS JOIN LATERAL (
        SELECT id, bucket, topic, key, headers, value
        FROM outbox
        WHERE outbox.bucket = leased.bucket
        ORDER BY id
        LIMIT $2) o"""  # leans on the primary key: each bucket is one index scan

_DELETE = """
    DELETE FROM outbox o
    USING unnest($1::smallint[], $2::bigint[]) AS sent (bucket, id)
    WHERE (o.bucket, o.id) = (sent.bucket, sent.id)"""

_OLDEST = "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(made_at)), 0)::float8 FROM outbox"


_LARGEST_BYTES = 256 * 1024


class EventTooLarge(Exception):
    """No broker would take the event, so its transaction must not commit."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One committed event on its way to Kafka."""

    id: int
    bucket: int
    topic: str
    key: bytes
    headers: dict[str, str]
    value: bytes


class Outbox:
    """Adds events inside the caller's transaction and wakes the relay of this process."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.wake = asyncio.Event()

    async def add(self, tx: Transaction, events: Iterable[Event[Data]]) -> None:
        """Write the events; they leave when the transaction commits, in the order given, or raise `EventTooLarge`."""
        rows = [
            (
                partition_of(event.key, self._partitions),
                event.data.topic,
                event.key,
                orjson.dumps(event.headers()),
                event.value(),
            )
            for event in events
        ]
        if any(len(value) > _LARGEST_BYTES for *_, value in rows):
            raise EventTooLarge
        if rows:
            await tx.execute(_ADD, *map(list, zip(*rows, strict=True)))
            self.wake.set()


async def ensure_buckets(tx: Transaction, partitions: int) -> None:
    """Make one lease row per partition."""
    await tx.execute(_ENSURE_BUCKETS, partitions)


async def lease_buckets(tx: Transaction, token: UUID, duration: timedelta) -> list[int]:
    """Take or renew every bucket nobody else holds."""
    return [row["bucket"] for row in await tx.fetch(_LEASE, token, duration)]


async def release_buckets(tx: Transaction, token: UUID) -> None:
    """Let go of this relay's buckets at its stop, so that a successor need not wait."""
    await tx.execute(_RELEASE, token)


async def read(tx: Transaction, buckets: Sequence[int], limit: int) -> list[Outgoing]:
    """Read the oldest events of the leased buckets, at most `limit` of each, without row locks."""
    rows = await tx.fetch(_READ, buckets, limit)
    return [
        Outgoing(
            row["id"], row["bucket"], row["topic"], row["key"].encode(), orjson.loads(row["headers"]), row["value"]
        )
        for row in rows
    ]


async def delete(tx: Transaction, sent: Sequence[Outgoing]) -> None:
    """Forget what Kafka has acknowledged."""
    await tx.execute(_DELETE, [event.bucket for event in sent], [event.id for event in sent])


async def oldest_seconds(tx: Transaction) -> float:
    """Tell how long the oldest unpublished event has waited, in seconds."""
    age: float = await tx.fetchval(_OLDEST)
    return age
