"""Network or server? Nobody else is named by one witness, and what nobody has seen lately is not known."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.recording.domain.line_witnesses import Calls, FailedCall, LinkRules, LinkVerdict, Round
from services.recording.domain.link import BAD, Verdict, judge, shown_at
from shared.events.vocabulary import Cause, Confidence, Owner, Source

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
RULES = LinkRules()
OTHERS = {Owner.OFFICE, Owner.REGENCY_NETWORK, Owner.CARRIER, Owner.CENTRE_NETWORK, Owner.CENTRE}
_LINE_CAUSES = (Cause.NETWORK, Cause.SERVER, Cause.UNKNOWN, Cause.LOCAL)


def ago(seconds: float) -> datetime:
    """Give a moment before now."""
    return NOW - timedelta(seconds=seconds)


def failed(cause: Cause, seconds_ago: float, person: int = 1, *, took: float = 0.1, spoken: bool = False) -> FailedCall:
    """Make one call that ended so long ago."""
    return FailedCall(
        UUID(int=person * 1000), UUID(int=person), cause, spoken, ago(seconds_ago + took), ago(seconds_ago), "evidence"
    )


def probed(seconds_ago: float = 1, *, took: float = 0.0, answered: bool = False, **saw: Any) -> Round:
    """Make one round of the probe that ended so long ago."""
    return Round(UUID(int=1), ago(seconds_ago + took), ago(seconds_ago), answered, **saw)


def said(calls: Calls | None = None, *rounds: Round, before: Verdict | None = None) -> Verdict:
    """Judge now."""
    return judge(calls or Calls(), rounds, before, now=NOW, rules=RULES)


moments = (st.floats(0.2, 9) | st.floats(0.2, 29)).map(lambda seconds: round(seconds, 2))
failures = st.builds(
    failed, st.sampled_from(_LINE_CAUSES), moments, st.integers(1, 3), took=st.floats(0.1, 20), spoken=st.booleans()
)
rounds_seen = st.lists(
    st.builds(
        probed,
        moments,
        took=st.floats(0, 4),
        answered=st.booleans(),
        cause=st.sampled_from(_LINE_CAUSES),
        is_spoken=st.booleans(),
        neutral_reached=st.sampled_from((None, True, False)),
        second_way_answered=st.sampled_from((None, True, False)),
    ),
    max_size=6,
).map(lambda rounds: sorted(rounds, key=lambda one: one.at, reverse=True))
calls_heard = st.just(Calls()) | st.builds(
    Calls,
    failed=st.lists(failures, max_size=6).map(
        lambda calls: tuple(sorted(calls, key=lambda one: one.ended_at, reverse=True))
    ),
    answered=st.integers(0, 20),
    last_answered_at=st.none() | moments.map(ago),
    last_failed_at=st.none() | moments.map(ago),
    held_by=st.none() | st.sampled_from((Cause.NETWORK, Cause.SERVER)),
    held_since=moments.map(ago),
    waits=st.booleans(),
)


@settings(max_examples=1000)
@given(calls_heard, rounds_seen)
def test_another_agency_is_named_by_two_sources_or_as_our_access_line_by_its_neighbours(
    calls: Calls, rounds: list[Round]
) -> None:
    verdict = said(calls, *rounds)

    if verdict.owner in OTHERS and len(set(verdict.sources)) < 2:
        assert verdict.owner is RULES.access_owner
        assert rounds[0].neutral_reached is False


@settings(max_examples=1000)
@given(calls_heard, rounds_seen)
def test_only_what_is_bad_has_another_owner_and_whoever_is_named_fits_the_cause(
    calls: Calls, rounds: list[Round]
) -> None:
    verdict = said(calls, *rounds)

    if verdict.owner in OTHERS:
        assert verdict.verdict in BAD
        assert (verdict.owner is Owner.CENTRE) is (verdict.verdict is LinkVerdict.SERVER)
    assert (verdict.owner is Owner.US) is (verdict.verdict is LinkVerdict.LOCAL)
    assert (verdict.verdict is LinkVerdict.UNDETERMINED) or verdict.sources
    assert verdict.since <= verdict.checked_at < verdict.expires_at


@given(calls_heard, rounds_seen, st.floats(0, 1000))
def test_what_has_expired_says_nothing_and_least_of_all_what_it_said_before(
    calls: Calls, rounds: list[Round], later: float
) -> None:
    verdict = said(calls, *rounds)

    shown = shown_at(verdict, verdict.expires_at + timedelta(seconds=later))

    assert (shown.verdict, shown.owner, shown.confidence) == (
        LinkVerdict.UNDETERMINED,
        Owner.UNDETERMINED,
        Confidence.LOW,
    )
    assert not shown.sources
    assert shown_at(verdict, verdict.expires_at - timedelta(milliseconds=1)) is verdict


@settings(max_examples=1000)
@given(calls_heard, rounds_seen)
def test_only_what_two_sources_say_is_sure(calls: Calls, rounds: list[Round]) -> None:
    verdict = said(calls, *rounds)

    assert (verdict.confidence is Confidence.HIGH) is (len(set(verdict.sources)) >= 2)


any_moment = st.floats(-3600, 3600).map(ago)
any_calls = st.builds(
    Calls,
    failed=st.lists(st.builds(FailedCall, started_at=any_moment, ended_at=any_moment), max_size=4).map(tuple),
    answered=...,
    last_answered_at=st.none() | any_moment,
    last_failed_at=st.none() | any_moment,
    held_by=...,
    held_since=st.none() | any_moment,
    waits=...,
)
any_round = st.builds(
    Round,
    began_at=any_moment,
    at=any_moment,
    cause=...,
    is_spoken=...,
    neutral_reached=...,
    second_way_answered=...,
)
any_while = st.floats(0, 3600).map(lambda seconds: timedelta(seconds=seconds))
any_rules = st.builds(
    LinkRules, access_owner=..., window=any_while, round_counts_for=any_while, verdict_counts_for=any_while
)


@settings(max_examples=500)
@given(any_calls, st.lists(any_round, max_size=4), st.lists(any_round, max_size=4), any_rules)
def test_whatever_is_handed_in_something_is_said_of_it(
    calls: Calls, rounds: list[Round], earlier: list[Round], rules: LinkRules
) -> None:
    before = judge(calls, earlier, None, now=ago(1), rules=RULES)

    verdict = judge(calls, rounds, before, now=NOW, rules=rules)

    assert verdict.verdict in LinkVerdict
    assert verdict.checked_at == NOW


@given(calls_heard, st.floats(10.1, 1000))
def test_a_round_from_long_ago_is_no_witness(calls: Calls, seconds: float) -> None:
    stale = probed(seconds, cause=Cause.NETWORK, neutral_reached=False, second_way_answered=True)

    assert Source.PROBE not in said(calls, stale).sources
    assert Source.SECOND_WAY not in said(calls, stale).sources


def test_nothing_seen_is_not_fine() -> None:
    assert said().verdict is LinkVerdict.UNDETERMINED
    assert said(Calls(last_answered_at=ago(31))).verdict is LinkVerdict.UNDETERMINED
    assert said(Calls(last_answered_at=ago(2))).verdict is LinkVerdict.FINE


def test_one_packet_the_centre_cannot_bear_is_no_fault_of_the_centre() -> None:
    poisoned = Calls(tuple(failed(Cause.SERVER, seconds, spoken=True) for seconds in (1, 3, 6)))

    assert said(poisoned, probed(answered=True)).verdict is not LinkVerdict.SERVER


def test_what_calls_alone_meet_while_a_later_probe_is_answered_is_the_centres() -> None:
    calls = Calls((failed(Cause.SERVER, 2, 1), failed(Cause.SERVER, 3, 2)))

    verdict = said(calls, probed(1, answered=True))

    assert (verdict.verdict, verdict.owner) == (LinkVerdict.SERVER, Owner.CENTRE)
    assert verdict.sources == (Source.CALLS, Source.PROBE)


def test_a_probe_answered_while_the_calls_were_under_way_names_nobody() -> None:
    calls = Calls((failed(Cause.SERVER, 1, 1, took=4), failed(Cause.SERVER, 1.1, 2, took=4)))

    verdict = said(calls, probed(2, answered=True))  # then a device began to refuse in the centre's name

    assert (verdict.verdict, verdict.owner) == (LinkVerdict.SERVER, Owner.UNDETERMINED)


def test_a_dead_line_that_came_back_does_not_hide_what_the_centre_does_since() -> None:
    before = tuple(failed(Cause.NETWORK, 20 + person / 10, person) for person in range(8))
    since = (failed(Cause.SERVER, 2, 1, spoken=True), failed(Cause.SERVER, 3, 2, spoken=True))
    calls = Calls((*since, *before), answered=1, last_answered_at=ago(5))

    verdict = said(calls, probed(1, answered=True))

    assert (verdict.verdict, verdict.owner) == (LinkVerdict.SERVER, Owner.CENTRE)


def test_a_refusal_is_the_lines_once_another_way_reached_the_centre() -> None:
    calls = Calls((failed(Cause.SERVER, 2, 1), failed(Cause.SERVER, 3, 2)))
    refused: dict[str, Any] = {"cause": Cause.SERVER, "neutral_reached": True}

    assert said(calls, probed(**refused)).owner is Owner.UNDETERMINED
    assert said(calls, probed(**refused, second_way_answered=False)).owner is Owner.CENTRE
    found_out = said(calls, probed(**refused, second_way_answered=True))
    assert (found_out.verdict, found_out.owner) == (LinkVerdict.NETWORK, Owner.CENTRE_NETWORK)


def test_while_a_gate_holds_the_calls_that_shut_it_stay_a_witness() -> None:
    held = Calls(held_by=Cause.NETWORK, held_since=ago(300), last_failed_at=ago(300))

    verdict = said(held, probed(cause=Cause.NETWORK, neutral_reached=False))

    assert {Source.CALLS, Source.PROBE} <= set(verdict.sources)
    assert (verdict.verdict, verdict.owner) == (LinkVerdict.NETWORK, Owner.CARRIER)


def test_a_centre_that_still_fails_half_of_the_calls_does_not_work() -> None:
    failing = tuple(failed(Cause.SERVER, 1 + person, person, spoken=True) for person in range(4))

    assert said(Calls(failing, answered=5, last_answered_at=ago(0.5))).verdict is LinkVerdict.SERVER
    assert said(Calls(failing, answered=50, last_answered_at=ago(0.5))).verdict is LinkVerdict.FINE


def test_a_probe_alone_is_not_fine_for_those_whose_last_call_failed() -> None:
    last_failed = Calls(last_failed_at=ago(120), waits=True)

    assert said(last_failed, probed(answered=True)).verdict is LinkVerdict.UNDETERMINED
    nobody_waits = Calls(last_failed_at=ago(120))
    assert said(nobody_waits, probed(answered=True)).verdict is LinkVerdict.FINE


def test_a_verdict_that_goes_on_keeps_its_beginning() -> None:
    dead: dict[str, Any] = {"cause": Cause.NETWORK, "neutral_reached": False}
    first = said(None, probed(1, took=4, **dead))

    assert said(None, probed(0.5, **dead), before=first).since == first.since == ago(5)


DEAD, REFUSED, BUSY = {"cause": Cause.NETWORK}, {"cause": Cause.SERVER}, {"cause": Cause.SERVER, "is_spoken": True}
OURS = {"cause": Cause.LOCAL}


@pytest.mark.parametrize(
    ("by_calls", "is_spoken", "round_", "verdict", "owner"),
    [
        # ARCHITECTURE 4, pattern and verdict; `n` neutral targets, `w` the second way
        (Cause.NETWORK, False, DEAD | {"n": False}, LinkVerdict.NETWORK, Owner.CARRIER),
        (Cause.NETWORK, False, DEAD | {"n": True}, LinkVerdict.NETWORK, Owner.CENTRE_NETWORK),
        (Cause.NETWORK, False, DEAD | {"n": None}, LinkVerdict.NETWORK, Owner.UNDETERMINED),
        (Cause.SERVER, False, REFUSED | {"n": True}, LinkVerdict.SERVER, Owner.UNDETERMINED),
        (Cause.SERVER, False, REFUSED | {"n": True, "w": False}, LinkVerdict.SERVER, Owner.CENTRE),
        (Cause.SERVER, False, REFUSED | {"n": True, "w": True}, LinkVerdict.NETWORK, Owner.CENTRE_NETWORK),
        (Cause.SERVER, True, BUSY | {"n": True}, LinkVerdict.SERVER, Owner.CENTRE),
        (Cause.SERVER, True, BUSY | {"n": True, "w": True}, LinkVerdict.SERVER, Owner.CENTRE),
        (Cause.SERVER, False, {"answered": True, "n": True}, LinkVerdict.SERVER, Owner.CENTRE),
        (Cause.NETWORK, False, {"answered": True, "n": True}, LinkVerdict.NETWORK, Owner.UNDETERMINED),
        (Cause.LOCAL, False, {"answered": True, "n": True}, LinkVerdict.LOCAL, Owner.US),
        (None, False, DEAD | {"n": False}, LinkVerdict.NETWORK, Owner.CARRIER),
        (None, False, DEAD | {"n": True}, LinkVerdict.NETWORK, Owner.UNDETERMINED),
        (None, False, BUSY | {"n": True, "w": True}, LinkVerdict.SERVER, Owner.UNDETERMINED),
        (None, False, OURS | {"n": False, "w": True}, LinkVerdict.UNDETERMINED, Owner.UNDETERMINED),
        (None, False, OURS | {"n": True, "is_spoken": True}, LinkVerdict.UNDETERMINED, Owner.UNDETERMINED),
    ],
)
def test_what_calls_and_the_probe_meet_says_whose_it_is(
    *, by_calls: Cause | None, is_spoken: bool, round_: dict[str, Any], verdict: LinkVerdict, owner: Owner
) -> None:
    calls = tuple(failed(by_calls, 2 + person, person, spoken=is_spoken) for person in (1, 2)) if by_calls else ()
    saw = {{"n": "neutral_reached", "w": "second_way_answered"}.get(name, name): seen for name, seen in round_.items()}

    judged = said(Calls(calls), probed(1, **saw))

    assert (judged.verdict, judged.owner) == (verdict, owner)
