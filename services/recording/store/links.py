"""What the link verdict is made from, and the row per operation in which it is kept until it expires."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.recording.domain.line_witnesses import Calls, FailedCall, LinkVerdict
from services.recording.domain.link import Verdict
from shared.events.vocabulary import Cause, Confidence, Operation, Owner, Source
from shared.ids import smallest_uuid7_at
from shared.postgres.pool import Transaction

_LONGEST_CALL = timedelta(minutes=2)  # an id is minted when the call begins; the largest packet's deadline is 79 s
_MOST_ANSWERED = 400

# One process at a time judges the line and writes outages; the others read what it wrote.
_TRY_LOCK = "SELECT clock_timestamp() AS now, pg_try_advisory_xact_lock(7239472) AS is_ours"

_FAILED = """
    SELECT id, recording_id, operation, cause, started_at,
        started_at + duration_ms * interval '1 millisecond' AS ended_at,
        phase_failed, evidence ->> 'status' IS NOT NULL AS is_spoken,
        coalesce(evidence #>> '{verdict,because}', signature, '') AS because
    FROM attempt
    WHERE id >= $1 AND outcome IN ('failed', 'unknown')
        AND started_at + duration_ms * interval '1 millisecond' >= $2
    ORDER BY id DESC
    LIMIT 400"""  # leans on attempt_trouble

# The last answered call lies at the end of its operation's index; those of the window are counted only where needed.
# Asked for as a pair, for by the id alone the planner would walk the ledger back to a rare operation's last call.
_OPERATIONS = """
    SELECT g.operation, g.state, g.cause AS held_by, g.since AS held_since, l.verdict, l.owner, l.since, l.confidence,
        l.sources, l.evidence ->> 'because' AS because, l.last_failed_at, l.checked_at, l.expires_at,
        (SELECT CASE WHEN operation = g.operation THEN started_at + duration_ms * interval '1 millisecond' END
            FROM attempt
            WHERE outcome IN ('done', 'refused')
                AND (operation, id) <= (g.operation, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
            ORDER BY operation DESC, id DESC
            LIMIT 1) AS last_answered_at,
        EXISTS (SELECT FROM stage WHERE state = 'waiting' AND operation = g.operation) AS waits
    FROM gate g
    LEFT JOIN link l USING (operation)"""  # leans on attempt_answered and stage_claim

_ANSWERED = """
    SELECT count(*)
    FROM (SELECT FROM attempt
        WHERE operation = $1 AND outcome IN ('done', 'refused') AND id >= $2
        LIMIT $3) lately"""

_SAVE = """
    INSERT INTO link (operation, verdict, owner, since, confidence, sources, evidence, last_failed_at, checked_at,
        expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (operation) DO UPDATE SET verdict = excluded.verdict, owner = excluded.owner, since = excluded.since,
        confidence = excluded.confidence, sources = excluded.sources, evidence = excluded.evidence,
        last_failed_at = excluded.last_failed_at, checked_at = excluded.checked_at, expires_at = excluded.expires_at"""

_LIST = """
    SELECT l.*, l.evidence ->> 'because' AS because, NULL::timestamptz AS last_answered_at, clock_timestamp() AS now
    FROM link l"""


@dataclass(frozen=True, slots=True)
class Heard:
    """What calls of one operation say, and the verdict that stands."""

    calls: Calls
    before: Verdict | None


async def try_lock(tx: Transaction) -> datetime | None:
    """Become the one that judges until the transaction ends, and give the database's time; absent if another is."""
    row = await tx.fetchrow(_TRY_LOCK)
    return row["now"] if row and row["is_ours"] else None


async def hear(tx: Transaction, now: datetime, window: timedelta) -> dict[Operation, Heard]:
    """Read what real calls of each operation said within the window."""
    failed = _by_operation(await tx.fetch(_FAILED, smallest_uuid7_at(now - window - _LONGEST_CALL), now - window))
    heard = {}
    for row in await tx.fetch(_OPERATIONS):
        operation = Operation(row["operation"])
        is_held = row["state"] in ("holding", "probing")
        answered, last = 0, row["last_answered_at"]
        if failed.get(operation) and last is not None and now - last <= window:
            answered = await tx.fetchval(_ANSWERED, operation, smallest_uuid7_at(now - window), _MOST_ANSWERED)
        calls = Calls(
            failed=tuple(failed.get(operation, ())),
            answered=answered,
            last_answered_at=last,
            last_failed_at=row["last_failed_at"],
            held_by=Cause(row["held_by"]) if is_held and row["held_by"] else None,
            held_since=row["held_since"] if is_held else None,
            waits=row["waits"],
        )
        heard[operation] = Heard(calls, verdict_of(row) if row["verdict"] else None)
    return heard


async def save(tx: Transaction, operation: Operation, verdict: Verdict, evidence: dict[str, Any]) -> None:
    """Write an operation's verdict."""
    await tx.execute(
        _SAVE,
        operation,
        verdict.verdict,
        verdict.owner,
        verdict.since,
        verdict.confidence,
        list(verdict.sources),
        evidence,
        verdict.last_failed_at,
        verdict.checked_at,
        verdict.expires_at,
    )


async def read_all(tx: Transaction) -> tuple[datetime | None, dict[Operation, tuple[Verdict, dict[str, Any]]]]:
    """Read the rows as they stand, expired or not, with the database's time."""
    rows = await tx.fetch(_LIST)
    now = rows[0]["now"] if rows else None
    return now, {Operation(row["operation"]): (verdict_of(row), row["evidence"]) for row in rows}


def verdict_of(row: Any) -> Verdict:
    """Read a verdict from its row."""
    return Verdict(
        verdict=LinkVerdict(row["verdict"]),
        owner=Owner(row["owner"]),
        confidence=Confidence(row["confidence"]),
        sources=tuple(Source(one) for one in row["sources"]),
        because=row["because"] or "",
        since=row["since"],
        checked_at=row["checked_at"],
        expires_at=row["expires_at"],
        last_failed_at=row["last_failed_at"],
        last_answered_at=row["last_answered_at"],
    )


def _by_operation(rows: Sequence[Any]) -> dict[Operation, list[FailedCall]]:
    found: dict[Operation, list[FailedCall]] = {}
    for row in rows:
        cause = Cause(row["cause"])
        # Our own faults before anything left (a lost packet, a dead worker) say nothing about line and centre.
        if cause in (Cause.NETWORK, Cause.SERVER) or row["phase_failed"] is not None:
            found.setdefault(Operation(row["operation"]), []).append(_failed_call(row, cause))
    return found


def _failed_call(row: Any, cause: Cause) -> FailedCall:
    identifier: UUID = row["id"]
    return FailedCall(
        identifier,
        row["recording_id"],
        cause,
        row["is_spoken"],
        row["started_at"],
        row["ended_at"],
        row["because"],
    )
