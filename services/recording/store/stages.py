"""Stage rows: opened when their preconditions hold, locked by lease, saved after the domain has judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.recording.domain.stage import StageLife
from shared.events.vocabulary import Lane, Operation, Stage, WhoActs
from shared.postgres.pool import Transaction

_OPEN = """
    INSERT INTO stage (recording_id, stage, operation, lane, office, due_at, caused_by)
    SELECT n.recording_id, n.stage, n.operation, n.lane, n.office, clock_timestamp() + n.waits, n.caused_by
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::interval[], $7::text[])
        AS n (recording_id, stage, operation, lane, office, waits, caused_by)
    ON CONFLICT (recording_id, stage) DO UPDATE
        SET state = 'waiting', due_at = excluded.due_at, caused_by = excluded.caused_by, asks = 0, strikes = 0,
            first_failed_at = NULL, last_failure = NULL, signature = NULL, who_must_act = NULL,
            -- An older packet may have arrived: that is asked before a newer one is sent (I3).
            operation = CASE WHEN stage.state = 'done' THEN excluded.operation ELSE stage.operation END
        WHERE stage.stage IN ('submission', 'deduplication') AND stage.state <> 'in_flight'"""

_LOCK_LEASED = """
    SELECT s.*
    FROM stage s
    JOIN unnest($1::uuid[], $2::text[], $3::uuid[]) AS n (recording_id, stage, attempt_id)
        ON (s.recording_id, s.stage, s.attempt_id) = (n.recording_id, n.stage, n.attempt_id)
    WHERE s.state = 'in_flight'
    ORDER BY s.recording_id, s.stage
    FOR UPDATE OF s"""

# Read without a lock: `lock_leased` takes the rows in the order everybody does, and finds out who was faster.
_EXPIRED = """
    SELECT recording_id, stage, attempt_id
    FROM stage
    WHERE state = 'in_flight' AND leased_until < clock_timestamp()
    ORDER BY leased_until
    LIMIT $1"""  # leans on stage_leased

_SAVE = """
    UPDATE stage s
    SET state = n.state, operation = n.operation, due_at = n.due_at, attempts = n.attempts, strikes = n.strikes,
        asks = n.asks, first_failed_at = n.first_failed_at, last_failure = n.last_failure, signature = n.signature,
        who_must_act = n.who_must_act, trigger = n.trigger, triggered_by = n.triggered_by,
        previous_attempt = n.previous_attempt, group_id = n.group_id, lease_token = NULL, leased_until = NULL,
        done_at = CASE WHEN n.state = 'done' THEN clock_timestamp() END
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::int[], $7::int[], $8::int[],
        $9::timestamptz[], $10::jsonb[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
        $16::uuid[])
        AS n (recording_id, stage, state, operation, due_at, attempts, strikes, asks, first_failed_at, last_failure,
            signature, who_must_act, trigger, triggered_by, previous_attempt, group_id)
    WHERE (s.recording_id, s.stage) = (n.recording_id, n.stage)"""

_LOCK_ONE = "SELECT * FROM stage WHERE recording_id = $1 AND stage = $2 FOR UPDATE"
_LOCK_MANY = """
    SELECT s.*
    FROM stage s
    JOIN unnest($1::uuid[], $2::text[]) AS n (recording_id, stage)
        ON (s.recording_id, s.stage) = (n.recording_id, n.stage)
    ORDER BY s.recording_id, s.stage
    FOR UPDATE OF s"""

# What a group retry still had to hear of ended with its recording.
_CLOSE_ALL = """
    WITH closed AS (
        DELETE FROM stage
        WHERE recording_id = ANY($1::uuid[]) AND state IN ('waiting', 'parked')
        RETURNING recording_id, stage, group_id)
    UPDATE group_retry_item i
    SET state = 'skipped', deferred = NULL, because = 'recording_ended'
    FROM closed c
    WHERE (i.group_id, i.recording_id, i.stage) = (c.group_id, c.recording_id, c.stage) AND i.state = 'running'"""

# Asked again in earnest when the newer packet has arrived: that opens the stage anew, due as scheduled.
_FREE_PARKED = """
    UPDATE stage
    SET state = 'waiting', due_at = clock_timestamp() + interval '1 day', first_failed_at = NULL, last_failure = NULL,
        signature = NULL, who_must_act = NULL
    WHERE recording_id = ANY($1::uuid[]) AND stage IN ('submission', 'deduplication') AND state = 'parked'
    RETURNING recording_id, stage"""

_LATEST_ATTEMPTS = """
    SELECT recording_id, trace_id, span_id
    FROM stage
    WHERE recording_id = ANY($1::uuid[]) AND stage = $2 AND trace_id IS NOT NULL"""

AT_ONCE = timedelta()


@dataclass(frozen=True, slots=True)
class StageRow:
    """A locked stage: its life, and what its attempts are known by."""

    recording_id: UUID
    office: str
    life: StageLife
    trigger: str
    triggered_by: str | None
    attempt_id: UUID | None
    trace_id: str | None
    span_id: str | None
    started_at: datetime | None
    caused_by: str
    previous_attempt: str | None
    group_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewStage:
    """A stage whose preconditions hold from now on."""

    recording_id: UUID
    stage: Stage
    operation: Operation
    lane: Lane
    office: str
    waits: timedelta
    caused_by: str


async def open_all(tx: Transaction, stages: Sequence[NewStage]) -> None:
    """Write new stages; those that a newer packet starts anew keep their count of attempts."""
    rows = [(s.recording_id, s.stage, s.operation, s.lane, s.office, s.waits, s.caused_by) for s in stages]
    if rows:
        await tx.execute(_OPEN, *map(list, zip(*rows, strict=True)))


async def lock_leased(tx: Transaction, keys: Sequence[tuple[UUID, str, UUID]]) -> dict[UUID, StageRow]:
    """Lock the stages whose attempt is still the one we made, by attempt id; a zombie's are not among them."""
    rows = await tx.fetch(_LOCK_LEASED, *map(list, zip(*keys, strict=True)))
    return {row["attempt_id"]: stage_of(row) for row in rows}


