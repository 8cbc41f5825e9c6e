"""A place in the queue is held, whatever the officer presses and takes back."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import tickets
from services.intake.domain.tickets import Ticket, TicketState, WrongStep
from shared.events.vocabulary import TicketLane

TODAY = date(2017, 6, 14)
UNTIL = TODAY + timedelta(days=14)
STEPS: dict[str, Callable[[Ticket], Ticket]] = {
    "call": lambda ticket: tickets.call(ticket, 2),
    "serve": tickets.serve,
    "no_show": tickets.mark_no_show,
    "send_home": lambda ticket: tickets.send_home(ticket, UNTIL),
    "undo": tickets.undo,
    "close": lambda ticket: tickets.close_for_the_day(ticket, UNTIL),
    "come_back": lambda ticket: tickets.come_back(ticket, TODAY) or ticket,
}


def a_ticket() -> Ticket:
    since = datetime(2017, 6, 14, 1, 30, tzinfo=UTC)
    return Ticket(id=UUID(int=31), number="A-031", lane=TicketLane.TODAY, waiting_since=since)


def after(*names: str) -> Ticket:
    ticket = a_ticket()
    for name in names:
        ticket = STEPS[name](ticket)
    return ticket


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=12))
def test_no_ticket_is_lost_and_each_undo_restores(names: list[str]) -> None:
    ticket = a_ticket()
    for name in names:
        try:
            moved = STEPS[name](ticket)
        except WrongStep:
            continue
        assert (moved.id, moved.number, moved.waiting_since) == (ticket.id, ticket.number, ticket.waiting_since)
        if moved.before is not None and name not in ("undo", "come_back"):
            assert tickets.undo(moved) == ticket
        if moved.state not in (TicketState.SERVED, TicketState.NO_SHOW):
            assert tickets.come_back(moved, TODAY) is not None
        ticket = moved


def test_who_is_sent_home_keeps_number_and_goes_first_on_return() -> None:
    kept = after("call", "send_home")

    back = tickets.come_back(kept, TODAY + timedelta(days=3))

    assert (kept.state, kept.lane, kept.valid_until, kept.counter) == (TicketState.KEPT, TicketLane.KEPT, UNTIL, None)
    assert back is not None
    assert (back.number, back.state, back.lane) == ("A-031", TicketState.WAITING, TicketLane.KEPT)


def test_a_kept_place_ends_after_its_last_day() -> None:
    kept = after("send_home")

    assert tickets.come_back(kept, UNTIL) is not None
    assert tickets.come_back(kept, UNTIL + timedelta(days=1)) is None


@pytest.mark.parametrize(
    ("before", "step"),
    [
        (("call", "serve"), "call"),
        (("call", "serve"), "send_home"),
        ((), "serve"),
        ((), "no_show"),
        (("send_home",), "call"),
        ((), "undo"),
        (("close",), "undo"),
    ],
)
def test_a_step_that_the_state_does_not_allow_is_refused(before: tuple[str, ...], step: str) -> None:
    with pytest.raises(WrongStep):
        after(*before, step)


def test_served_and_called_by_mistake_can_be_taken_back_to_waiting() -> None:
    assert after("call", "serve", "undo", "undo") == a_ticket()
