"""The published rule of who is called next: kept, traveller, kept, today, and round again.

A lane with nobody in it passes its turn on. Within a lane the one who has waited longest goes first.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from shared.events.vocabulary import TicketLane

TURNS = (TicketLane.KEPT, TicketLane.TRAVELLER, TicketLane.KEPT, TicketLane.TODAY)
_LETTERS = {TicketLane.TODAY: "A", TicketLane.KEPT: "K", TicketLane.TRAVELLER: "T"}


def lane_on_arrival(leaves_on: date | None, today: date, traveller_days: int) -> TicketLane:
    """Put who leaves within the week into the traveller lane."""
    is_traveller = leaves_on is not None and today <= leaves_on <= today + timedelta(days=traveller_days)
    return TicketLane.TRAVELLER if is_traveller else TicketLane.TODAY


def number_of(lane: TicketLane, serial: int) -> str:
    """Write a number as it is called out: A-001 today, K-001 kept, T-001 traveller."""
    return f"{_LETTERS[lane]}-{serial:03d}"


def lanes_from(turn: int) -> list[TicketLane]:
    """List the lanes in the order in which they are asked at this turn."""
    return list(dict.fromkeys(TURNS[(turn + step) % len(TURNS)] for step in range(len(TURNS))))


def turn_after(turn: int, lane: TicketLane) -> int:
    """Give the turn that follows a call from this lane."""
    steps = next(step for step in range(len(TURNS)) if TURNS[(turn + step) % len(TURNS)] is lane)
    return (turn + steps + 1) % len(TURNS)


def expected_order(waiting: Mapping[TicketLane, Sequence[str]], turn: int) -> list[str]:
    """Tell in which order these numbers, each lane's longest waiting first, will be called."""
    left = {lane: list(reversed(numbers)) for lane, numbers in waiting.items()}
    order: list[str] = []
    while any(left.values()):
        lane = next(lane for lane in lanes_from(turn) if left.get(lane))
        order.append(left[lane].pop())
        turn = turn_after(turn, lane)
    return order