async def lock_one(tx: Transaction, recording_id: UUID, stage: Stage) -> StageRow | None:
    """Lock one stage; absent when its preconditions never held."""
    row = await tx.fetchrow(_LOCK_ONE, recording_id, stage)
    return stage_of(row) if row else None


async def lock_many(tx: Transaction, keys: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], StageRow]:
    """Lock stages in the order everybody does; those without a row are not among them."""
    rows = await tx.fetch(_LOCK_MANY, *map(list, zip(*keys, strict=True)))
    return {(row["recording_id"], row["stage"]): stage_of(row) for row in rows}


async def expired(tx: Transaction, limit: int) -> list[tuple[UUID, str, UUID]]:
    """Find leases whose worker died in mid-call."""
    rows = await tx.fetch(_EXPIRED, limit)
    return [(row["recording_id"], row["stage"], row["attempt_id"]) for row in rows]


async def save_all(tx: Transaction, stages: Sequence[StageRow]) -> None:
    """Write judged stages and release their leases."""
    if stages:
        await tx.execute(_SAVE, *map(list, zip(*map(_row, stages), strict=True)))


async def close_open(tx: Transaction, ended: Sequence[UUID]) -> None:
    """Take away what still waits of recordings that ended; their ledger stays."""
    if ended:
        await tx.execute(_CLOSE_ALL, ended)


async def free_parked(tx: Transaction, captured_anew: Sequence[UUID]) -> dict[UUID, list[Stage]]:
    """Let go of what older packets were parked for, newer ones being on their way; gives the stages freed."""
    freed: dict[UUID, list[Stage]] = {}
    for row in await tx.fetch(_FREE_PARKED, captured_anew) if captured_anew else ():
        freed.setdefault(row["recording_id"], []).append(Stage(row["stage"]))
    return freed


async def latest_attempts(tx: Transaction, ids: Sequence[UUID], stage: Stage) -> dict[UUID, str]:
    """Give the traceparent of the latest attempt at a stage, for what that attempt makes happen later."""
    rows = await tx.fetch(_LATEST_ATTEMPTS, ids, stage) if ids else ()
    return {row["recording_id"]: _traceparent(row["trace_id"], row["span_id"]) for row in rows}


def stage_of(row: Any) -> StageRow:
    """Read a stage from its row."""
    life = StageLife(
        stage=Stage(row["stage"]),
        operation=Operation(row["operation"]),
        state=row["state"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        strikes=row["strikes"],
        asks=row["asks"],
        first_failed_at=row["first_failed_at"],
        last_failure=row["last_failure"],
        signature=row["signature"],
        who_must_act=WhoActs(row["who_must_act"]) if row["who_must_act"] else None,
    )
    kept = {name: row[name] for name in StageRow.__slots__ if name != "life"}
    return StageRow(life=life, **kept)


def judged(row: StageRow, life: StageLife, *, is_deferred: bool = False) -> StageRow:
    """Put a judged life in place; the next attempt links to this one, and stays in its group when that waits for it."""
    after = replace(row, life=life, previous_attempt=_traceparent(row.trace_id, row.span_id))
    return after if is_deferred else replace(after, trigger="due", triggered_by=None, group_id=None)


def _traceparent(trace_id: str | None, span_id: str | None) -> str:
    return f"00-{trace_id}-{span_id}-01"


def _row(stage: StageRow) -> tuple[Any, ...]:
    life = stage.life
    return (
        stage.recording_id,
        life.stage,
        life.state,
        life.operation,
        life.due_at,
        life.attempts,
        life.strikes,
        life.asks,
        life.first_failed_at,
        life.last_failure,
        life.signature,
        life.who_must_act,
        stage.trigger,
        stage.triggered_by,
        stage.previous_attempt,
        stage.group_id,
    )
