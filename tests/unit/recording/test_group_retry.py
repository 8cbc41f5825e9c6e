"""Retries of many: waves 1 → 10 → doubling, a pause when the cause still holds, who counts and who waits."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.recording.domain.answers import Absent, Answer, Failed, Refused, Succeeded, Unchanged
from services.recording.domain.group_retry import (
    CAUSE_STILL_HOLDS,
    Because,
    Complete,
    Deferral,
    Frozen,
    GroupRetry,
    ItemState,
    PauseItself,
    Progress,
    Result,
    StartWave,
    Wait,
    cancel,
    decide,
    has_expired,
    misfit,
    pause,
    result_of,
    resume,
    start,
    wave_size,
    waves_of,
)
from services.recording.domain.stage import IllegalTransition, StageLife, accept, again
from shared.events.vocabulary import Cause, Effect, GroupRetryState, Operation, Owner, Stage, WhoActs
from tests.support.recordings import NOW, patience

RUNNING = GroupRetry(GroupRetryState.RUNNING, wave=2, ramp=2)
LEFT = Progress(has_requested=True, has_ready=True)
PARKED = Frozen("parked", 3, 1)
SUBMISSION = StageLife(Stage.SUBMISSION, Operation.SUBMISSION, "in_flight", NOW)
CHECK = StageLife(Stage.IDENTITY_CHECK, Operation.IDENTITY_CHECK, "in_flight", NOW)
CHECKING = StageLife(Stage.DEDUPLICATION, Operation.ASK, "in_flight", NOW)


def failed(cause: Cause, effect: Effect = Effect.NONE) -> Failed:
    return Failed(cause, effect, Owner.UNDETERMINED, "x")


def test_waves_begin_with_one_then_ten_then_double() -> None:
    assert [wave_size(good) for good in range(6)] == [1, 10, 20, 40, 80, 160]
    assert waves_of(500) == [1, 10, 20, 40, 80, 160, 189]


@pytest.mark.parametrize(("done", "failed_again", "goes_on"), [(9, 1, True), (89, 11, False), (0, 1, False)])
def test_a_wave_with_less_than_nine_in_ten_done_pauses_the_group(
    *, done: int, failed_again: int, goes_on: bool
) -> None:
    seen = replace(LEFT, done=done, failed_again=failed_again, signature="identity_check/server/http_500")

    decision = decide(RUNNING, seen)

    assert isinstance(decision, StartWave if goes_on else PauseItself)
    if isinstance(decision, PauseItself):
        after = decision.group
        assert (after.state, after.paused_because) == (GroupRetryState.PAUSED, CAUSE_STILL_HOLDS)
        assert after.paused_signature == "identity_check/server/http_500"


def test_who_waits_for_the_line_neither_spoils_a_wave_nor_makes_it_good() -> None:
    assert isinstance(decide(RUNNING, replace(LEFT, done=1, deferred=9)), StartWave)
    assert isinstance(decide(RUNNING, replace(LEFT, deferred=10, has_running=True)), Wait)
    assert isinstance(decide(RUNNING, replace(LEFT, done=9, deferred=1, cut=1, has_running=True)), Wait)


def test_no_wave_begins_while_the_gate_holds_or_somebody_was_not_called_for() -> None:
    assert isinstance(decide(RUNNING, replace(LEFT, done=10, has_ready=False)), Wait)
    assert isinstance(decide(RUNNING, replace(LEFT, done=9, fresh=1)), Wait)


def test_a_record_the_centre_works_on_is_a_sign_that_the_cause_is_gone() -> None:
    assert isinstance(decide(RUNNING, replace(LEFT, deferred=10, checking=10)), StartWave)


def test_a_wave_of_people_who_are_gone_tells_nothing_and_is_no_step_up() -> None:
    decision = decide(RUNNING, LEFT)

    assert isinstance(decision, StartWave)
    assert (decision.size, decision.group.wave, decision.group.ramp) == (10, 3, 2)


def test_it_ends_when_nobody_is_left_even_if_the_last_failed() -> None:
    assert isinstance(decide(RUNNING, Progress(failed_again=5)), Complete)
    assert isinstance(decide(RUNNING, Progress(failed_again=5, has_running=True)), Wait)


def test_a_resumed_group_begins_again_with_one() -> None:
    paused = decide(RUNNING, replace(LEFT, failed_again=10))
    assert isinstance(paused, PauseItself)

    decision = decide(resume(paused.group), replace(LEFT, failed_again=10))

    assert isinstance(decision, StartWave)
    assert (decision.size, decision.group.wave) == (1, 3)


def test_what_it_is_already_it_stays_and_what_ended_does_not_begin() -> None:
    assert resume(RUNNING) == start(RUNNING) == RUNNING
    paused = pause(RUNNING, "regency:32.16.")
    assert pause(paused, "sre:*") == paused
    ended = cancel(paused)
    assert cancel(ended) == ended
    for step in (lambda group: pause(group, "x"), resume):
        with pytest.raises(IllegalTransition):
            step(ended)
    with pytest.raises(IllegalTransition):
        cancel(replace(RUNNING, state=GroupRetryState.COMPLETED))


def test_a_plan_lasts_an_hour() -> None:
    assert not has_expired(NOW, NOW + timedelta(minutes=60))
    assert has_expired(NOW, NOW + timedelta(minutes=61))


@pytest.mark.parametrize(
    ("present", "because"),
    [
        (PARKED, None),
        (None, Because.RECORDING_ENDED),
        (replace(PARKED, is_open=False), Because.RECORDING_ENDED),
        (replace(PARKED, identity_version=2), Because.CORRECTED),
        (replace(PARKED, state="waiting", is_in_a_group=True), Because.CHANGED_HANDS),
        (replace(PARKED, state="done"), Because.NOT_THERE_ANY_MORE),
        (replace(PARKED, attempts=4), Because.CHANGED_HANDS),
    ],
)
def test_who_was_in_other_hands_meanwhile_is_left_alone(present: Frozen | None, because: Because | None) -> None:
    assert misfit(PARKED, present) is because


def test_a_waiting_one_that_tried_by_itself_is_still_brought_forward() -> None:
    assert misfit(Frozen("waiting", 1, 1), Frozen("waiting", 7, 1)) is None


@pytest.mark.parametrize(
    ("life", "answer", "result"),
    [
        (CHECK, Succeeded(), Result(ItemState.DONE)),
        (CHECK, Refused(Cause.DATA, "identity_mismatch", WhoActs.RESIDENT), Result(ItemState.FAILED_AGAIN)),
        (CHECK, failed(Cause.SERVER), Result(ItemState.FAILED_AGAIN)),
        (CHECK, failed(Cause.LOCAL), Result(ItemState.FAILED_AGAIN)),
        (CHECK, failed(Cause.NETWORK), Result(ItemState.RUNNING, Deferral.LINK)),
        (CHECK, failed(Cause.UNKNOWN, Effect.POSSIBLE), Result(ItemState.RUNNING, Deferral.LINK)),
        (SUBMISSION, failed(Cause.SERVER, Effect.POSSIBLE), Result(ItemState.RUNNING, Deferral.ASK)),
        (replace(SUBMISSION, operation=Operation.ASK), failed(Cause.SERVER), Result(ItemState.FAILED_AGAIN)),
        (replace(SUBMISSION, operation=Operation.ASK), Absent(), Result(ItemState.RUNNING, Deferral.ASK)),
        (CHECKING, Unchanged("PROCESSING"), Result(ItemState.RUNNING, Deferral.CHECKING)),
        (CHECKING, Absent(), Result(ItemState.FAILED_AGAIN)),
    ],
)
def test_the_line_and_an_ask_defer_everything_else_that_failed_has_failed_again(
    life: StageLife, answer: Answer, result: Result
) -> None:
    assert result_of(life, accept(life, answer, patience())) == result


def test_a_refusal_of_what_was_corrected_meanwhile_is_no_failure_of_the_group() -> None:
    refused = accept(CHECK, Refused(Cause.DATA, "identity_mismatch", WhoActs.RESIDENT), patience())

    assert result_of(CHECK, again(refused, NOW)).state is ItemState.RUNNING


@given(st.integers(1, 200_000))
def test_any_number_is_covered_exactly_once(count: int) -> None:
    sizes = waves_of(count)

    assert sum(sizes) == count
    assert all(size <= wave_size(place) for place, size in enumerate(sizes))
