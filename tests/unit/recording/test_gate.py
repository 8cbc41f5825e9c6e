"""The gate of one operation: it holds when the line or the centre is dead, and never for ever."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.recording.domain.gate import (
    Gate,
    Moment,
    Seen,
    UnderWay,
    backlog_room,
    observe,
    observe_probe,
    room,
    shares,
    unneeded,
)
from services.recording.domain.pace import Pace
from shared.events.vocabulary import Cause, GateState, Lane

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
REST = SECOND
A, B, C = (UUID(int=n) for n in (1, 2, 3))
NOBODY = UnderWay(0, 0)
FLOWING = Gate(GateState.FLOWING, NOW - SECOND, Pace(32, 8.0, filled_at=NOW))
HELD = replace(FLOWING, state=GateState.HOLDING, failing=(A, B), cause=Cause.NETWORK, probe_at=NOW)
FAILS = (Cause.NETWORK, Cause.SERVER, Cause.UNKNOWN)
causes = st.none() | st.sampled_from(Cause)


def at(seconds: float = 0, dice: float = 0.5) -> Moment:
    return Moment(NOW + timedelta(seconds=seconds), REST, dice)


def after(gate: Gate, *seen: Seen, seconds: float = 0) -> Gate:
    return observe(gate, seen, at(seconds))


def dead(recording: UUID, cause: Cause = Cause.NETWORK, *, began: datetime = NOW) -> Seen:
    return Seen(recording, cause, began)


def well(recording: UUID = C, *, began: datetime = NOW) -> Seen:
    return Seen(recording, None, began)


def in_turn(gate: Gate, *seen: Seen) -> Gate:
    """Let each call begin after the last has taught its lesson."""
    for second, one in enumerate(seen, 1):
        moment = NOW + timedelta(seconds=10 * second)
        gate = observe(gate, [replace(one, started_at=moment)], Moment(moment + SECOND, REST, 0.5))
    return gate


def test_one_recording_alone_holds_nothing_however_often_it_fails() -> None:
    for cause in FAILS:
        assert in_turn(FLOWING, *[dead(A, cause)] * 20).state is GateState.FLOWING


def test_two_recordings_that_fail_by_the_network_hold_the_gate_at_once() -> None:
    gate = after(FLOWING, dead(A), dead(B))

    assert (gate.state, gate.cause, gate.probe_at) == (GateState.HOLDING, Cause.NETWORK, NOW + REST)
    assert room(gate, NOBODY, NOW) == 0


def test_a_success_in_between_forgets_the_failure_before() -> None:
    for answered in (None, Cause.DATA, Cause.BIOMETRIC):
        assert after(FLOWING, dead(A), Seen(C, answered, NOW), dead(B)).state is GateState.FLOWING


def test_what_broke_here_tells_nothing() -> None:
    assert after(FLOWING, dead(A), dead(C, Cause.LOCAL), dead(B)).state is GateState.HOLDING
    assert after(FLOWING, *[dead(one, Cause.LOCAL) for one in (A, B, C)]) == FLOWING


def test_a_failing_centre_is_slowed_down_for_first_and_held_at_a_limit_of_one() -> None:
    limits = []
    gate = FLOWING
    for second, recording in enumerate((A, B, C), 1):
        began = NOW + second * SECOND
        gate = after(gate, dead(recording, Cause.SERVER, began=began), seconds=second + 0.5)
        limits.append(gate.pace.calls)

    assert limits == [4, 1, 1]
    assert (gate.state, gate.cause) == (GateState.HOLDING, Cause.SERVER)


def test_a_limit_found_by_small_steps_is_cut_by_less_than_one_found_by_doubling() -> None:
    found = replace(FLOWING, pace=replace(FLOWING.pace, is_starting=False))

    assert after(found, dead(UUID(int=1), Cause.SERVER), seconds=1).pace.allowed == 8 * 0.7


def test_a_window_of_losses_cuts_the_limit_once() -> None:
    gate = after(FLOWING, *[dead(UUID(int=n), Cause.SERVER) for n in range(8)], seconds=1)

    assert gate.pace.allowed == 8 * 0.5
    assert gate.state is GateState.FLOWING


def test_successes_between_keep_an_overloaded_centre_flowing() -> None:
    gate = FLOWING
    for second in range(1, 60):
        began = NOW + second * SECOND
        lost = [dead(UUID(int=n), Cause.SERVER, began=began) for n in range(second, second + 5)]
        gate = after(gate, well(began=began), *lost, well(began=began), seconds=second + 0.5)

    assert gate.state is GateState.FLOWING
    assert gate.pace.calls == 1


def test_a_limit_that_was_not_reached_is_not_raised() -> None:
    unused = replace(FLOWING, pace=replace(FLOWING.pace, filled_at=NOW - SECOND))

    assert after(unused, well()).pace.allowed == 8
    assert after(FLOWING, well()).pace.allowed == 9


def test_after_the_first_loss_the_limit_grows_by_a_call_for_each_window() -> None:
    gate = replace(FLOWING, pace=replace(FLOWING.pace, is_starting=False))

    assert after(gate, well()).pace.allowed == 8 + 0.25 / 8


def test_the_limit_never_exceeds_what_the_installation_allows() -> None:
    assert after(FLOWING, *[well()] * 100).pace.allowed == 32


def test_a_call_begun_before_the_cut_neither_opens_nor_holds() -> None:
    old = NOW - 2 * SECOND
    probing = observe_probe(HELD, is_alive=True, moment=at())

    assert after(HELD, well()) == HELD
    assert after(probing, well(began=old), dead(A, began=old)) == probing
    assert after(FLOWING, dead(A, began=old), dead(B, began=old)) == FLOWING


def test_a_probe_that_is_answered_lets_one_real_call_through() -> None:
    gate = observe_probe(HELD, is_alive=True, moment=at())

    assert gate.state is GateState.PROBING
    assert room(gate, UnderWay(5, 0), NOW) == 1  # what hangs from before the cut does not count
    assert room(gate, UnderWay(6, 1), NOW) == 0


def test_the_real_call_that_succeeds_begins_a_slow_start() -> None:
    gate = after(observe_probe(HELD, is_alive=True, moment=at()), well(), seconds=1)

    assert (gate.state, gate.pace.calls, gate.pace.is_starting) == (GateState.FLOWING, 1, True)
    assert (gate.failing, gate.cause, gate.relapses) == ((), None, 0)


def test_a_gate_behind_which_nothing_is_due_opens_on_the_word_of_its_probe() -> None:
    gate = observe_probe(HELD, is_alive=True, moment=at())
    later = NOW + 5 * SECOND

    assert unneeded(gate, NOBODY, later - SECOND / 2) == gate
    assert unneeded(gate, UnderWay(1, 1), later) == gate
    assert unneeded(replace(gate, relapses=1), NOBODY, later).state is GateState.PROBING
    opened = unneeded(gate, NOBODY, later)
    assert (opened.state, opened.pace.calls, opened.cause) == (GateState.FLOWING, 1, None)


def test_a_probe_that_is_not_answered_moves_the_next_one_a_second_on() -> None:
    for dice, seconds in ((0.0, 0.7), (0.5, 1.0), (1.0, 1.3)):
        gate = observe_probe(HELD, is_alive=False, moment=at(dice=dice))
        assert gate.probe_at == NOW + timedelta(seconds=seconds)


def test_an_operation_whose_real_calls_fail_is_probed_ever_more_rarely_up_to_half_a_minute() -> None:
    gate, rests = HELD, []
    for second in range(1, 9):
        moment = at(100 * second)
        gate = observe_probe(gate, is_alive=True, moment=moment)
        gate = observe(gate, [dead(C, Cause.SERVER, began=moment.now)], moment)
        assert gate.probe_at is not None
        rests.append((gate.probe_at - moment.now).total_seconds())

    assert rests == [2, 4, 8, 16, 30, 30, 30, 30]
    assert observe_probe(gate, is_alive=False, moment=at(900)).relapses == 0


def test_the_centre_may_ask_for_a_rest_but_not_for_an_endless_one() -> None:
    asked = replace(dead(A, Cause.SERVER), retry_after=timedelta(seconds=7))
    gate = after(FLOWING, asked)

    assert room(gate, NOBODY, NOW + timedelta(seconds=6.9)) == 0
    assert room(gate, NOBODY, NOW + timedelta(seconds=7)) == 4
    assert after(gate, replace(asked, retry_after=timedelta(days=9))).not_before == NOW + timedelta(minutes=10)
    assert after(gate, replace(asked, retry_after=SECOND)).not_before == gate.not_before


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), causes), max_size=40))
def test_only_two_recordings_together_can_hold_a_gate(seen: Sequence[tuple[UUID, Cause | None]]) -> None:
    gate = FLOWING
    failed: set[UUID] = set()
    for recording, cause in seen:
        gate = in_turn(gate, Seen(recording, cause, NOW))
        failed = failed | {recording} if cause in FAILS else failed if cause is Cause.LOCAL else set()
        if gate.state is GateState.HOLDING:
            assert len(failed) >= 2
            return


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


@given(limit=st.integers(1, 200), held=st.integers(0, 200))
def test_the_backlog_leaves_a_quarter_of_the_places_to_who_comes_today(limit: int, held: int) -> None:
    gate = replace(FLOWING, pace=replace(FLOWING.pace, allowed=float(limit)))

    free = backlog_room(gate, UnderWay(held, held, of_backlog=held))

    assert free == max(0, limit - limit // 4 - held)
    assert backlog_room(gate, NOBODY) >= 1


def test_calls_that_hang_from_before_the_cut_keep_no_one_out_of_a_probing_gate() -> None:
    gate = observe_probe(HELD, is_alive=True, moment=at())

    assert backlog_room(gate, UnderWay(5, 0, of_backlog=5)) >= room(gate, UnderWay(5, 0), NOW)
