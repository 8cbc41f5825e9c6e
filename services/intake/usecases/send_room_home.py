"""Sends home everybody who waits for some purposes; each keeps the place."""

from collections.abc import Sequence
from datetime import datetime

from services.intake.domain.tickets import TicketState
from services.intake.domain.visits import Recording, Sight
from services.intake.store import arrivals, tickets
from services.intake.usecases.desk import Desk
from services.intake.usecases.move_ticket import Moved, send_home
from shared.postgres.pool import Transaction


async def room_to_send_home(tx: Transaction, office: str, purposes: Sequence[str]) -> list[Recording]:
    """Lock the recordings of those who still wait; some may have been called meanwhile."""
    asked = await tickets.waiting(tx, office, purposes)
    locked = await arrivals.lock(tx, asked, Sight([office]))
    return [one for one in locked if one.ticket and one.ticket.state is TicketState.WAITING]


async def send_room_home(
    tx: Transaction,
    desk: Desk,
    office: str,
    *,
    purposes: Sequence[str],
    reason_code: str,
    traceparent: str,
    now: datetime,
) -> list[Moved]:
    """Keep the place of everybody who still waits when their recordings are locked."""
    waiting = await room_to_send_home(tx, office, purposes)
    until = desk.kept_until(office, now)
    return await send_home(tx, desk, waiting, reason_code=reason_code, until=until, traceparent=traceparent)
