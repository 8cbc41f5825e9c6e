"""How much waits, at a price that does not grow with it: counted exactly up to a bound, beyond it from samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.events.vocabulary import Lane, Operation
from shared.ids import smallest_uuid7_at
from shared.postgres.pool import Transaction

_COUNTED = 2000

# The bound makes it cheap: at most so many rows of each operation and lane are touched, however many wait.
_COUNT = """
    SELECT o.operation, l.lane, c.stage, c.count, c.due, c.first_due
    FROM unnest($1::text[]) AS o (operation)
    CROSS JOIN unnest($2::text[]) AS l (lane)
    CROSS JOIN LATERAL (
        SELECT stage, count(*) AS count, count(*) FILTER (WHERE due_at <= clock_timestamp()) AS due,
            min(due_at) AS first_due
        FROM (
            SELECT stage, due_at
            FROM stage
            WHERE state = 'waiting' AND operation = o.operation AND lane = l.lane
            ORDER BY due_at
            LIMIT $3) first
        GROUP BY stage) c"""  # leans on stage_next_due

# What ANALYZE sampled last, as autovacuum does after every 2 % of changes.
_SAMPLED = """
    SELECT c.reltuples, s.most_common_vals::text[] AS vals, s.most_common_freqs AS freqs
    FROM pg_stats_ext s
    JOIN pg_class c ON c.oid = 'stage'::regclass
    WHERE s.statistics_name = 'stage_shares' AND s.schemaname = current_schema()"""

_DONE = """
    SELECT operation, count(*) FILTER (WHERE outcome = 'done') AS done
    FROM attempt
    WHERE id >= $1
    GROUP BY operation"""  # by the time inside the ids: leans on the primary key


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of one operation, stage and lane; `due` counts within the bound only."""

    operation: str
    stage: str
    lane: str
    count: int
    due: int
    first_due: datetime


async def waiting(tx: Transaction) -> list[Waiting]:
    """Count what waits by operation, stage and lane: exact up to 2,000 of a lane, beyond it a sample's estimate."""
    rows = await tx.fetch(_COUNT, list(Operation), list(Lane), _COUNTED)
    full = _over_the_bound(rows)
    sampled = await _sampled(tx) if full else {}
    return [_waiting(row, full, sampled) for row in rows]


async def done_since(tx: Transaction, since: datetime) -> dict[str, int]:
    """Count the calls begun since then that ended well, by operation."""
    return {row["operation"]: row["done"] for row in await tx.fetch(_DONE, smallest_uuid7_at(since))}


def _over_the_bound(rows: Sequence[Any]) -> set[tuple[str, str]]:
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["operation"], row["lane"])
        counts[key] = counts.get(key, 0) + row["count"]
    return {key for key, count in counts.items() if count >= _COUNTED}


def _waiting(row: Any, full: set[tuple[str, str]], sampled: dict[tuple[str, str, str], int]) -> Waiting:
    count, due = row["count"], row["due"]
    if (row["operation"], row["lane"]) in full:
        estimate = max(count, sampled.get((row["operation"], row["stage"], row["lane"]), 0))
        due = estimate if due == count else due
        count = estimate
    return Waiting(row["operation"], row["stage"], row["lane"], count, due, row["first_due"])


async def _sampled(tx: Transaction) -> dict[tuple[str, str, str], int]:
    row = await tx.fetchrow(_SAMPLED)
    if row is None or row["vals"] is None:
        return {}
    shares = zip(row["vals"], row["freqs"], strict=True)
    return {
        (operation, stage, lane): round(share * row["reltuples"])
        for (state, operation, stage, lane), share in shares
        if state == "waiting"
    }
