"""A number in an office's queue and every step it can take; a place is held, never lost."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from shared.events.vocabulary import TicketLane


class TicketState(StrEnum):
    WAITING = "waiting"
    CALLED = "called"
    SERVED = "served"
    NO_SHOW = "no_show"
    KEPT = "kept"  # sent home; the number stays until `valid_until`
    MOVED = "moved"  # the person went on at another office


class WrongStep(Exception):
    """A ticket in this state cannot take that step."""

    def __init__(self, state: TicketState) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """`waiting_since` gives the place within a lane and never changes; `before` is what an undo restores."""

    id: UUID
    number: str
    lane: TicketLane
    waiting_since: datetime
    state: TicketState = TicketState.WAITING
    counter: int | None = None
    valid_until: date | None = None
    before: "Ticket | None" = None


_OPEN = (TicketState.WAITING, TicketState.CALLED)


def call(ticket: Ticket, counter: int) -> Ticket:
    """Call the person to a counter."""
    return _step(ticket, (TicketState.WAITING,), state=TicketState.CALLED, counter=counter)


def serve(ticket: Ticket) -> Ticket:
    """Note that the person was served."""
    return _step(ticket, (TicketState.CALLED,), state=TicketState.SERVED)


def mark_no_show(ticket: Ticket) -> Ticket:
    """Note that nobody came to the counter."""
    return _step(ticket, (TicketState.CALLED,), state=TicketState.NO_SHOW)


def send_home(ticket: Ticket, valid_until: date) -> Ticket:
    """Send the person home; the number stays theirs and goes before today's."""
    return _step(ticket, _OPEN, state=TicketState.KEPT, lane=TicketLane.KEPT, counter=None, valid_until=valid_until)


def undo(ticket: Ticket) -> Ticket:
    """Take the last step back."""
    if ticket.before is None:
        raise WrongStep(ticket.state)
    return ticket.before


def close_for_the_day(ticket: Ticket, valid_until: date) -> Ticket:
    """Keep what is still open at closing time; the office cannot take that back."""
    return replace(send_home(ticket, valid_until), before=None)


def leave(ticket: Ticket) -> Ticket:
    """End a ticket whose person went on at another office."""
    return replace(ticket, state=TicketState.MOVED, before=None)


def come_back(ticket: Ticket | None, today: date) -> Ticket | None:
    """Give the same number, in lane kept, to a person who returns; absent when they need a new one."""
    if ticket is None or not is_live(ticket, today):
        return None
    state = TicketState.WAITING if ticket.state is TicketState.KEPT else ticket.state
    return replace(ticket, state=state, lane=TicketLane.KEPT, valid_until=None, before=None)


def is_live(ticket: Ticket, today: date) -> bool:
    """Tell whether the number still stands for a place."""
    if ticket.state is TicketState.KEPT:
        return ticket.valid_until is not None and today <= ticket.valid_until
    return ticket.state in _OPEN


def _step(ticket: Ticket, allowed: tuple[TicketState, ...], **changes: object) -> Ticket:
    if ticket.state not in allowed:
        raise WrongStep(ticket.state)
    return replace(ticket, before=ticket, **changes)  # type: ignore[arg-type]
