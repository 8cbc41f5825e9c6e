"""Who looked for whom."""

from collections.abc import Sequence
from uuid import UUID

from shared.postgres.pool import Transaction

_LOG = """
    INSERT INTO access_log (actor, client_id, action, offices, recording_ids, trace_id)
    VALUES ($1, $2, $3, $4, $5, $6)"""


async def log_access(
    tx: Transaction,
    *,
    actor: str,
    client_id: str,
    action: str,
    offices: Sequence[str],
    recording_ids: Sequence[UUID],
    trace_id: str,
) -> None:
    """Append who looked, and which recordings were shown."""
    await tx.execute(_LOG, actor, client_id, action, offices, recording_ids, trace_id)
