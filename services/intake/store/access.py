"""Who looked for whom, and who changed what of whom."""

from collections.abc import Sequence
from uuid import UUID

from services.intake.domain.visits import Actor
from shared.postgres.pool import Transaction

_LOG = """
    INSERT INTO access_log (actor, client_id, action, offices, recording_ids, trace_id)
    VALUES ($1, $2, $3, $4, $5, $6)"""


async def log_access(
    tx: Transaction, actor: Actor, *, action: str, offices: Sequence[str], recording_ids: Sequence[UUID]
) -> None:
    """Append who did what with which recordings; what a person is called or born never."""
    await tx.execute(_LOG, actor.subject, actor.client_id, action, offices, recording_ids, actor.trace_id)
