"""The items of group retries: each frozen id, and what became of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.recording.domain.group_retry import Because, Frozen, ItemState, Progress, Result
from shared.events.vocabulary import Operation
from shared.postgres.pool import Transaction

Key = tuple[UUID, str]  # recording and stage

_HAS_FRESH = """
    SELECT EXISTS (
        SELECT 1
        FROM group_retry_item
        WHERE group_id = $1 AND wave = $2 AND state = 'running' AND deferred IS NULL)"""

_WAVE = """
    SELECT count(*) FILTER (WHERE state = 'running') AS deferred,
        count(*) FILTER (WHERE state = 'running' AND deferred = 'checking') AS checking,
        count(*) FILTER (WHERE state = 'running' AND deferred = 'link' AND NOT operation = ANY($3::text[])) AS cut,
        count(*) FILTER (WHERE state = 'done') AS done,
        count(*) FILTER (WHERE state = 'failed_again') AS failed_again,
        mode() WITHIN GROUP (ORDER BY signature) FILTER (WHERE state = 'failed_again') AS signature
    FROM group_retry_item
    WHERE group_id = $1 AND wave = $2"""

_LEFT = """
    SELECT EXISTS (SELECT 1 FROM group_retry_item WHERE group_id = $1 AND state = 'requested') AS has_requested,
        EXISTS (SELECT 1
            FROM group_retry_item
            WHERE group_id = $1 AND state = 'requested' AND operation = ANY($2::text[])) AS has_ready,
        EXISTS (SELECT 1 FROM group_retry_item WHERE group_id = $1 AND state = 'running') AS has_running"""

_PICK = """
    SELECT recording_id, stage
    FROM group_retry_item
    WHERE group_id = $1 AND state = 'requested' AND operation = ANY($2::text[])
    ORDER BY recording_id, stage
    LIMIT $3"""

_LOOK = """
    SELECT i.recording_id, i.stage, i.attempts_before, i.identity_version AS version_before, s.state, s.attempts,
        r.identity_version, r.state IN ('in_progress', 'parked') AS is_open, s.group_id IS NOT NULL AS is_in_a_group
    FROM unnest($2::uuid[], $3::text[]) AS n (recording_id, stage)
    JOIN group_retry_item i ON (i.group_id, i.recording_id, i.stage) = ($1, n.recording_id, n.stage)
    JOIN recording r ON r.id = i.recording_id
    LEFT JOIN stage s ON (s.recording_id, s.stage) = (i.recording_id, i.stage)"""

_START = """
    UPDATE group_retry_item i
    SET state = 'running', wave = $4
    FROM unnest($2::uuid[], $3::text[]) AS n (recording_id, stage)
    WHERE (i.group_id, i.recording_id, i.stage) = ($1, n.recording_id, n.stage) AND i.state = 'requested'"""

_SKIP = """
    UPDATE group_retry_item i
    SET state = 'skipped', deferred = NULL, because = n.because
    FROM unnest($2::uuid[], $3::text[], $4::text[]) AS n (recording_id, stage, because)
    WHERE (i.group_id, i.recording_id, i.stage) = ($1, n.recording_id, n.stage)
        AND i.state IN ('requested', 'running')"""

_SKIP_REQUESTED = """
    UPDATE group_retry_item
    SET state = 'skipped', because = $2
    WHERE group_id = $1 AND state = 'requested'"""

_SETTLE = """
    UPDATE group_retry_item i
    SET state = n.state, deferred = n.deferred, operation = n.operation, signature = n.signature
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        AS n (group_id, recording_id, stage, state, deferred, operation, signature)
    WHERE (i.group_id, i.recording_id, i.stage) = (n.group_id, n.recording_id, n.stage) AND i.state = 'running'"""

_COUNTS = """
    SELECT group_id, state, count(*)
    FROM group_retry_item
    WHERE group_id = ANY($1::uuid[])
    GROUP BY group_id, state"""  # leans on group_retry_item_by_state

_LIST = """
    SELECT recording_id, stage, office, state, wave, deferred, because, signature
    FROM group_retry_item
    WHERE group_id = $1 AND office LIKE ANY($2::text[])
        AND ($3::text IS NULL OR state = $3)
        AND (recording_id, stage) > ($4, $5)
    ORDER BY recording_id, stage
    LIMIT $6"""


async def has_fresh(tx: Transaction, group_id: UUID, wave: int) -> bool:
    """Tell whether somebody of the present wave was not called for yet."""
    return bool(await tx.fetchval(_HAS_FRESH, group_id, wave))


async def progress(tx: Transaction, group_id: UUID, wave: int, flowing: Sequence[str]) -> Progress:
    """Count a wave that has nobody fresh, and what is left; `flowing` are the operations whose gates flow."""
    counted = await tx.fetchrow(_WAVE, group_id, wave, list(flowing))
    left = await tx.fetchrow(_LEFT, group_id, list(flowing))
    if counted is None or left is None:
        raise LookupError(group_id)
    return Progress(**dict(counted), **dict(left))


async def pick(tx: Transaction, group_id: UUID, flowing: Sequence[str], limit: int) -> list[Key]:
    """Name those whose turn is next."""
    rows = await tx.fetch(_PICK, group_id, list(flowing), limit)
    return [(row["recording_id"], row["stage"]) for row in rows]


async def look(
    tx: Transaction, group_id: UUID, keys: Sequence[Key], takes: str
) -> dict[Key, tuple[Frozen, Frozen | None]]:
    """Give each stage as it was when frozen and as it is now; absent now when it has no row any more."""
    rows = await tx.fetch(_LOOK, group_id, *_columns(keys))
    return {
        (row["recording_id"], row["stage"]): (
            Frozen(takes, row["attempts_before"], row["version_before"]),
            None
            if row["state"] is None
            else Frozen(row["state"], row["attempts"], row["identity_version"], row["is_open"], row["is_in_a_group"]),
        )
        for row in rows
    }


async def start(tx: Transaction, group_id: UUID, keys: Sequence[Key], wave: int) -> None:
    """Write that these run now."""
    await tx.execute(_START, group_id, *_columns(keys), wave)


async def skip(tx: Transaction, group_id: UUID, left_alone: dict[Key, Because]) -> None:
    """Write that these are left alone, and why."""
    if left_alone:
        await tx.execute(_SKIP, group_id, *_columns(list(left_alone)), list(left_alone.values()))


async def skip_requested(tx: Transaction, group_id: UUID) -> None:
    """Leave alone whatever has not begun: the group was cancelled."""
    await tx.execute(_SKIP_REQUESTED, group_id, Because.CANCELLED)


async def settle(tx: Transaction, results: Sequence[tuple[UUID, Key, Result, Operation, str | None]]) -> None:
    """Write what accepted outcomes made of running items."""
    if results:
        rows = [
            (group_id, *key, result.state, result.deferred, operation, signature)
            for group_id, key, result, operation, signature in results
        ]
        await tx.execute(_SETTLE, *map(list, zip(*rows, strict=True)))


async def counts(tx: Transaction, groups: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Count the items of groups by state; every state is named."""
    counted = {group: dict.fromkeys(map(str, ItemState), 0) for group in groups}
    for row in await tx.fetch(_COUNTS, list(groups)):
        counted[row["group_id"]][row["state"]] = row["count"]
    return counted


async def list_all(  # noqa: PLR0917  these are the query's parameters, in its order
    tx: Transaction, group_id: UUID, offices: Sequence[str], state: str | None, after: Key, limit: int
) -> list[Any]:
    """List items in the order in which they get their turns."""
    return await tx.fetch(_LIST, group_id, offices, state, *after, limit)


def _columns(keys: Sequence[Key]) -> tuple[list[UUID], list[str]]:
    return [recording for recording, _ in keys], [stage for _, stage in keys]
