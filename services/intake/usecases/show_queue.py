"""The queue as an officer sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.intake.domain.lanes import expected_order
from services.intake.domain.tickets import TicketState, is_live
from services.intake.store import tickets
from services.intake.store.tickets import Present
from services.intake.usecases.desk import Desk
from shared.events.vocabulary import TicketLane
from shared.postgres.pool import Transaction


@dataclass(frozen=True, slots=True)
class Queue:
    """Who stands at a counter, who waits in expected order, whose place is kept."""

    called: list[dict[str, Any]]
    waiting: list[dict[str, Any]]
    kept: list[dict[str, Any]]


async def show_queue(tx: Transaction, desk: Desk, office: str, limit: int, now: datetime) -> Queue:
    """Read the queue of an office."""
    turn = await tickets.read_turn(tx, office)
    today = desk.today_at(office, now)
    present = [one for one in await tickets.present(tx, office, limit) if is_live(one.ticket, today)]
    waiting = _in_state(present, TicketState.WAITING)
    by_id = {str(one.ticket.id): one for one in waiting}
    lanes = {lane: [str(one.ticket.id) for one in waiting if one.ticket.lane is lane] for lane in TicketLane}
    return Queue(
        called=[_shown(one) for one in _in_state(present, TicketState.CALLED)],
        waiting=[_shown(by_id[one]) for one in expected_order(lanes, turn)],
        kept=[_shown(one) for one in _in_state(present, TicketState.KEPT)],
    )


def _in_state(present: list[Present], state: TicketState) -> list[Present]:
    return [one for one in present if one.ticket.state is state]


def _shown(one: Present) -> dict[str, Any]:
    ticket = one.ticket
    return {
        "id": ticket.id,
        "number": ticket.number,
        "lane": ticket.lane,
        "state": ticket.state,
        "recording_id": one.recording_id,
        "purpose": one.purpose,
        "waiting_since": ticket.waiting_since,
        "counter": ticket.counter,
        "valid_until": ticket.valid_until,
    }
