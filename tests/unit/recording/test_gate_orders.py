"""What an operator orders of a gate: always with an end, and by the clock alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.recording.domain.drain import drain_eta
from services.recording.domain.gate import Gate, Moment, Seen, UnderWay, observe, observe_probe, room
from services.recording.domain.operating import Order, ordered, up_to_date
from services.recording.domain.orders import NO_ORDERS, Ceiling
from services.recording.domain.pace import Pace
from shared.events.vocabulary import Cause, GateState

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
FLOWING = Gate(GateState.FLOWING, NOW - SECOND, Pace(32, 8.0))
HELD = replace(FLOWING, state=GateState.HOLDING, cause=Cause.NETWORK, probe_at=NOW)
PAUSE = Order("operator", "maintenance", NOW + HOUR, pauses=True)
GO_ON = Order("operator", "cause_gone", NOW + HOUR, pauses=False)
NOBODY = UnderWay(0, 0)


def limit(per_second: float | None) -> Order:
    return Order("operator", "overload", NOW + HOUR, per_second=per_second)


def test_a_pause_admits_nothing_and_learns_nothing() -> None:
    paused = ordered(FLOWING, PAUSE, NOW)
    moment = Moment(NOW + SECOND, SECOND, 0.5)

    assert (paused.state, room(paused, NOBODY, NOW)) == (GateState.PAUSED, 0)
    assert (paused.orders.by, paused.orders.reason_code, paused.orders.until) == (
        "operator",
        "maintenance",
        NOW + HOUR,
    )
    assert observe(paused, [Seen(UUID(int=1), None, NOW)], moment) == paused
    assert observe_probe(paused, is_alive=True, moment=moment) == paused


def test_a_pause_ends_by_the_clock_into_a_slow_start() -> None:
    paused = ordered(FLOWING, PAUSE, NOW)

    assert up_to_date(paused, NOW + HOUR - SECOND) == paused
    gate = up_to_date(paused, NOW + HOUR)
    assert (gate.state, gate.pace.calls, gate.pace.is_starting, gate.orders) == (GateState.FLOWING, 1, True, NO_ORDERS)


def test_a_gate_that_held_holds_again_after_the_pause_and_is_probed_at_once() -> None:
    gate = up_to_date(ordered(HELD, PAUSE, NOW), NOW + HOUR)

    assert (gate.state, gate.probe_at, gate.cause) == (GateState.HOLDING, NOW + HOUR, Cause.NETWORK)


def test_a_person_lets_it_go_on_before_the_end() -> None:
    paused = replace(ordered(FLOWING, PAUSE, NOW), not_before=NOW + HOUR)
    gate = ordered(paused, GO_ON, NOW + SECOND)

    assert (gate.state, room(gate, NOBODY, NOW + SECOND), gate.orders) == (GateState.FLOWING, 1, NO_ORDERS)


def test_a_second_pause_lasts_as_long_as_it_says() -> None:
    longer = ordered(ordered(FLOWING, PAUSE, NOW), replace(PAUSE, until=NOW + 2 * HOUR), NOW + SECOND)

    assert up_to_date(longer, NOW + HOUR).state is GateState.PAUSED
    assert up_to_date(longer, NOW + 2 * HOUR).state is GateState.FLOWING


def test_a_ceiling_outlives_the_pause_that_was_lifted() -> None:
    gate = ordered(ordered(ordered(FLOWING, limit(5), NOW), PAUSE, NOW), GO_ON, NOW + SECOND)

    assert gate.orders.per_second == 5
    assert ordered(gate, limit(None), NOW + SECOND).orders == NO_ORDERS
    assert up_to_date(gate, NOW + HOUR).orders == NO_ORDERS


@given(
    per_second=st.floats(0.1, 500),
    asked=st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 64)), min_size=1, max_size=60),
)
def test_no_more_start_than_the_ceiling_lets(per_second: float, asked: list[tuple[int, int]]) -> None:
    ceiling = Ceiling(per_second, NOW + 24 * HOUR, 1.0, NOW)
    now, started = NOW, 0
    for milliseconds, wanted in asked:
        now += timedelta(milliseconds=milliseconds)
        calls = min(wanted, ceiling.left(now))
        ceiling = ceiling.after(calls, now)
        started += calls
    seconds = (now - NOW).total_seconds()

    assert started <= max(1.0, per_second * 0.25) + per_second * seconds + 1e-6


@given(per_second=st.floats(0.1, 500), tokens=st.floats(0, 1))
def test_who_waits_for_the_ceiling_gets_a_call_then(per_second: float, tokens: float) -> None:
    ceiling = Ceiling(per_second, NOW + 24 * HOUR, tokens, NOW)

    assert ceiling.left(NOW + timedelta(seconds=ceiling.seconds_to_next(NOW) + 1e-5)) >= 1


def test_the_end_of_a_queue_is_told_only_when_it_can_be_known() -> None:
    full = replace(FLOWING, pace=Pace(32, 32.0))

    assert drain_eta(full, 130, 10.0, NOW) == (NOW + 10 * SECOND, NOW + 16.9 * SECOND)
    for gate, due, rate in ((full, 0, 10.0), (full, 5, 0.0), (HELD, 5, 10.0)):
        assert drain_eta(gate, due, rate, NOW) is None
    slow = ordered(full, limit(2), NOW)
    assert drain_eta(slow, 10, 10.0, NOW) == (NOW + 5 * SECOND, NOW + 5 * SECOND)
