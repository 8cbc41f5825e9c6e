"""The fair claim: round the offices, one each, in three lanes, behind the gate row that every worker locks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.recording.domain.gate import Gate
from shared.events.vocabulary import Cause, GateState, Lane, Operation
from shared.postgres.pool import Transaction

_LOCK_GATE = """
    SELECT state, call_limit, failing, cause, probe_at, cursor_traveller, cursor_today, cursor_backlog
    FROM gate
    WHERE operation = $1
    FOR UPDATE"""

_IN_FLIGHT = """
    SELECT count(*)
    FROM stage
    WHERE state = 'in_flight' AND operation = $1 AND leased_until > clock_timestamp()"""  # leans on stage_leased

# A recursive walk: one index probe per office, from the cursor on; leans on stage_claim.
_CLAIM = """
    WITH RECURSIVE ring AS (
        (SELECT office, due_at
         FROM stage
         WHERE state = 'waiting' AND operation = $1 AND lane = $2 AND office > $3
         ORDER BY office, due_at
         LIMIT 1)
        UNION ALL
        SELECT n.*
        FROM ring r
        CROSS JOIN LATERAL (
            SELECT office, due_at
            FROM stage
            WHERE state = 'waiting' AND operation = $1 AND lane = $2 AND office > r.office
            ORDER BY office, due_at
            LIMIT 1) n),
    turn AS MATERIALIZED (
        SELECT office
        FROM ring
        WHERE due_at <= clock_timestamp()
        LIMIT $4),
    picked AS MATERIALIZED (
        SELECT p.*
        FROM turn t
        CROSS JOIN LATERAL (
            SELECT recording_id, stage
            FROM stage
            WHERE state = 'waiting' AND operation = $1 AND lane = $2 AND office = t.office
                AND due_at <= clock_timestamp()
            ORDER BY due_at
            LIMIT $5
            FOR UPDATE SKIP LOCKED) p)
    UPDATE stage s
    SET state = 'in_flight',
        lease_token = $6,
        leased_until = clock_timestamp() + $7::interval,
        attempt_id = uuidv7(),
        trace_id = replace(gen_random_uuid()::text, '-', ''),
        span_id = substr(replace(gen_random_uuid()::text, '-', ''), 1, 16),
        started_at = clock_timestamp()
    FROM picked p
    JOIN recording r ON r.id = p.recording_id
    WHERE (s.recording_id, s.stage) = (p.recording_id, p.stage)
    RETURNING s.recording_id, s.stage, s.operation, s.office, s.attempt_id, s.trace_id, s.span_id, s.started_at,
        s.lease_token, r.purpose, r.sealed_at, r.identity_ref, r.identity_digest, r.identity_version,
        r.packet_ref, r.packet_digest, r.packet_version, r.packet_size"""

_MOVE_CURSORS = """
    UPDATE gate
    SET cursor_traveller = $2, cursor_today = $3, cursor_backlog = $4
    WHERE operation = $1"""

_NEXT_DUE = """
    SELECT min(due_at) AS due_at, clock_timestamp() AS now
    FROM (
        SELECT due_at
        FROM stage
        WHERE state = 'waiting' AND operation = $1
        ORDER BY due_at
        LIMIT 1) soonest"""  # leans on stage_next_due


@dataclass(frozen=True, slots=True)
class Claimed:
    """A stage that is ours to call for, with all that the call needs; fenced by token and attempt id."""

    recording_id: UUID
    stage: str
    operation: str
    office: str
    attempt_id: UUID
    trace_id: str
    span_id: str
    started_at: datetime
    lease_token: UUID
    purpose: str
    sealed_at: str
    identity_ref: str
    identity_digest: str
    identity_version: int
    packet_ref: str | None
    packet_digest: str | None
    packet_version: int | None
    packet_size: int | None


async def lock_gate(tx: Transaction, operation: Operation) -> tuple[Gate, dict[Lane, str]]:
    """Lock an operation's gate and give it with the lanes' cursors."""
    row = await tx.fetchrow(_LOCK_GATE, operation)
    if row is None:
        raise LookupError(operation)
    return gate_of(row), {lane: row[f"cursor_{lane}"] for lane in Lane}


def gate_of(row: Any) -> Gate:
    """Read a gate from its row."""
    return Gate(
        GateState(row["state"]),
        row["call_limit"],
        tuple(row["failing"]),
        Cause(row["cause"]) if row["cause"] else None,
        row["probe_at"],
    )


async def count_in_flight(tx: Transaction, operation: Operation) -> int:
    """Count live leases, whoever holds them."""
    count: int = await tx.fetchval(_IN_FLIGHT, operation)
    return count


async def claim(
    tx: Transaction, operation: Operation, lane: Lane, *, cursor: str, places: int, token: UUID, lease: timedelta
) -> list[Claimed]:
    """Claim one stage of each office after the cursor, starting again at the first office when the ring is short."""
    rows = await tx.fetch(_CLAIM, operation, lane, cursor, places, 1, token, lease)
    claimed = [Claimed(**dict(row)) for row in rows]
    claimed.sort(key=lambda one: one.office)
    if len(claimed) < places and cursor:
        rest = await claim(tx, operation, lane, cursor="", places=places - len(claimed), token=token, lease=lease)
        return claimed + rest
    return claimed


async def move_cursors(tx: Transaction, operation: Operation, cursors: dict[Lane, str]) -> None:
    """Remember where each lane's round stands."""
    await tx.execute(_MOVE_CURSORS, operation, *(cursors[lane] for lane in Lane))


async def seconds_until_due(tx: Transaction, operation: Operation) -> float | None:
    """Tell how long until the next stage of this operation is due; absent when none waits."""
    row = await tx.fetchrow(_NEXT_DUE, operation)
    if row is None or row["due_at"] is None:
        return None
    seconds: float = (row["due_at"] - row["now"]).total_seconds()
    return seconds
