"""Gate rows: one per operation, shared by all workers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.recording.domain.gate import Gate
from services.recording.store.claims import gate_of
from shared.events.vocabulary import GateState, Operation
from shared.postgres.pool import Transaction

_ENSURE = """
    INSERT INTO gate (operation, call_limit)
    SELECT operation, $2 FROM unnest($1::text[]) AS operation
    ON CONFLICT (operation) DO UPDATE SET call_limit = excluded.call_limit"""

_IS_CALM = "SELECT state = 'flowing' AND cardinality(failing) = 0 FROM gate WHERE operation = $1"
_LOCK = "SELECT * FROM gate WHERE operation = $1 FOR UPDATE"

_SAVE = """
    UPDATE gate
    SET state = $2, failing = $3, cause = $4, probe_at = $5, sequence = $6,
        since = CASE WHEN state = $2 THEN since ELSE clock_timestamp() END
    WHERE operation = $1"""

# The probe's turn is taken by moving its time: another process then finds it not due.
_TAKE_PROBE = """
    UPDATE gate
    SET probe_at = clock_timestamp() + $1::interval
    WHERE operation = ANY(ARRAY(
        SELECT operation
        FROM gate
        WHERE state = 'holding' AND probe_at <= clock_timestamp()
        FOR UPDATE SKIP LOCKED))
    RETURNING operation"""

_STATES = "SELECT operation, state, call_limit FROM gate"

_WAITING = """
    SELECT stage, lane, count(*),
        greatest(0, extract(epoch FROM clock_timestamp() - min(due_at)))::float8 AS oldest_seconds
    FROM stage
    WHERE state = 'waiting'
    GROUP BY stage, lane"""

_PARKED = """
    SELECT signature, count(*)
    FROM stage
    WHERE state = 'parked'
    GROUP BY signature
    ORDER BY count(*) DESC
    LIMIT 50"""  # leans on stage_parked

_IN = "SELECT operation FROM gate WHERE state = ANY($1::text[])"

_LIST = """
    SELECT g.*,
        (SELECT count(*)
            FROM stage s
            WHERE s.state = 'in_flight' AND s.operation = g.operation AND s.leased_until > clock_timestamp()
        ) AS in_flight,
        (SELECT jsonb_object_agg(lane, n) FROM (
            SELECT s.lane, count(*) AS n
            FROM stage s
            WHERE s.state = 'waiting' AND s.operation = g.operation
            GROUP BY s.lane) counted) AS backlog,
        (SELECT min(due_at) FROM stage s WHERE s.state = 'waiting' AND s.operation = g.operation) AS oldest_due_at
    FROM gate g
    ORDER BY g.operation"""


async def ensure(tx: Transaction, limit: int) -> None:
    """Make a gate for each operation and set its limit of concurrent calls."""
    await tx.execute(_ENSURE, list(Operation), limit)


async def is_calm(tx: Transaction, operation: Operation) -> bool:
    """Tell without a lock whether the gate flows and remembers no failure: then a success teaches it nothing."""
    return bool(await tx.fetchval(_IS_CALM, operation))


async def lock(tx: Transaction, operation: Operation) -> tuple[Gate, int]:
    """Lock a gate; with it comes the sequence of its last event."""
    row = await tx.fetchrow(_LOCK, operation)
    if row is None:
        raise LookupError(operation)
    return gate_of(row), row["sequence"]


async def save(tx: Transaction, operation: Operation, gate: Gate, sequence: int) -> None:
    """Write what the gate has learnt."""
    await tx.execute(_SAVE, operation, gate.state, list(gate.failing), gate.cause, gate.probe_at, sequence)


async def take_due_probes(tx: Transaction, meanwhile: timedelta) -> list[Operation]:
    """Take the probes that are due, one process each; `meanwhile` is when another may try if we die."""
    return [Operation(row["operation"]) for row in await tx.fetch(_TAKE_PROBE, meanwhile)]


async def list_all(tx: Transaction) -> list[Any]:
    """Read all gates with what waits behind them."""
    return await tx.fetch(_LIST)


async def operations_in(tx: Transaction, states: Sequence[GateState]) -> set[str]:
    """Name the operations whose gate is in one of these states."""
    return {row["operation"] for row in await tx.fetch(_IN, list(states))}


async def states(tx: Transaction) -> list[Any]:
    """Read each gate's state and limit."""
    return await tx.fetch(_STATES)


async def waiting(tx: Transaction) -> list[Any]:
    """Count what waits by stage and lane, with the age of what is due first."""
    return await tx.fetch(_WAITING)


async def parked(tx: Transaction) -> list[Any]:
    """Count what waits for a person, by kind of failure."""
    return await tx.fetch(_PARKED)
