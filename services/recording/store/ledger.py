"""The attempts ledger: one row per call, appended, never changed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from shared.ids import smallest_uuid7_at
from shared.postgres.pool import Transaction

COLUMNS = (
    "id",
    "recording_id",
    "stage",
    "office",
    "number",
    "trigger",
    "triggered_by",
    "operation",
    "started_at",
    "duration_ms",
    "outcome",
    "cause",
    "effect",
    "owner",
    "phase_reached",
    "phase_failed",
    "evidence",
    "next",
    "signature",
    "trace_id",
    "span_id",
)

_APPEND = """
    INSERT INTO attempt (id, recording_id, stage, office, number, trigger, triggered_by, operation, started_at,
        duration_ms, outcome, cause, effect, owner, phase_reached, phase_failed, evidence, next, signature, trace_id,
        span_id)
    SELECT *
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[],
        $9::timestamptz[], $10::float8[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
        $16::text[], $17::jsonb[], $18::jsonb[], $19::text[], $20::text[], $21::text[])"""

_OF_RECORDING = """
    SELECT *
    FROM attempt
    WHERE recording_id = $1
    ORDER BY started_at, number"""  # leans on attempt_of_recording

_LIST = """
    SELECT *
    FROM attempt
    WHERE office LIKE ANY($1::text[])
        AND ($2::text IS NULL OR stage = $2)
        AND ($3::text IS NULL OR cause = $3)
        AND ($4::text IS NULL OR office LIKE $4)
        AND ($5::text IS NULL OR signature = $5)
        AND id >= $6 AND id < $7
        AND ($8::uuid IS NULL OR id < $8)
    ORDER BY id DESC
    LIMIT $9"""

_FAILURES = """
    SELECT {column} AS "group", count(*), min(started_at) AS oldest, max(started_at) AS newest,
        (array_agg(recording_id ORDER BY started_at DESC))[1:3] AS examples
    FROM attempt
    WHERE signature IS NOT NULL AND office LIKE ANY($1::text[])
    GROUP BY 1
    ORDER BY 2 DESC
    LIMIT $2"""

_PARTITION = "CREATE TABLE IF NOT EXISTS attempt_{name} PARTITION OF attempt FOR VALUES FROM ('{start}') TO ('{end}')"


async def append(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Append rows, each with exactly the ledger's columns."""
    if rows:
        await tx.execute(_APPEND, *([row[name] for row in rows] for name in COLUMNS))


async def of_recording(tx: Transaction, recording_id: UUID) -> list[Any]:
    """Read all attempts of one recording, oldest first."""
    return await tx.fetch(_OF_RECORDING, recording_id)


async def list_all(tx: Transaction, offices: Sequence[str], filters: dict[str, Any], limit: int) -> list[Any]:
    """List attempts, newest first; `since` and `until` bound the time in their ids."""
    since = smallest_uuid7_at(filters.get("since") or datetime(2000, 1, 1, tzinfo=UTC))
    until = smallest_uuid7_at(filters.get("until") or datetime(9000, 1, 1, tzinfo=UTC))
    chosen = [filters.get(name) for name in ("stage", "cause", "office", "signature")]
    return await tx.fetch(_LIST, offices, *chosen, since, until, filters.get("after"), limit)


async def failures(tx: Transaction, offices: Sequence[str], column: str, limit: int) -> list[Any]:
    """Count failed attempts by one of signature, stage, cause, office."""
    return await tx.fetch(_FAILURES.format(column=column), offices, limit)


async def ensure_partitions(tx: Transaction, now: datetime) -> None:
    """Make the partition of this month and the next."""
    month = _first_day(now.year, now.month)
    for _ in range(2):
        following = _first_day(month.year + month.month // 12, month.month % 12 + 1)
        bounds = {"start": smallest_uuid7_at(month), "end": smallest_uuid7_at(following)}
        await tx.execute(_PARTITION.format(name=month.strftime("%Y_%m"), **bounds))
        month = following


def _first_day(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)
