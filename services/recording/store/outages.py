"""Outages and their timeline; one writer at a time follows them, and a person adds to them under the row's lock."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.recording.domain.outage import Outage
from shared.events.vocabulary import Cause, Confidence, Operation, Owner, Source
from shared.ids import smallest_uuid7_at
from shared.postgres.pool import Transaction

_LOCK_OPEN = "SELECT * FROM outage WHERE state = 'open' ORDER BY since, id FOR UPDATE"  # leans on outage_open
_READ_OPEN = "SELECT * FROM outage WHERE state = 'open' ORDER BY since, id"
_LOCK = "SELECT * FROM outage WHERE id = $1 FOR UPDATE"
_READ = "SELECT * FROM outage WHERE id = $1"

_INSERT = """
    INSERT INTO outage (id, cause, owner, confidence, operations, since, sources, because, last_failed_at, unclean_at,
        samples, offices, people, told_people, told_at, sequence, witnesses)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"""
_SAVE = """
    UPDATE outage
    SET cause = $2, owner = $3, confidence = $4, operations = $5, since = $6, sources = $7, because = $8,
        last_failed_at = $9, unclean_at = $10, samples = $11, offices = $12, people = $13, told_people = $14,
        told_at = $15, sequence = $16, witnesses = coalesce($17, witnesses)
    WHERE id = $1"""
_END = """
    UPDATE outage
    SET state = $2, ended_at = $3, merged_into = $4, sequence = $5, closed_at = clock_timestamp()
    WHERE id = $1"""
_PROMISE = """
    UPDATE outage
    SET next_news_at = coalesce($2, next_news_at), ticket_ref = coalesce($3, ticket_ref), sequence = sequence + 1
    WHERE id = $1
    RETURNING *"""

_ENTER = "INSERT INTO outage_entry (outage_id, kind, said) VALUES ($1, $2, $3)"
_TIMELINE = "SELECT at, kind, said FROM outage_entry WHERE outage_id = $1 ORDER BY id"
_LIST = """
    SELECT *
    FROM outage
    WHERE ($1::text IS NULL OR state = $1) AND ($2::timestamptz IS NULL OR since >= $2)
        AND ($3::uuid IS NULL OR id < $3)
    ORDER BY id DESC
    LIMIT $4"""

# Who failed since it began, and who waits behind it now; whoever is through already is among the first.
_TOUCHED = """
    SELECT count(DISTINCT recording_id) AS people, count(DISTINCT office) AS offices
    FROM (
        SELECT recording_id, office
        FROM attempt
        WHERE id >= $1 AND outcome IN ('failed', 'unknown') AND operation = ANY($2::text[])
        UNION ALL
        SELECT recording_id, office
        FROM stage
        WHERE state = 'waiting' AND operation = ANY($2::text[]) AND due_at <= clock_timestamp()) touched"""

_FIRST_ANSWERED = """
    SELECT min(ended_at)
    FROM unnest($1::text[]) AS of (operation)
    CROSS JOIN LATERAL (
        SELECT started_at + duration_ms * interval '1 millisecond' AS ended_at
        FROM attempt
        WHERE attempt.operation = of.operation AND outcome IN ('done', 'refused') AND id >= $2 AND started_at >= $3
        ORDER BY id
        LIMIT 1) first"""  # leans on attempt_answered

# A failure that only seemed the centre's spent strikes and began the clock that parks; rows are locked in the order
# in which everybody locks them. What the centre itself answered (a status) stays counted.
_REFUND = """
    WITH seeming AS MATERIALIZED (
        SELECT recording_id, stage, count(*)::int AS strikes
        FROM attempt
        WHERE id >= $1 AND outcome = 'failed' AND cause = 'server' AND operation = ANY($2::text[])
            AND evidence ->> 'status' IS NULL AND phase_failed IS NOT NULL
        GROUP BY recording_id, stage),
    locked AS MATERIALIZED (
        SELECT s.recording_id, s.stage, n.strikes
        FROM stage s
        JOIN seeming n USING (recording_id, stage)
        WHERE s.state <> 'done'
        ORDER BY s.recording_id, s.stage
        FOR UPDATE OF s)
    UPDATE stage s
    SET strikes = greatest(0, s.strikes - l.strikes), first_failed_at = NULL
    FROM locked l
    WHERE (s.recording_id, s.stage) = (l.recording_id, l.stage)"""

_SAMPLES = """
    SELECT id, stage, operation, started_at, duration_ms, outcome, cause, effect, owner, phase_failed, trace_id,
        signature, coalesce(evidence #>> '{verdict,because}', signature) AS because
    FROM attempt
    WHERE id = ANY($1::uuid[])
    ORDER BY id"""


async def lock_open(tx: Transaction) -> list[tuple[Outage, int]]:
    """Lock the open outages, oldest first, each with the sequence of its last event."""
    return [(outage_of(row), row["sequence"]) for row in await tx.fetch(_LOCK_OPEN)]


async def read_open(tx: Transaction) -> list[Outage]:
    """Read the open outages without a lock."""
    return [outage_of(row) for row in await tx.fetch(_READ_OPEN)]


async def lock(tx: Transaction, outage_id: UUID) -> Any | None:
    """Lock one outage's row."""
    return await tx.fetchrow(_LOCK, outage_id)


async def insert(tx: Transaction, outage: Outage, sequence: int, witnesses: dict[str, Any]) -> None:
    """Write a new outage."""
    await tx.execute(_INSERT, *_values(outage), sequence, witnesses)


async def save(tx: Transaction, outage: Outage, sequence: int, witnesses: dict[str, Any] | None = None) -> None:
    """Write what became of an open outage; new witnesses replace those kept."""
    await tx.execute(_SAVE, *_values(outage), sequence, witnesses)


async def end(
    tx: Transaction, outage_id: UUID, state: str, ended_at: datetime, sequence: int, *, merged_into: UUID | None = None
) -> None:
    """Close an outage, or merge it into another."""
    await tx.execute(_END, outage_id, state, ended_at, merged_into, sequence)


async def promise(tx: Transaction, outage_id: UUID, next_news_at: datetime | None, ticket_ref: str | None) -> Any:
    """Write what a person promised, count its event, and give the row."""
    return await tx.fetchrow(_PROMISE, outage_id, next_news_at, ticket_ref)


async def enter(tx: Transaction, outage_id: UUID, kind: str, said: dict[str, Any]) -> None:
    """Add a line to the timeline."""
    await tx.execute(_ENTER, outage_id, kind, said)


async def read(tx: Transaction, outage_id: UUID) -> Any | None:
    """Read one outage."""
    return await tx.fetchrow(_READ, outage_id)


async def timeline(tx: Transaction, outage_id: UUID) -> list[Any]:
    """Read what happened in it, oldest first."""
    return await tx.fetch(_TIMELINE, outage_id)


async def list_all(
    tx: Transaction, state: str | None, since: datetime | None, after: UUID | None, limit: int
) -> list[Any]:
    """List outages, newest first."""
    return await tx.fetch(_LIST, state, since, after, limit)


async def touched(tx: Transaction, outage: Outage) -> tuple[int, int]:
    """Count offices and people that failed or wait behind it."""
    row = await tx.fetchrow(_TOUCHED, smallest_uuid7_at(outage.since), list(outage.operations))
    return (row["offices"], row["people"]) if row else (0, 0)


async def first_answered(tx: Transaction, operations: Sequence[Operation], after: datetime) -> datetime | None:
    """Find when a real call first went through again."""
    moment: datetime | None = await tx.fetchval(_FIRST_ANSWERED, list(operations), smallest_uuid7_at(after), after)
    return moment


async def refund_strikes(tx: Transaction, outage: Outage) -> int:
    """Give back the strikes of failures within it that were the line's, and forget since when the centre failed."""
    done: str = await tx.execute(_REFUND, smallest_uuid7_at(outage.since), list(outage.operations))
    return int(done.rpartition(" ")[2])


async def samples(tx: Transaction, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Read the sample attempts an outage rests on."""
    return [dict(row) for row in await tx.fetch(_SAMPLES, list(ids))]


def outage_of(row: Any) -> Outage:
    """Read an outage from its row."""
    return Outage(
        id=row["id"],
        cause=Cause(row["cause"]),
        owner=Owner(row["owner"]),
        confidence=Confidence(row["confidence"]),
        operations=tuple(Operation(one) for one in row["operations"]),
        since=row["since"],
        sources=tuple(Source(one) for one in row["sources"]),
        because=row["because"],
        last_failed_at=row["last_failed_at"],
        unclean_at=row["unclean_at"],
        samples=tuple(row["samples"]),
        offices=row["offices"],
        people=row["people"],
        told_people=row["told_people"],
        told_at=row["told_at"],
    )


def _values(outage: Outage) -> tuple[Any, ...]:
    return (
        outage.id,
        outage.cause,
        outage.owner,
        outage.confidence,
        list(outage.operations),
        outage.since,
        list(outage.sources),
        outage.because,
        outage.last_failed_at,
        outage.unclean_at,
        list(outage.samples),
        outage.offices,
        outage.people,
        outage.told_people,
        outage.told_at,
    )
