"""Hears the history: one transaction per batch, each event applied once, offsets committed after it and by name.

Events of one key are applied in order. When a batch raises, it is rolled back and rerun one event at a time; the
one that raises, and every later event of its key, goes to quarantine with its coordinates. PostgreSQL away is no fault
of an event: the batch waits.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from shared.events.catalog import CATALOG
from shared.events.envelope import Data, Undecodable, read_event, type_of
from shared.kafka.ears import Ears, Heard, UseCase
from shared.kafka.topics import ensure_topics
from shared.lifecycle import rest_unless
from shared.postgres.pool import AWAY, Database
from shared.postgres.quarantine import Held, text_of
from shared.telemetry import Telemetry

Hears: TypeAlias = Mapping[type[Data], UseCase]
_STALLED_SECONDS = 20.0
_LOOK_SECONDS = 5.0
_COMMIT_SECONDS = 0.25
_log = structlog.get_logger()


class Stalled(Exception):
    """The broker has more for us, yet nothing was fetched for too long."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a service listens to, and as whom."""

    bootstrap: str
    group: str
    instance: str
    topics: tuple[str, ...]
    partitions: int
    batch_size: int = 1000
    company_seconds: float = 0.02  # records wait this long for others: one transaction for all


class Consumer:
    """Fetches, applies and commits until told to stop; the Kafka client is rebuilt whenever it fails or stalls."""

    def __init__(
        self,
        subscription: Subscription,
        database: Database,
        hears: Hears,
        telemetry: Telemetry,
        *,
        after: Callable[[], None] | None = None,
    ) -> None:
        self._after = after
        self._subscription = subscription
        self._database = database
        self._telemetry = telemetry
        self._wanted = {kind.event_type for kind in hears}
        self.ears = Ears(consumer=subscription.group, database=database, hears=hears)
        self.lag: dict[str, int] = {}
        self.is_hearing = False

    async def run(self, stop: asyncio.Event) -> None:
        """Hear until the stop; while Kafka is away, wait and start a new client."""
        while not stop.is_set():
            try:
                await self._hear(stop)
            except (KafkaError, OSError, TimeoutError, Stalled) as error:
                _log.warning("kafka consumer starts anew", error=type(error).__name__, group=self._subscription.group)
                await rest_unless(stop, 0.5)
            finally:
                self.is_hearing = False

    async def _hear(self, stop: asyncio.Event) -> None:
        await ensure_topics(self._subscription.bootstrap, partitions=self._subscription.partitions)
        client = _client(self._subscription)
        try:
            async with asyncio.timeout(30):
                await client.start()
            await self._fetch_and_apply(client, stop)
        finally:
            await _close(client)

    async def _fetch_and_apply(self, client: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        heard_at = looked_at = committed_at = loop.time()
        applied: dict[TopicPartition, int] = {}
        while not stop.is_set():
            records = await client.getmany(timeout_ms=500, max_records=self._subscription.batch_size)
            if records:
                await self._apply([record for part in records.values() for record in part], stop)
                if stop.is_set():
                    break
                applied |= {partition: part[-1].offset + 1 for partition, part in records.items()}
                self.is_hearing, heard_at = True, loop.time()
                await rest_unless(stop, self._subscription.company_seconds)
            elif not self.is_hearing or loop.time() - looked_at > _LOOK_SECONDS:
                # getmany() is as silent about a dead broker as about a quiet one: ask it.
                if await self._is_behind(client) and loop.time() - heard_at > _STALLED_SECONDS:
                    raise Stalled
                looked_at = loop.time()
            if applied and (not records or loop.time() - committed_at > _COMMIT_SECONDS):
                await self._commit(client, applied)
                applied, committed_at = {}, loop.time()
        await self._commit(client, applied)

    async def _commit(self, client: AIOKafkaConsumer, applied: Mapping[TopicPartition, int]) -> None:
        """Commit by name what PostgreSQL holds; what is redelivered after a crash in between, the inbox drops."""
        if applied:
            await asyncio.wait_for(client.commit(dict(applied)), 10)
            self._note_lag(
                {partition: (client.highwater(partition) or end) - end for partition, end in applied.items()}
            )

    async def _apply(self, records: Sequence[ConsumerRecord], stop: asyncio.Event) -> None:
        """Apply a batch, waiting as long as PostgreSQL is away; returns early, unapplied, only at the stop."""
        heard = [item for record in records if (item := self._decode(record)) is not None]
        while heard and not stop.is_set():
            try:
                with self._telemetry.processing(self._subscription.group, heard):
                    await self.ears.apply(heard)
            except AWAY as error:
                _log.warning("events wait for postgresql", error=type(error).__name__, events=len(heard))
                await rest_unless(stop, 0.5)
            else:
                if self._after is not None:
                    self._after()
                return

    def _decode(self, record: ConsumerRecord) -> Heard | None:
        headers = list(record.headers)
        named = type_of(headers)
        # A type we know and do not want is passed over without decoding; one nobody knows is a fault to be kept.
        if named in CATALOG and named not in self._wanted:
            return None
        held = Held(
            record.topic,
            record.partition,
            record.offset,
            text_of(record.key),
            headers,
            record.value,
        )
        try:
            return Heard(held, read_event(headers, record.value, CATALOG))
        except Undecodable as error:
            return Heard(held, None, str(error))

    async def _is_behind(self, client: AIOKafkaConsumer) -> bool:
        assigned = client.assignment()
        self.is_hearing = bool(assigned)
        if not assigned:
            return True
        async with asyncio.timeout(5):
            ends = await client.end_offsets(list(assigned))
            behind = {partition: end - await client.position(partition) for partition, end in ends.items()}
        self._note_lag(behind)
        return any(lag > 0 for lag in behind.values())

    def _note_lag(self, behind: Mapping[TopicPartition, int]) -> None:
        self.lag |= {f"{partition.topic}-{partition.partition}": lag for partition, lag in behind.items()}


def _client(subscription: Subscription) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        *subscription.topics,
        bootstrap_servers=subscription.bootstrap,
        group_id=subscription.group,
        group_instance_id=f"{subscription.group}-{subscription.instance}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=10_000,
        heartbeat_interval_ms=3_000,
        max_poll_interval_ms=300_000,
        request_timeout_ms=15_000,
        fetch_max_wait_ms=500,
        max_partition_fetch_bytes=2 * 1024 * 1024,
        metadata_max_age_ms=30_000,
    )


async def _close(client: AIOKafkaConsumer) -> None:
    try:
        await asyncio.wait_for(client.stop(), 5)
    except (KafkaError, OSError, TimeoutError, asyncio.CancelledError) as error:
        _log.warning("kafka consumer was abandoned", error=type(error).__name__)
        await client._client.close()  # noqa: SLF001  what stop() did not come to
        # aiokafka lets the cancellation of its own tasks out of stop(): passed on, it would end us without a word.
        ours = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and ours is not None and ours.cancelling():
            raise
