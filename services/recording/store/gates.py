"""Gate rows: one per operation, shared by all workers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.recording.domain.gate import Gate
from services.recording.domain.orders import Ceiling, Orders
from services.recording.domain.pace import Pace
from shared.events.vocabulary import Cause, GateState, Operation
from shared.postgres.pool import Transaction

_FIRST_LIMIT = 4

_ENSURE = """
    INSERT INTO gate (operation, call_limit, allowed)
    SELECT operation, $2::int, least($3::float8, $2::int) FROM unnest($1::text[]) AS operation
    ON CONFLICT (operation) DO UPDATE
        SET call_limit = excluded.call_limit, allowed = least(gate.allowed, excluded.call_limit)"""

# Then no success teaches it anything, and no lock is needed: nothing failed, and no claim has left it without room.
_IS_CALM = """
    SELECT state = 'flowing' AND cardinality(failing) = 0 AND losses = 0 AND relapses = 0 AND NOT is_dry
        AND (allowed >= call_limit OR filled_at IS NULL OR filled_at < $2)
    FROM gate
    WHERE operation = $1"""
_LOCK = "SELECT * FROM gate WHERE operation = $1 FOR UPDATE"

_SAVE = """
    UPDATE gate
    SET state = $2, since = $3, failing = $4, broken = $5, losses = $6, cause = $7, probe_at = $8, relapses = $9,
        not_before = $10, allowed = $11, is_starting = $12, is_dry = $13, cut_at = $14, filled_at = $15,
        paused_until = $16, ordered_by = $17, reason_code = $18, ceiling_per_second = $19, ceiling_until = $20,
        ceiling_tokens = $21, ceiling_counted_at = $22, sequence = $23
    WHERE operation = $1"""

_SHOWN_STATE = """
    CASE WHEN g.state <> 'paused' OR g.paused_until > clock_timestamp() THEN g.state
         WHEN g.cause IS NULL THEN 'flowing' ELSE 'holding' END"""

_CARE = """
    SELECT coalesce(bool_or(state = 'holding' AND probe_at <= clock_timestamp()), false) AS probe,
        coalesce(array_agg(operation) FILTER (WHERE least(paused_until, ceiling_until) <= clock_timestamp()), '{}')
            AS ended
    FROM gate"""

_LOCK_ALL = "SELECT FROM gate ORDER BY operation FOR UPDATE"

# One probe speaks for all that hold; while it is under way, by whichever process, there is no second one.
_TAKE_PROBE = """
    UPDATE gate
    SET probe_at = clock_timestamp() + $1::interval, probed_until = clock_timestamp() + $1::interval
    WHERE state = 'holding' AND coalesce(not_before, '-infinity') <= clock_timestamp()
        AND EXISTS (SELECT FROM gate WHERE state = 'holding' AND probe_at <= clock_timestamp()
            AND coalesce(not_before, '-infinity') <= clock_timestamp())
        AND NOT EXISTS (SELECT FROM gate WHERE probed_until > clock_timestamp())
        AND (probe_at <= clock_timestamp() OR relapses = 0)
    RETURNING operation"""
_PROBED = "UPDATE gate SET probed_until = NULL WHERE probed_until IS NOT NULL"

_STATES = f"SELECT g.operation, {_SHOWN_STATE} AS state, floor(g.allowed)::int AS allowed FROM gate g"  # noqa: S608  our own words
_IN = f"SELECT g.operation FROM gate g WHERE {_SHOWN_STATE} = ANY($1::text[])"  # noqa: S608  our own words

_PARKED = """
    SELECT signature, count(*)
    FROM stage
    WHERE state = 'parked'
    GROUP BY signature
    ORDER BY count(*) DESC
    LIMIT 50"""  # leans on stage_parked

_LIST = """
    SELECT g.*, clock_timestamp() AS now,
        (SELECT count(*)
            FROM stage s
            WHERE s.state = 'in_flight' AND s.operation = g.operation AND s.leased_until > clock_timestamp()
        ) AS in_flight
    FROM gate g
    ORDER BY g.operation"""


async def ensure(tx: Transaction, limit: int) -> None:
    """Make a gate for each operation and set the most that its limit may grow to."""
    await tx.execute(_ENSURE, list(Operation), limit, float(_FIRST_LIMIT))


async def is_calm(tx: Transaction, operation: Operation, began: datetime) -> bool:
    """Tell without a lock whether successes begun since then teach nothing; a lock costs the claims their time."""
    return bool(await tx.fetchval(_IS_CALM, operation, began))


async def lock(tx: Transaction, operation: Operation) -> tuple[Gate, int]:
    """Lock a gate; with it comes the sequence of its last event."""
    row = await tx.fetchrow(_LOCK, operation)
    if row is None:
        raise LookupError(operation)
    return gate_of(row), row["sequence"]


async def save(tx: Transaction, operation: Operation, gate: Gate, sequence: int) -> None:
    """Write what the gate has learnt or was ordered."""
    pace, orders, ceiling = gate.pace, gate.orders, gate.orders.ceiling
    learnt = (gate.losses, gate.cause, gate.probe_at, gate.relapses, gate.not_before)
    paced = (pace.allowed, pace.is_starting, pace.is_dry, pace.cut_at, pace.filled_at)
    ordered = (orders.paused_until, orders.by, orders.reason_code)
    limited = (ceiling.per_second, ceiling.until, ceiling.tokens, ceiling.counted_at) if ceiling else _NO_CEILING
    known = (gate.state, gate.since, list(gate.failing), list(gate.broken), *learnt)
    await tx.execute(_SAVE, operation, *known, *paced, *ordered, *limited, sequence)


async def due_for_care(tx: Transaction) -> tuple[bool, list[Operation]]:
    """Tell, in one cheap look, whether a probe is due, and whose orders have ended."""
    row = await tx.fetchrow(_CARE)
    return (row["probe"], [Operation(one) for one in row["ended"]]) if row else (False, [])


async def take_probe(tx: Transaction, meanwhile: timedelta) -> list[Operation]:
    """Take the installation's one probe, for all gates it speaks for; `meanwhile` is when another may try if we die."""
    await tx.execute(_LOCK_ALL)
    return [Operation(row["operation"]) for row in await tx.fetch(_TAKE_PROBE, meanwhile)]


