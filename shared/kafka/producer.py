"""A producer that loses nothing: acks=all, idempotent, with a timeout of its own, rebuilt after a fatal error."""

import asyncio
from collections.abc import Sequence
from itertools import groupby

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.postgres.outbox import Outgoing

_BATCH_BYTES = 512 * 1024


class NotPublished(Exception):
    """Kafka did not acknowledge in time; the events stay in the outbox."""


class Producer:
    """Publishes batches per partition; the idempotent client never gives up by itself, so we do and start it anew."""

    def __init__(self, bootstrap: str, *, timeout_seconds: float = 15) -> None:
        self._bootstrap = bootstrap
        self._timeout = timeout_seconds
        self._client: AIOKafkaProducer | None = None

    async def publish(self, events: Sequence[Outgoing], traceparent: str) -> None:
        """Publish in the order given; raises `NotPublished` and drops the client when anything stays unacknowledged."""
        try:
            async with asyncio.timeout(self._timeout):
                client = await self._started()
                by_partition = sorted(events, key=lambda event: (event.topic, event.bucket, event.id))
                groups = groupby(by_partition, key=lambda event: (event.topic, event.bucket))
                results = await asyncio.gather(
                    *[
                        _publish_in_order(client, topic, bucket, list(group), traceparent)
                        for (topic, bucket), group in groups
                    ],
                    return_exceptions=True,  # none goes on by itself after another failed
                )
            for failure in filter(None, results):
                raise failure
        except (TimeoutError, KafkaError, OSError) as error:
            await self.stop()
            raise NotPublished(type(error).__name__) from error

    async def stop(self) -> None:
        """Close the client without waiting for batches it can no longer deliver."""
        client, self._client = self._client, None
        if client is not None:
            await _abandon(client)

    async def _started(self) -> AIOKafkaProducer:
        if self._client is None:
            client = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                max_batch_size=_BATCH_BYTES,
                linger_ms=0,
                request_timeout_ms=10_000,
                metadata_max_age_ms=30_000,
            )
            try:
                await client.start()
            except BaseException:
                await client.stop()
                raise
            self._client = client
        return self._client


async def _publish_in_order(
    client: AIOKafkaProducer, topic: str, partition: int, events: Sequence[Outgoing], traceparent: str
) -> None:
    hop = ("traceparent", traceparent.encode())
    batch = client.create_batch()
    for event in events:
        headers = [*((name, value.encode()) for name, value in event.headers.items()), hop]
        # append() answers None when the batch is full: send it and begin the next, or the record is lost.
        while batch.append(key=event.key, value=event.value, timestamp=None, headers=headers) is None:
            await _send(client, batch, topic, partition)
            batch = client.create_batch()
    await _send(client, batch, topic, partition)


async def _send(client: AIOKafkaProducer, batch: object, topic: str, partition: int) -> None:
    acknowledged = await client.send_batch(batch, topic, partition=partition)
    await acknowledged


async def _abandon(client: AIOKafkaProducer) -> None:
    """Close without a last delivery: `stop()` waits for that for ever, and would deliver hours later."""
    sender = client._sender.sender_task  # noqa: SLF001  aiokafka has no other way to drop what is pending
    sender.cancel()
    await client.client.close()
    while not sender.done():  # the first cancellation lets it wait for what is in flight, the second ends that
        await asyncio.wait([sender], timeout=0.5)
        sender.cancel()
    client._closed = True  # noqa: SLF001
