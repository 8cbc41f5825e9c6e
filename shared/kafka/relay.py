"""Carries the outbox to Kafka: lease buckets, read, publish, delete after the acknowledgement."""

import asyncio
from datetime import timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog

from shared.kafka.producer import NotPublished, Producer
from shared.lifecycle import rest_unless
from shared.postgres import outbox
from shared.postgres.pool import AWAY, Database
from shared.telemetry import Telemetry

_LEASE = timedelta(seconds=20)  # outlives one publish with its timeout
_RENEW_SECONDS = 5.0
_POLL_SECONDS = 0.2
_COMPANY_SECONDS = 0.02  # events wait this long for others: one read, one publish, one delete for all
_PER_BUCKET = 1000
_WAITS: tuple[type[BaseException], ...] = (NotPublished, *AWAY)
_log = structlog.get_logger()


class Relay:
    """One per process; several relays of one service share the buckets by lease."""

    def __init__(
        self,
        database: Database,
        box: outbox.Outbox,
        producer: Producer,
        telemetry: Telemetry,
        *,
        partitions: int,
        holder: str,
    ) -> None:
        self._database = database
        self._box = box
        self._producer = producer
        self._telemetry = telemetry
        self._partitions = partitions
        # A replica that was killed finds its own leases when it starts again; its zombie's publishes are duplicates.
        self._token: UUID = uuid5(NAMESPACE_OID, holder)
        self._buckets: list[int] = []
        self._leased_at = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until the stop; while Kafka or PostgreSQL is away, wait and try again."""
        try:
            while not stop.is_set():
                self._box.wake.clear()
                try:
                    moved = await self._turn()
                except _WAITS as error:
                    _log.warning("outbox waits", error=type(error).__name__, reason=str(error)[:80])
                    self._leased_at = float("-inf")
                    await rest_unless(stop, 0.5)
                    continue
                if not moved:
                    await rest_unless(self._box.wake, _POLL_SECONDS)
                await rest_unless(stop, _COMPANY_SECONDS)
        finally:
            await self._release()

    async def _turn(self) -> bool:
        await self._renew_lease()
        async with self._database.connection() as connection:
            events = await outbox.read(connection, self._buckets, _PER_BUCKET)
        if not events:
            return False
        with self._telemetry.sending(events) as traceparent:
            await self._producer.publish(events, traceparent)
        async with self._database.transaction() as tx:
            await outbox.delete(tx, events)
        return True

    async def _renew_lease(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._leased_at < _RENEW_SECONDS:
            return
        async with self._database.transaction() as tx:
            await outbox.ensure_buckets(tx, self._partitions)
            self._buckets = await outbox.lease_buckets(tx, self._token, _LEASE)
        self._leased_at = now

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(2), self._database.transaction() as tx:
                await outbox.release_buckets(tx, self._token)
        except AWAY as error:
            _log.warning("outbox lease runs out by itself", error=type(error).__name__)
        await self._producer.stop()
