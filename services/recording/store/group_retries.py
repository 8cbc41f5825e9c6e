"""Group retries: their rows, and the freezing of the ids that a plan holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.recording.domain.group_retry import GroupRetry
from shared.events.vocabulary import GroupRetryState
from shared.postgres.pool import Transaction

_CHUNK = 5_000

_ADD = """
    INSERT INTO group_retry (id, filter, takes, reason_code, requested_by, traceparent)
    VALUES ($1, $2, $3, $4, $5, $6)"""

# The ids are copied: what is parked later is not among them. Two statements for the sake of the partial index.
_FREEZE_PARKED = """
    INSERT INTO group_retry_item (group_id, recording_id, stage, office, operation, attempts_before, identity_version)
    SELECT $1, s.recording_id, s.stage, s.office, s.operation, s.attempts, r.identity_version
    FROM stage s
    JOIN recording r ON r.id = s.recording_id
    WHERE s.state = 'parked' AND (s.recording_id, s.stage) > ($2, $3)
        AND s.office LIKE ANY($4::text[])
        AND ($5::text IS NULL OR s.stage = $5)
        AND ($6::text IS NULL OR split_part(s.signature, '/', 2) = $6)
        AND ($7::text IS NULL OR s.signature = $7)
        AND ($8::text IS NULL OR s.office LIKE $8)
    ORDER BY s.recording_id, s.stage
    LIMIT $9
    RETURNING recording_id, stage, office, operation"""  # leans on stage_parked_in_order

_FREEZE_WAITING = _FREEZE_PARKED.replace("s.state = 'parked'", "s.state = 'waiting' AND s.due_at < 'infinity'")

_FROZEN = "UPDATE group_retry SET total = $2, offices = $3, operations = $4 WHERE id = $1"

# A group with an office that the caller may not see is not there for the caller; an empty one is its maker's.
_READ = """
    SELECT g.*
    FROM group_retry g
    WHERE g.id = $1 AND (
        (cardinality(g.offices) = 0 AND g.requested_by = $3)
        OR (cardinality(g.offices) > 0
            AND NOT EXISTS (SELECT 1 FROM unnest(g.offices) AS o (office) WHERE NOT o.office LIKE ANY($2::text[]))))"""

_LIST = """
    SELECT g.*
    FROM group_retry g
    WHERE ($3::text IS NULL OR g.state = $3)
        AND ($4::uuid IS NULL OR g.id < $4)
        AND ((cardinality(g.offices) = 0 AND g.requested_by = $2)
            OR (cardinality(g.offices) > 0
                AND NOT EXISTS (SELECT 1 FROM unnest(g.offices) AS o (office) WHERE NOT o.office LIKE ANY($1::text[]))))
    ORDER BY g.id DESC
    LIMIT $5"""

_RUNNING = "SELECT id FROM group_retry WHERE state = 'running' ORDER BY id"

# Another worker is at it: then it is in good hands.
_TAKE = "SELECT * FROM group_retry WHERE id = $1 AND state = 'running' FOR UPDATE SKIP LOCKED"

_SAVE = """
    UPDATE group_retry
    SET state = $2, wave = $3, ramp = $4, paused_because = $5, paused_signature = $6, paused_by = $7, sequence = $8,
        reason_code = $9, requested_by = $10, traceparent = $11, changed_at = clock_timestamp(),
        started_at = CASE WHEN $2 = 'running' THEN coalesce(started_at, clock_timestamp()) ELSE started_at END
    WHERE id = $1"""

_FORGET_PLANS = """
    DELETE FROM group_retry
    WHERE state = 'planned' AND made_at < clock_timestamp() - interval '1 day'"""  # leans on group_retry_planned

# A mean over what was called last tells how fast it may go; leans on the ledger's primary key.
_PACE = """
    SELECT (SELECT avg(duration_ms)::float8
            FROM (SELECT duration_ms FROM attempt ORDER BY id DESC LIMIT 200) last) AS call_ms,
        (SELECT min(call_limit) FROM gate WHERE operation = ANY($1::text[])) AS places"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which stages a group takes; `office` is a pattern, the rest is equal or absent."""

    takes: str
    offices: Sequence[str]
    stage: str | None = None
    cause: str | None = None
    signature: str | None = None
    office: str | None = None


