"""How a person wants to be told; only notification can read it."""

from uuid import UUID

from services.intake import events_out
from services.intake.domain.visits import Contact, Recording, Sight
from services.intake.store import arrivals
from services.intake.usecases.desk import Desk
from shared.postgres.pool import Transaction
from shared.problems import NotFound


async def change_contact(
    tx: Transaction, desk: Desk, recording_id: UUID, sight: Sight, *, contact: Contact, traceparent: str
) -> None:
    """Seal the contact and pass it on."""
    one = await _locked(tx, recording_id, sight)
    sealed = desk.vault.sealed_contact(one.id, one.office, one.receipt_code, contact)
    await desk.outbox.add(tx, [events_out.contact_changed(one, sealed, traceparent)])


async def withdraw_contact(tx: Transaction, desk: Desk, recording_id: UUID, sight: Sight, traceparent: str) -> None:
    """Pass on that the person wants no messages."""
    one = await _locked(tx, recording_id, sight)
    await desk.outbox.add(tx, [events_out.contact_withdrawn(one, traceparent)])


async def _locked(tx: Transaction, recording_id: UUID, sight: Sight) -> Recording:
    # The lock makes two changes of one contact leave in the order in which they were made.
    locked = await arrivals.lock(tx, [recording_id], sight)
    if not locked:
        raise NotFound("No such recording in your offices.")
    return locked[0]
