"""Which events a consumer has applied: marked in the transaction of their effect, so each counts once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.ids import smallest_uuid7_at
from shared.postgres.pool import Transaction

_MARK = """
    INSERT INTO inbox (event_id, consumer)
    SELECT id, $2 FROM unnest($1::uuid[]) AS id
    ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING event_id"""

_PARTITION = "CREATE TABLE IF NOT EXISTS inbox_{name} PARTITION OF inbox FOR VALUES FROM ('{start}') TO ('{end}')"
_DROP = "DROP TABLE IF EXISTS inbox_{name}"

HORIZON = timedelta(days=90)  # exceeds any replay; older events need rebuild mode


async def mark(tx: Transaction, consumer: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Mark the events as applied by `consumer` and give back those that were not yet."""
    return {row["event_id"] for row in await tx.fetch(_MARK, event_ids, consumer)}


async def ensure_partitions(tx: Transaction, now: datetime) -> None:
    """Make the months from the horizon to next month, and drop the one that fell off."""
    month = _month_of(now - HORIZON)
    await tx.execute(_DROP.format(name=_name(_month_of(month - timedelta(days=1)))))
    while month <= now + timedelta(days=31):
        following = _month_of(month + timedelta(days=31))
        bounds = {"start": smallest_uuid7_at(month), "end": smallest_uuid7_at(following)}
        await tx.execute(_PARTITION.format(name=_name(month), **bounds))
        month = following


def is_too_old(event_id: UUID, now: datetime) -> bool:
    """Tell whether the event lies before the months the inbox remembers."""
    return event_id < smallest_uuid7_at(_month_of(now - HORIZON))


def _month_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _name(month: datetime) -> str:
    return month.strftime("%Y_%m")
