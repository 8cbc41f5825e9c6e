"""The fair claim: round the offices, one each, in three lanes, behind the gate row that every worker locks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.recording.domain.gate import Gate, UnderWay
from services.recording.domain.orders import Ceiling
from services.recording.store.gates import gate_of
from shared.events.vocabulary import Lane, Operation
from shared.postgres.pool import Transaction

_LOCK_GATE = "SELECT * FROM gate WHERE operation = $1 FOR UPDATE"

# What a turn must know before it walks: live leases, whoever holds them, and when each lane's next stage is due.
_LOOK = """
    SELECT clock_timestamp() AS now,
        (SELECT count(*)
            FROM stage
            WHERE state = 'in_flight' AND operation = $1 AND leased_until > clock_timestamp()) AS in_flight,
        (SELECT count(*)
            FROM stage
            WHERE state = 'in_flight' AND operation = $1 AND leased_until > clock_timestamp()
                AND started_at >= $2) AS begun_since,
        (SELECT count(*)
            FROM stage
            WHERE state = 'in_flight' AND operation = $1 AND leased_until > clock_timestamp()
                AND lane = 'backlog') AS of_backlog,
        (SELECT min(due_at) FROM stage WHERE state = 'waiting' AND operation = $1 AND lane = 'traveller') AS traveller,
        (SELECT min(due_at) FROM stage WHERE state = 'waiting' AND operation = $1 AND lane = 'today') AS today,
        (SELECT min(due_at) FROM stage WHERE state = 'waiting' AND operation = $1 AND lane = 'backlog') AS backlog
    """  # leans on stage_leased and stage_next_due

# A recursive walk, one index probe per office, from the cursor on and once round; leans on stage_claim. With fewer
# offices than places each gets the same number, so no office is served twice before every office was served once.
_CLAIM = """
    WITH RECURSIVE ahead AS (
        (SELECT office, due_at
         FROM stage
         WHERE state = 'waiting' AND operation = $1 AND lane = $2 AND office > $3
         ORDER BY office, due_at
         LIMIT 1)
        UNION ALL
        SELECT n.*
        FROM ahead r
        CROSS JOIN LATERAL (
            SELECT office, due_at
            FROM stage
            WHERE state = 'waiting' AND operation = $1 AND lane = $2 AND office > r.office
            ORDER BY office, due_at
            LIMIT 1) n),
    behind AS (
        (SELECT office, due_at
         FROM stage
         WHERE state = 'waiting' AND operation = $1 AND lane = $2 AND office <= $3
         ORDER BY office, due_at
         LIMIT 1)
        UNION ALL
        SELECT n.*
        FROM behind r
        CROSS JOIN LATERAL (
            SELECT office, due_at
            FROM stage
            WHERE state = 'waiting' AND operation = $1 AND lane = $2 AND office > r.office AND office <= $3
            ORDER BY office, due_at
            LIMIT 1) n),
    turn AS MATERIALIZED (
        SELECT office
        FROM (SELECT office, due_at FROM ahead UNION ALL SELECT office, due_at FROM behind) ring
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
            LIMIT (SELECT greatest(1, $4 / count(*)) FROM turn)
            FOR UPDATE SKIP LOCKED) p)
    UPDATE stage s
    SET state = 'in_flight',
        lease_token = $5,
        leased_until = clock_timestamp() + $6::interval + $7::interval * (coalesce(r.packet_size, 0) / 262144.0),
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

_CLAIMED = """
    UPDATE gate
    SET cursor_traveller = $2, cursor_today = $3, cursor_backlog = $4,
        filled_at = CASE WHEN $5 THEN clock_timestamp() ELSE filled_at END,
        ceiling_tokens = $6, ceiling_counted_at = $7
    WHERE operation = $1"""


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a claim is ours: a base, and what each 256 KiB of the packet add, as its call's deadline grows."""

    base: timedelta
    per_256_kib: timedelta = timedelta()


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


async def lock_gate(tx: Transaction, operation: Operation) -> tuple[Gate, int, dict[Lane, str]]:
    """Lock an operation's gate and give it with the sequence of its last event and the lanes' cursors."""
    row = await tx.fetchrow(_LOCK_GATE, operation)
    if row is None:
        raise LookupError(operation)
    return gate_of(row), row["sequence"], {lane: row[f"cursor_{lane}"] for lane in Lane}


@dataclass(frozen=True, slots=True)
class Look:
    """An operation's queue at one glance: live leases, and the seconds until each lane's next stage is due."""

    now: datetime
    under_way: UnderWay
    due_in: dict[Lane, float]

    def due_lanes(self) -> list[Lane]:
        """Name the lanes that have something to do now."""
        return [lane for lane, seconds in self.due_in.items() if seconds <= 0]


async def look(tx: Transaction, operation: Operation, since: datetime) -> Look:
    """Look at a queue by the database's clock; a lane in which nothing waits is not named."""
    row = await tx.fetchrow(_LOOK, operation, since)
    if row is None:
        raise LookupError(operation)
    due_in = {lane: (row[lane] - row["now"]).total_seconds() for lane in Lane if row[lane] is not None}
    return Look(row["now"], UnderWay(row["in_flight"], row["begun_since"], row["of_backlog"]), due_in)


async def claim(
    tx: Transaction, operation: Operation, lane: Lane, *, cursor: str, places: int, token: UUID, lease: Lease
) -> list[Claimed]:
    """Claim for the offices in turn, from the cursor on and once round; in that order."""
    rows = await tx.fetch(_CLAIM, operation, lane, cursor, places, token, lease.base, lease.per_256_kib)
    claimed = [Claimed(**dict(row)) for row in rows]
    return sorted(claimed, key=lambda one: (one.office <= cursor, one.office))


async def claimed(
    tx: Transaction, operation: Operation, cursors: dict[Lane, str], *, is_filled: bool, ceiling: Ceiling | None
) -> None:
    """Remember where each lane's round stands, whether room was left, and what is left in the ceiling's bucket."""
    tokens = (ceiling.tokens, ceiling.counted_at) if ceiling else (0.0, None)
    await tx.execute(_CLAIMED, operation, *(cursors[lane] for lane in Lane), is_filled, *tokens)
