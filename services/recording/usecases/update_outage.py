from datetime import datetime
from typing import Any
from uuid import UUID

from services.recording import events_out
from services.recording.store import outages
from shared.clock import rfc3339
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction
from shared.problems import Conflict, NotFound
from shared.telemetry import current_traceparent


class OutageEnded(Conflict):
    """This outage has ended; what is promised about it belongs to the one that goes on."""

    slug = "outage-ended"


async def update_outage(
    tx: Transaction,
    outage_id: UUID,
    *,
    next_news_at: datetime | None,
    ticket_ref: str | None,
    note: str | None,
    subject: str,
    outbox: Outbox,
) -> dict[str, Any]:
    """Let a person promise the next news of an outage; the note stays here and enters no event."""
    row = await outages.lock(tx, outage_id)
    if row is None:
        raise NotFound("No such outage.")
    if row["state"] == "merged":
        raise OutageEnded(extra={"merged_into": str(row["merged_into"])})
    row = await outages.promise(tx, outage_id, next_news_at, ticket_ref)
    said = {"by": subject, "next_news_at": rfc3339(next_news_at) if next_news_at else None}
    await outages.enter(tx, outage_id, "promised", said | {"ticket_ref": ticket_ref, "note": note})
    fact = events_out.outage_updated(outages.outage_of(row), row["next_news_at"], row["ticket_ref"])
    event = events_out.of_outage(outage_id, fact, sequence=row["sequence"], traceparent=current_traceparent())
    await outbox.add(tx, [event])
    return {"id": outage_id, "next_news_at": row["next_news_at"], "ticket_ref": row["ticket_ref"]}
