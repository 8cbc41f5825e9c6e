"""What to do next about a failure: ARCHITECTURE section 4, the whole table."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.recording.domain.answers import Failed, Refused
from services.recording.domain.retry import AskCentre, NextStep, Park, RetryPolicy, TryAgain, WaitForLink, next_step
from shared.events.vocabulary import Cause, Effect, Operation, Owner, WhoActs

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
POLICY = RetryPolicy()
CENTRE_SIDE = (Cause.NETWORK, Cause.SERVER, Cause.UNKNOWN)
dice = st.floats(0, 1)
strikes = st.integers(0, 10_000)


def after(
    failure: Failed | Refused,
    operation: Operation = Operation.SUBMISSION,
    *,
    strikes: int = 0,
    dice: float = 1.0,
    failing_for: timedelta = timedelta(),
) -> NextStep:
    return next_step(
        failure,
        operation=operation,
        strikes=strikes,
        failing_since=NOW - failing_for,
        now=NOW,
        policy=POLICY,
        dice=dice,
    )


def failed(
    cause: Cause, effect: Effect = Effect.NONE, *, code: str = "x", retry_after_seconds: float | None = None
) -> Failed:
    return Failed(cause, effect, Owner.UNDETERMINED, code, retry_after_seconds)


def kind_of(cause: Cause, effect: Effect, operation: Operation) -> type[NextStep]:
    """The table in the words of the design, written a second time."""
    if cause is Cause.LOCAL and effect is Effect.KNOWN:
        return Park
    if effect is Effect.POSSIBLE and operation is Operation.SUBMISSION:
        return AskCentre
    return WaitForLink if cause is Cause.NETWORK else TryAgain


@pytest.mark.parametrize(
    ("cause", "effect", "operation"), list(product((*CENTRE_SIDE, Cause.LOCAL), Effect, Operation)), ids=str
)
def test_the_whole_table(cause: Cause, effect: Effect, operation: Operation) -> None:
    assert type(after(failed(cause, effect), operation)) is kind_of(cause, effect, operation)


@given(effect=st.sampled_from(Effect), operation=st.sampled_from(Operation), strikes=strikes, dice=dice)
def test_an_outage_costs_no_strike(effect: Effect, operation: Operation, strikes: int, dice: float) -> None:
    step = after(failed(Cause.NETWORK, effect), operation, strikes=strikes, dice=dice)

    assert not getattr(step, "costs_a_strike", False)
    assert not isinstance(step, Park)


@pytest.mark.parametrize("cause", [cause for cause in (*CENTRE_SIDE, Cause.LOCAL) if cause is not Cause.SERVER])
def test_only_the_centre_costs_a_strike(cause: Cause) -> None:
    for effect, operation in product(Effect, Operation):
        assert not getattr(after(failed(cause, effect), operation), "costs_a_strike", False)

    assert after(failed(Cause.SERVER)) == TryAgain(NOW + POLICY.base, costs_a_strike=True)


@given(cause=st.sampled_from([*CENTRE_SIDE, Cause.LOCAL]), strikes=strikes, dice=dice)
def test_a_submission_that_may_have_arrived_is_asked_about_before_any_second_send(
    cause: Cause, strikes: int, dice: float
) -> None:
    assert isinstance(after(failed(cause, Effect.POSSIBLE), strikes=strikes, dice=dice), AskCentre)


@given(strikes=strikes, hours=st.floats(0, 71.9), dice=dice)
def test_a_failing_centre_parks_nothing_before_its_time_however_often_it_failed(
    strikes: int, hours: float, dice: float
) -> None:
    step = after(failed(Cause.SERVER), strikes=strikes, failing_for=timedelta(hours=hours), dice=dice)

    assert isinstance(step, TryAgain)


@pytest.mark.parametrize("strikes", [0, 1, 1000])
def test_a_centre_that_fails_for_three_days_parks_by_age(strikes: int) -> None:
    step = after(failed(Cause.SERVER), strikes=strikes, failing_for=timedelta(hours=72))

    assert step == Park(WhoActs.CENTRE)


@pytest.mark.parametrize("cause", [Cause.NETWORK, Cause.UNKNOWN])
def test_neither_a_dead_line_nor_a_riddle_parks_ever(cause: Cause) -> None:
    for effect in Effect:
        assert not isinstance(after(failed(cause, effect), failing_for=timedelta(days=400)), Park)


@given(asked=st.integers(0, 86_400), strikes=strikes, dice=dice)
def test_the_wait_that_the_centre_asks_for_is_obeyed(asked: int, strikes: int, dice: float) -> None:
    step = after(failed(Cause.SERVER, retry_after_seconds=asked), strikes=strikes, dice=dice)

    assert isinstance(step, TryAgain)
    assert step.at >= NOW + timedelta(seconds=asked)


@given(strikes=strikes, dice=dice)
def test_the_backoff_stays_between_nothing_and_its_cap(strikes: int, dice: float) -> None:
    delay = POLICY.delay_after(strikes, dice)

    assert timedelta() <= delay <= POLICY.cap


@given(
    base=st.floats(0.01, 60),
    cap=st.floats(0.01, 3600),
    asked=st.none() | st.floats(0, 86_400),
    strikes=strikes,
    dice=dice,
)
def test_any_policy_keeps_its_bounds_and_what_the_centre_asked_for(
    base: float, cap: float, asked: float | None, strikes: int, dice: float
) -> None:
    policy = RetryPolicy(base=timedelta(seconds=base), cap=timedelta(seconds=cap))
    busy = failed(Cause.SERVER, retry_after_seconds=asked)

    step = next_step(
        busy, operation=Operation.SUKET, strikes=strikes, failing_since=NOW, now=NOW, policy=policy, dice=dice
    )

    assert isinstance(step, TryAgain)
    least, most = timedelta(seconds=asked or 0), max(policy.cap, timedelta(seconds=asked or 0))
    assert NOW + least <= step.at <= NOW + most


@given(cause=st.sampled_from(CENTRE_SIDE), effect=st.sampled_from(Effect), strikes=strikes, dice=dice)
def test_no_failure_is_due_in_the_past_or_beyond_the_cap(
    cause: Cause, effect: Effect, strikes: int, dice: float
) -> None:
    step = after(failed(cause, effect), strikes=strikes, dice=dice)

    assert not isinstance(step, Park)
    assert NOW <= step.at <= NOW + POLICY.cap


def test_the_backoff_doubles_until_its_cap() -> None:
    waits = [POLICY.delay_after(strikes, 1.0).total_seconds() for strikes in range(9)]

    assert waits == [3, 6, 12, 24, 48, 96, 192, 300, 300]


@pytest.mark.parametrize("who", list(WhoActs))
def test_a_refusal_parks_with_who_must_act(who: WhoActs) -> None:
    for cause, operation in product((Cause.DATA, Cause.BIOMETRIC), Operation):
        assert after(Refused(cause, "code", who), operation) == Park(who)


def test_lost_bytes_park_with_us() -> None:
    assert after(failed(Cause.LOCAL, code="packet_missing")) == Park(WhoActs.US)


def test_a_passing_fault_of_our_own_rests_and_blames_nobody() -> None:
    assert after(failed(Cause.LOCAL)) == TryAgain(NOW + POLICY.local_rest)
