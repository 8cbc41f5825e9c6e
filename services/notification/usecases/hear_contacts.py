"""Contacts are kept as they came, sealed; they may come before or after the arrival."""

from typing import Any
from uuid import UUID

from services.notification import store
from services.notification.store import Contact
from shared.events.envelope import Event
from shared.events.intake import ContactChanged
from shared.postgres.pool import Transaction


async def hear_contacts(tx: Transaction, events: list[Event[Any]]) -> None:
    """Keep the newest contact of each recording; a withdrawn one holds back what was not sent yet."""
    newest: dict[UUID, Contact] = {}
    for event in events:
        sealed = event.data.sealed if isinstance(event.data, ContactChanged) else None
        newest[event.recording_id] = Contact(event.recording_id, event.office, sealed, event.sequence, event.time)
    await store.lock_journeys(tx, newest)
    await store.save_contacts(tx, [newest[key] for key in sorted(newest)])
