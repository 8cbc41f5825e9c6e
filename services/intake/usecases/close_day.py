"""At closing time whoever is still in the queue keeps the place."""

from datetime import datetime, time, timedelta

from services.intake.domain.tickets import TicketState
from services.intake.domain.visits import Sight
from services.intake.store import arrivals, tickets
from services.intake.usecases.desk import Desk
from services.intake.usecases.move_ticket import send_home
from shared.events.offices import Office
from shared.postgres.pool import Transaction

REASON = "closing_time"
_AT_ONCE = 500


def last_closing(office: Office, closing_hour: int, now: datetime) -> datetime:
    """Tell when this office last closed; who comes after that waits until the next closing time."""
    local = now.astimezone(office.zone)
    midnight = datetime.combine(local.date(), time(), office.zone)
    closing = midnight + timedelta(hours=closing_hour)
    return closing if closing <= local else closing - timedelta(days=1)


async def close_day(tx: Transaction, desk: Desk, office: str, now: datetime) -> int:
    """Keep the places of those who came before closing time; gives how many, at most a few hundred a call."""
    closing = last_closing(desk.offices[office], desk.rules.closing_hour, now)
    asked = await tickets.left_open(tx, office, closing, _AT_ONCE)
    locked = await arrivals.lock(tx, asked, Sight([office])) if asked else []
    left = [one for one in locked if one.ticket and one.ticket.state in (TicketState.WAITING, TicketState.CALLED)]
    if left:
        until = desk.kept_until(office, now)
        await send_home(tx, desk, left, reason_code=REASON, until=until, traceparent="", is_closing=True)
    return len(asked)
