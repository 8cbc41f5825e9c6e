"""The published rule: kept, traveller, kept, today; an empty lane passes its turn on."""

from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.lanes import TURNS, expected_order, lane_on_arrival, lanes_from, number_of, turn_after
from shared.events.vocabulary import TicketLane

TODAY = date(2017, 6, 14)
KEPT, TRAVELLER, HERE = TicketLane.KEPT, TicketLane.TRAVELLER, TicketLane.TODAY


def test_four_calls_of_a_full_room_take_two_kept_one_traveller_one_of_today() -> None:
    waiting = {
        KEPT: ["K-001", "K-002", "K-003"],
        TRAVELLER: ["T-001", "T-002"],
        HERE: ["A-001", "A-002"],
    }

    assert expected_order(waiting, 0) == ["K-001", "T-001", "K-002", "A-001", "K-003", "T-002", "A-002"]


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, len(TURNS) - 1))
def test_everybody_is_called_once_and_nobody_of_a_lane_is_overtaken(k: int, t: int, a: int, turn: int) -> None:
    counts = {KEPT: k, TRAVELLER: t, HERE: a}
    waiting = {lane: [number_of(lane, n) for n in range(1, count + 1)] for lane, count in counts.items()}

    order = expected_order(waiting, turn)

    assert Counter(order) == Counter(number for numbers in waiting.values() for number in numbers)
    for lane, numbers in waiting.items():
        assert [number for number in order if number.startswith(number_of(lane, 1)[0])] == numbers


@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, len(TURNS) - 1))
def test_todays_queue_is_never_starved(others: int, todays: int, turn: int) -> None:
    kept = [number_of(KEPT, n) for n in range(others)]
    order = expected_order({KEPT: kept, HERE: [number_of(HERE, n) for n in range(todays)]}, turn)

    assert "A-000" in order[: len(TURNS)]


def test_the_turn_goes_on_behind_the_lane_that_was_called() -> None:
    assert lanes_from(1) == [TRAVELLER, KEPT, HERE]
    assert turn_after(1, HERE) == 0


def test_who_leaves_within_a_week_is_a_traveller() -> None:
    def lane(leaves_on: date | None) -> TicketLane:
        return lane_on_arrival(leaves_on, TODAY, 7)

    assert lane(TODAY + timedelta(days=7)) is TRAVELLER
    assert [lane(None), lane(TODAY + timedelta(days=8)), lane(TODAY - timedelta(days=1))] == [HERE, HERE, HERE]
