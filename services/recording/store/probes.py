"""What the second source saw, round by round, and which of its processes is the active one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.recording.domain.line_witnesses import Round
from shared.events.vocabulary import Cause
from shared.ids import smallest_uuid7_at
from shared.postgres.pool import Transaction

_ADD = """
    INSERT INTO probe_round (began_at, centre_answered, cause, phase, error, because, evidence, neutral_reached,
        neutral, second_way_answered, second_way)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""

# Taken, kept, or left to the one that has it: a killed probe's lease runs out by itself.
_TAKE_LEASE = """
    INSERT INTO probe_lease AS held (holder, leased_until)
    VALUES ($1, clock_timestamp() + $2::interval)
    ON CONFLICT (place) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until
        WHERE held.holder = excluded.holder OR held.leased_until < clock_timestamp()
    RETURNING clock_timestamp() AS now"""
_RELEASE = "DELETE FROM probe_lease WHERE holder = $1"

_LONGEST_CALL = timedelta(minutes=2)  # an id is minted when its call begins; what counts is when it failed
_IS_TROUBLED = """
    SELECT EXISTS (
            SELECT
            FROM attempt
            WHERE id >= $1 AND outcome IN ('failed', 'unknown')
                AND started_at + duration_ms * interval '1 millisecond' >= $2)
        OR EXISTS (SELECT FROM gate WHERE state IN ('holding', 'probing'))"""  # leans on attempt_trouble

_LATEST = """
    SELECT id, began_at, at, centre_answered, cause, because, neutral_reached, second_way_answered,
        evidence ->> 'status' IS NOT NULL AS is_spoken
    FROM probe_round
    WHERE id >= $1
    ORDER BY id DESC
    LIMIT 40"""  # leans on the primary key

_NEWEST = """
    SELECT id, began_at, at, centre_answered, cause, because, neutral_reached, second_way_answered,
        evidence ->> 'status' IS NOT NULL AS is_spoken,
        extract(epoch FROM clock_timestamp() - began_at)::float8 AS age
    FROM probe_round
    ORDER BY id DESC
    LIMIT 1"""  # leans on the primary key

_FIRST_ANSWERED = """
    SELECT at
    FROM probe_round
    WHERE id >= $1 AND centre_answered AND began_at > $2
    ORDER BY id
    LIMIT 1"""
_PRUNE = "DELETE FROM probe_round WHERE id < $1"


@dataclass(frozen=True, slots=True)
class Seen:
    """One round as the probe saw it."""

    began_at: datetime
    centre_answered: bool
    cause: str | None
    phase: str | None
    error: str | None
    because: str
    evidence: dict[str, Any]
    neutral_reached: bool | None
    neutral: list[dict[str, Any]]
    second_way_answered: bool | None
    second_way: dict[str, Any] | None


async def take_lease(tx: Transaction, holder: str, duration: timedelta) -> datetime | None:
    """Take or keep the turn of probing and give the database's time; absent when another process has it."""
    moment: datetime | None = await tx.fetchval(_TAKE_LEASE, holder, duration)
    return moment


async def release_lease(tx: Transaction, holder: str) -> None:
    """Let a successor begin at once."""
    await tx.execute(_RELEASE, holder)


async def is_troubled(tx: Transaction, since: datetime) -> bool:
    """Tell cheaply whether real calls have failed lately, or a gate holds."""
    return bool(await tx.fetchval(_IS_TROUBLED, smallest_uuid7_at(since - _LONGEST_CALL), since))


async def add(tx: Transaction, seen: Seen) -> None:
    """Keep a round."""
    await tx.execute(_ADD, *(getattr(seen, name) for name in Seen.__slots__))


async def latest(tx: Transaction, since: datetime) -> list[Round]:
    """Read the rounds since then, newest first."""
    return [_round(dict(row)) for row in await tx.fetch(_LATEST, smallest_uuid7_at(since))]


async def newest(tx: Transaction) -> tuple[Round | None, float]:
    """Read the latest round, and how many seconds old it is."""
    row = await tx.fetchrow(_NEWEST)
    if row is None:
        return None, 0.0
    read = dict(row)
    age: float = read.pop("age")
    return _round(read), age


async def first_answered(tx: Transaction, after: datetime) -> datetime | None:
    """Find when the centre first answered a probe again."""
    moment: datetime | None = await tx.fetchval(_FIRST_ANSWERED, smallest_uuid7_at(after), after)
    return moment


async def prune(tx: Transaction, before: datetime) -> None:
    """Forget old rounds; what an outage rests on was copied into it."""
    await tx.execute(_PRUNE, smallest_uuid7_at(before))


def _round(row: dict[str, Any]) -> Round:
    return Round(**row | {"cause": Cause(row["cause"]) if row["cause"] else None})
