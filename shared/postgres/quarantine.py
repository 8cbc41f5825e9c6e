"""Records that could not be applied, whole and with coordinates; later events of the same key wait behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.postgres.pool import Transaction

_ADD = """
    INSERT INTO quarantine (consumer, topic, partition, record_offset, key, headers, value, error)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT DO NOTHING"""

_HELD_KEYS = """
    SELECT DISTINCT key
    FROM quarantine
    WHERE consumer = $1 AND key = ANY($2::text[]) AND replayed_at IS NULL"""  # leans on quarantine_held

_LIST = """
    SELECT id, topic, partition, record_offset, key, headers ->> 'ce_type' AS type, error, quarantined_at, replayed_at
    FROM quarantine
    WHERE id > $1
    ORDER BY id
    LIMIT $2"""

_HELD_BEHIND = """
    SELECT q.id, q.topic, q.partition, q.record_offset, q.key, q.headers, q.value
    FROM quarantine q
    JOIN quarantine first ON first.id = $1 AND (q.consumer, q.key) = (first.consumer, first.key)
    WHERE q.replayed_at IS NULL
    ORDER BY q.topic, q.partition, q.record_offset
    FOR UPDATE OF q"""

_REPLAYED = "UPDATE quarantine SET replayed_at = now() WHERE id = $1"
_COUNT = "SELECT count(*) FROM quarantine WHERE replayed_at IS NULL"


@dataclass(frozen=True, slots=True)
class Held:
    """One record as Kafka gave it."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: list[tuple[str, bytes | None]]
    value: bytes | None
    id: int = 0


async def add(tx: Transaction, consumer: str, held: Held, error: str) -> None:
    """Keep a record; `error` is a class name, never a message that could quote the record."""
    headers = {name: text_of(value) for name, value in held.headers}
    await tx.execute(_ADD, consumer, held.topic, held.partition, held.offset, held.key, headers, held.value, error)


def text_of(raw: bytes | None) -> str:
    """Read any bytes as text that PostgreSQL stores; what is no text is replaced."""
    return (raw or b"").decode("utf-8", "replace").replace("\x00", "\ufffd")


async def held_keys(tx: Transaction, consumer: str, keys: Sequence[str]) -> set[str]:
    """Tell which of these keys already have a record in quarantine."""
    return {row["key"] for row in await tx.fetch(_HELD_KEYS, consumer, keys)}


async def list_after(tx: Transaction, after: int, limit: int) -> list[dict[str, Any]]:
    """List what lies here, oldest first."""
    return [dict(row) for row in await tx.fetch(_LIST, after, limit)]


async def held_behind(tx: Transaction, identifier: int) -> list[Held]:
    """Lock the held records of the same key as record `identifier`, in offset order."""
    rows = await tx.fetch(_HELD_BEHIND, identifier)
    return [
        Held(
            topic=row["topic"],
            partition=row["partition"],
            offset=row["record_offset"],
            key=row["key"],
            headers=[(name, value.encode()) for name, value in row["headers"].items()],
            value=row["value"],
            id=row["id"],
        )
        for row in rows
    ]


async def mark_replayed(tx: Transaction, identifier: int) -> None:
    """Note that a record was applied after all."""
    await tx.execute(_REPLAYED, identifier)


async def count_held(tx: Transaction) -> int:
    """Count what still waits for a person."""
    count: int = await tx.fetchval(_COUNT)
    return count
