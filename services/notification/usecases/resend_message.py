"""A person sends a failed message again; one that reached its reader is never sent twice."""

from typing import Any
from uuid import UUID

from services.notification import store
from shared.postgres.pool import Transaction


class AlreadyTold(Exception):
    """The message was sent or is being sent."""


async def resend_message(tx: Transaction, identifier: UUID, offices: list[str]) -> dict[str, Any] | None:
    """Make the message due now; absent when there is none here, raises `AlreadyTold` when it needs no second send."""
    message = await store.lock_message(tx, identifier, offices)
    if message is None:
        return None
    if not store.may_be_resent(message["state"]):
        raise AlreadyTold
    await store.make_due(tx, identifier)
    return {**message, "state": "created", "reason": None}
