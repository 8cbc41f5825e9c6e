"""Every topic from its beginning to where it ends now, and how far each group has come."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.notification.events_in import TOPICS as NOTIFICATION_HEARS
from services.status.events_in import TOPICS as STATUS_HEARS
from shared.events import intake, recording
from shared.events.catalog import TOPICS
from tools.verify.seen import Told

GROUPS: Mapping[str, tuple[str, ...]] = {
    "intake": (recording.TOPIC,),
    "recording": (intake.TOPIC,),
    "notification": NOTIFICATION_HEARS,
    "status": STATUS_HEARS,
}
_PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class History:
    """What the topics hold: every readable event, and all bytes as they were written, for the search."""

    told: tuple[Told, ...]
    raw: bytes
    unreadable: int


async def read_history(bootstrap: str) -> History:
    """Read all our topics; without a group, so that nothing is committed."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        # Not seek_to_beginning(): it races with the client's own reset to the end, and then nothing is read.
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    async with asyncio.timeout(_PATIENCE_SECONDS * 2):
        await consumer.start()
        try:
            return _history(await _records(consumer, await _partitions(bootstrap)))
        finally:
            await consumer.stop()


async def read_lag(bootstrap: str) -> dict[str, int]:
    """Tell for each group and partition how many records are not yet applied."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await admin.start()
        await consumer.start()
        try:
            partitions = await _partitions(bootstrap)
            ends = await consumer.end_offsets(partitions)
            committed = {group: await admin.list_consumer_group_offsets(group) for group in GROUPS}
        finally:
            await consumer.stop()
            await admin.close()
    return {
        f"group {group}, {one.topic}-{one.partition}": ends[one] - _offset(committed[group].get(one))
        for group, topics in GROUPS.items()
        for one in partitions
        if one.topic in topics
    }


async def _partitions(bootstrap: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    await admin.start()
    try:
        known = set(await admin.list_topics())
        described = await admin.describe_topics([topic for topic in TOPICS if topic in known])
    finally:
        await admin.close()
    return [TopicPartition(one["topic"], part["partition"]) for one in described for part in one["partitions"]]


async def _records(consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> list[ConsumerRecord]:
    if not partitions:
        return []
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    records: list[ConsumerRecord] = []
    while any([await consumer.position(one) < end for one, end in ends.items()]):
        fetched = await consumer.getmany(timeout_ms=500, max_records=5000)
        records += [record for part in fetched.values() for record in part]
    return records


def _history(records: list[ConsumerRecord]) -> History:
    told: list[Told] = []
    raw: list[bytes] = []
    for record in records:
        raw += [record.key or b"", *(part for _, part in record.headers), record.value or b"", b"\n"]
        try:
            told.append(_told(record))
        except (KeyError, ValueError):
            continue
    return History(tuple(told), b" ".join(raw), len(records) - len(told))


def _told(record: ConsumerRecord) -> Told:
    said = {name: value.decode() for name, value in record.headers}
    return Told(
        id=said["ce_id"],
        source=said["ce_source"],
        key=said["ce_subject"],
        type=said["ce_type"],
        sequence=int(said["ce_sequence"]),
        time=datetime.fromisoformat(said["ce_time"]),
        data=orjson.loads(record.value),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )


def _offset(committed: Any) -> int:
    return max(0, committed.offset) if committed is not None else 0
