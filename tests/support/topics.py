"""Reads every record of every topic, as a stranger with a Kafka client would."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from shared.events.catalog import TOPICS


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it lies in a topic."""

    topic: str
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    value: bytes

    @property
    def text(self) -> bytes:
        """Everything it holds, one after the other."""
        said = [part for name, value in self.headers for part in (name.encode(), value)]
        return b"\n".join([self.key or b"", *said, self.value])


async def all_records(bootstrap: str) -> list[Record]:
    """Read all our topics from the beginning to their present ends."""
    consumer = AIOKafkaConsumer(*TOPICS, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with asyncio.timeout(60):
        await consumer.start()
        try:
            return await _read(consumer)
        finally:
            await consumer.stop()


async def _read(consumer: AIOKafkaConsumer) -> list[Record]:
    parts = consumer.assignment()
    assert {part.topic for part in parts} == set(TOPICS), "a topic is missing"
    ends = await consumer.end_offsets(parts)
    found: list[Record] = []
    while any([await consumer.position(part) < ends[part] for part in parts]):
        for batch in (await consumer.getmany(timeout_ms=500)).values():
            found += [Record(one.topic, one.key, one.headers, one.value or b"") for one in batch]
    return found