async def end_probe(tx: Transaction) -> None:
    """Let the next probe begin."""
    await tx.execute(_PROBED)


async def list_all(tx: Transaction) -> list[Any]:
    """Read all gates with the calls that are under way."""
    return await tx.fetch(_LIST)


async def operations_in(tx: Transaction, states: Sequence[GateState]) -> set[str]:
    """Name the operations whose gate is in one of these states."""
    return {row["operation"] for row in await tx.fetch(_IN, list(states))}


async def states(tx: Transaction) -> list[Any]:
    """Read each gate's state and limit."""
    return await tx.fetch(_STATES)


async def parked(tx: Transaction) -> list[Any]:
    """Count what waits for a person, by kind of failure."""
    return await tx.fetch(_PARKED)


def gate_of(row: Any) -> Gate:
    """Read a gate from its row."""
    pace = Pace(row["call_limit"], row["allowed"], row["is_starting"], row["is_dry"], row["cut_at"], row["filled_at"])
    return Gate(
        GateState(row["state"]),
        row["since"],
        pace,
        failing=tuple(row["failing"]),
        broken=tuple(row["broken"]),
        losses=row["losses"],
        cause=Cause(row["cause"]) if row["cause"] else None,
        probe_at=row["probe_at"],
        relapses=row["relapses"],
        not_before=row["not_before"],
        orders=_orders_of(row),
    )


def _orders_of(row: Any) -> Orders:
    ceiling = None
    if row["ceiling_per_second"] is not None:
        ceiling = Ceiling(
            row["ceiling_per_second"], row["ceiling_until"], row["ceiling_tokens"], row["ceiling_counted_at"]
        )
    return Orders(row["paused_until"], ceiling, row["ordered_by"], row["reason_code"])


_NO_CEILING = (None, None, 0.0, None)