@dataclass(slots=True)
class GroupRow:
    """A group's row; `life` is what decisions change."""

    id: UUID
    life: GroupRetry
    takes: str
    filter: dict[str, Any]
    reason_code: str
    requested_by: str
    offices: list[str]
    operations: list[str]
    total: int
    sequence: int
    traceparent: str
    made_at: datetime
    started_at: datetime | None
    changed_at: datetime

    def next_sequence(self) -> int:
        """Give the number of its next event; the row is locked, so none is left out."""
        self.sequence += 1
        return self.sequence


@dataclass(slots=True)
class Plan:
    """What was frozen."""

    by_office: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)


async def add(tx: Transaction, group_id: UUID, told: dict[str, Any], wanted: Wanted, *, by: str, trace: str) -> None:
    """Write a new plan; `told` is what was asked for, as it is shown."""
    reason_code, shown = told["reason_code"], told["filter"]
    await tx.execute(_ADD, group_id, shown, wanted.takes, reason_code, by, trace)


async def freeze(tx: Transaction, group_id: UUID, wanted: Wanted) -> Plan:
    """Copy the ids of all that is wanted now, in chunks."""
    plan, last = Plan(), (UUID(int=0), "")
    chosen = (list(wanted.offices), wanted.stage, wanted.cause, wanted.signature, wanted.office)
    statement = _FREEZE_PARKED if wanted.takes == "parked" else _FREEZE_WAITING
    while rows := await tx.fetch(statement, group_id, *last, *chosen, _CHUNK):
        plan.by_office.update(row["office"] for row in rows)
        plan.operations.update(row["operation"] for row in rows)
        if len(rows) < _CHUNK:
            break
        last = max((row["recording_id"], row["stage"]) for row in rows)
    await tx.execute(_FROZEN, group_id, plan.by_office.total(), sorted(plan.by_office), sorted(plan.operations))
    return plan


async def pace(tx: Transaction, operations: Sequence[str]) -> tuple[float, int]:
    """Give the usual milliseconds of a call, and how many may be under way at once."""
    row = await tx.fetchrow(_PACE, list(operations))
    return (float(row["call_ms"] or 0.0), int(row["places"] or 1)) if row else (0.0, 1)


async def read(
    tx: Transaction, group_id: UUID, offices: Sequence[str], subject: str, *, lock: bool = False
) -> GroupRow | None:
    """Read a group if all of its offices are the caller's."""
    row = await tx.fetchrow(f"{_READ} FOR UPDATE" if lock else _READ, group_id, offices, subject)
    return _group_of(row) if row else None


async def list_all(  # noqa: PLR0917  these are the query's parameters, in its order
    tx: Transaction, offices: Sequence[str], subject: str, state: str | None, after: UUID | None, limit: int
) -> list[GroupRow]:
    """List groups, the newest first."""
    return [_group_of(row) for row in await tx.fetch(_LIST, offices, subject, state, after, limit)]


async def running(tx: Transaction) -> list[UUID]:
    """Name the groups that run."""
    return [row["id"] for row in await tx.fetch(_RUNNING)]


async def take(tx: Transaction, group_id: UUID) -> GroupRow | None:
    """Lock a running group; absent when another worker has it or it runs no more."""
    row = await tx.fetchrow(_TAKE, group_id)
    return _group_of(row) if row else None


async def save(tx: Transaction, group: GroupRow) -> None:
    """Write what was decided about a locked group."""
    life = group.life
    await tx.execute(
        _SAVE,
        group.id,
        life.state,
        life.wave,
        life.ramp,
        life.paused_because,
        life.paused_signature,
        life.paused_by,
        group.sequence,
        group.reason_code,
        group.requested_by,
        group.traceparent,
    )


async def forget_plans(tx: Transaction) -> None:
    """Take away plans that expired and were never run."""
    await tx.execute(_FORGET_PLANS)


def _group_of(row: Any) -> GroupRow:
    life = GroupRetry(
        GroupRetryState(row["state"]),
        row["wave"],
        row["ramp"],
        row["paused_because"],
        row["paused_signature"],
        row["paused_by"],
    )
    return GroupRow(life=life, **{name: row[name] for name in GroupRow.__slots__ if name != "life"})
