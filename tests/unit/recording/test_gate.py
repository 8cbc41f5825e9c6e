"""The gate of one operation: it holds when the line is dead, and never for ever."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.recording.domain.gate import Gate, Seen, observe, observe_probe, room, shares
from shared.events.vocabulary import Cause, GateState, Lane

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
FIRST, SECOND, THIRD = (UUID(int=n) for n in (1, 2, 3))
OPEN = Gate(GateState.FLOWING, 8)
HELD = Gate(GateState.HOLDING, 8, (FIRST, SECOND), Cause.NETWORK, NOW)
seen_anything = st.builds(Seen, st.sampled_from([FIRST, SECOND, THIRD]), st.none() | st.sampled_from(Cause))


def after(gate: Gate, *seen: Seen) -> Gate:
    return observe(gate, seen, NOW)


def dead(recording: UUID) -> Seen:
    return Seen(recording, Cause.NETWORK)


def test_one_recording_alone_holds_nothing_however_often_it_fails() -> None:
    assert after(OPEN, *[dead(FIRST)] * 10).state is GateState.FLOWING


def test_two_recordings_that_fail_by_the_network_hold_the_gate() -> None:
    gate = after(OPEN, dead(FIRST), dead(SECOND))

    assert (gate.state, gate.cause, gate.probe_at) == (GateState.HOLDING, Cause.NETWORK, NOW)
    assert room(gate, 0) == 0


def test_a_success_in_between_forgets_the_failure_before() -> None:
    assert after(OPEN, dead(FIRST), Seen(THIRD, None), dead(SECOND)).state is GateState.FLOWING


def test_a_refusal_of_the_centre_shows_that_the_line_lives() -> None:
    assert after(OPEN, dead(FIRST), Seen(THIRD, Cause.SERVER), dead(SECOND)).state is GateState.FLOWING


def test_what_nobody_understands_or_broke_here_tells_nothing_about_the_line() -> None:
    for cause in (Cause.UNKNOWN, Cause.LOCAL):
        assert after(OPEN, dead(FIRST), Seen(THIRD, cause), dead(SECOND)).state is GateState.HOLDING


def test_a_centre_that_fails_holds_nothing() -> None:
    assert after(OPEN, Seen(FIRST, Cause.SERVER), Seen(SECOND, Cause.SERVER)).state is GateState.FLOWING


def test_a_call_begun_before_the_cut_does_not_open_a_gate_that_holds() -> None:
    assert after(HELD, Seen(THIRD, None)) == HELD


def test_a_probe_that_is_answered_lets_one_real_call_through() -> None:
    gate = observe_probe(HELD, is_alive=True, probe_at=NOW)

    assert (gate.state, room(gate, 0), room(gate, 1)) == (GateState.PROBING, 1, 0)


def test_a_probe_that_is_not_answered_moves_the_next_one() -> None:
    later = NOW + timedelta(seconds=2)

    assert observe_probe(HELD, is_alive=False, probe_at=later).probe_at == later


def test_one_dead_call_while_probing_holds_again() -> None:
    probing = observe_probe(HELD, is_alive=True, probe_at=NOW)

    assert after(probing, dead(THIRD)).state is GateState.HOLDING


@given(st.lists(seen_anything), st.booleans())
def test_a_paused_gate_stays_paused(seen: list[Seen], is_alive: bool) -> None:  # noqa: FBT001  drawn, not passed
    paused = Gate(GateState.PAUSED, 8)

    assert observe_probe(after(paused, *seen), is_alive=is_alive, probe_at=NOW) == paused
    assert room(paused, 0) == 0


@given(st.lists(seen_anything, max_size=20))
def test_a_gate_is_never_closed_for_ever(seen: list[Seen]) -> None:
    gate = observe_probe(after(OPEN, *seen), is_alive=True, probe_at=NOW)

    gate = after(gate, Seen(THIRD, None))

    assert (gate.state, gate.failing, gate.cause) == (GateState.FLOWING, (), None)


@given(st.lists(seen_anything, max_size=20))
def test_a_gate_that_holds_always_has_a_time_to_probe(seen: list[Seen]) -> None:
    gate = after(OPEN, *seen)

    assert (gate.state is GateState.HOLDING) == (gate.probe_at is not None)


@given(places=st.integers(0, 500), dice=st.floats(0, 1, exclude_max=True))
def test_no_place_is_lost_between_the_lanes(places: int, dice: float) -> None:
    split = shares(places, dice)

    assert sum(split.values()) == places
    assert min(split.values()) >= 0


@given(rounds=st.integers(1, 50), dice=st.floats(0, 1, exclude_max=True))
def test_whole_rounds_are_shared_four_to_two_to_one(rounds: int, dice: float) -> None:
    assert shares(7 * rounds, dice) == {
        Lane.TRAVELLER: 4 * rounds,
        Lane.TODAY: 2 * rounds,
        Lane.BACKLOG: rounds,
    }


def test_places_that_come_free_one_by_one_are_shared_too() -> None:
    given_to = [next(lane for lane, places in shares(1, turn / 7).items() if places) for turn in range(7)]

    assert {lane: given_to.count(lane) for lane in Lane} == {Lane.TRAVELLER: 4, Lane.TODAY: 2, Lane.BACKLOG: 1}


class TheGateInUse(RuleBasedStateMachine):
    """Calls begin as the gate allows and end in any way, while the line dies and returns."""

    @initialize(limit=st.integers(1, 5))
    def opens(self, limit: int) -> None:
        """A gate that flows."""
        self.gate = Gate(GateState.FLOWING, limit)
        self.in_flight: list[UUID] = []
        self.begun = 0

    @rule()
    def as_many_calls_begin_as_there_is_room(self) -> None:
        """Every worker takes what it may."""
        for _ in range(room(self.gate, len(self.in_flight))):
            self.begun += 1
            self.in_flight.append(UUID(int=self.begun))

    @rule(cause=st.none() | st.sampled_from(Cause))
    def a_call_ends(self, cause: Cause | None) -> None:
        """Well, or by any cause."""
        if self.in_flight:
            self.gate = observe(self.gate, [Seen(self.in_flight.pop(0), cause)], NOW)

    @rule(is_alive=st.booleans())
    def a_probe_ends(self, is_alive: bool) -> None:  # noqa: FBT001  drawn, not passed
        """Answered or not."""
        self.gate = observe_probe(self.gate, is_alive=is_alive, probe_at=NOW)

    @invariant()
    def never_more_calls_than_the_limit(self) -> None:
        """Whatever came before."""
        assert len(getattr(self, "in_flight", ())) <= 5
        if hasattr(self, "gate"):
            assert len(self.in_flight) <= self.gate.limit

    @invariant()
    def nothing_begins_while_the_gate_holds(self) -> None:
        """Probes excepted."""
        if hasattr(self, "gate") and self.gate.state is GateState.HOLDING:
            assert room(self.gate, 0) == 0


TestTheGateInUse = TheGateInUse.TestCase
TestTheGateInUse.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
