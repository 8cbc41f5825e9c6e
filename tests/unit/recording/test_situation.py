"""What people are told: one example of each situation, and what no fault of line or server may ever say (I18)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.situation import (
    Facts,
    Situation,
    StageFact,
    dukcapil_status,
    next_news_at,
    situation_of,
    whose_turn,
)
from shared.events.vocabulary import Cause, Effect, NextAction, Purpose, Stage, WhoActs
from tests.support.recordings import NOW

FIRST, EXTENSION = Purpose.FIRST_RECORDING, Purpose.SUKET_EXTENSION
DONE = StageFact(is_done=True)
CHECKED = {Stage.IDENTITY_CHECK: DONE}
SUBMITTED = {**CHECKED, Stage.SUBMISSION: DONE}
UNIQUE = {**SUBMITTED, Stage.DEDUPLICATION: DONE}
UNTIL = date(2027, 5, 25)
CALLS_PEOPLE_IN = {Situation.COME_FOR_PRINTS, Situation.COME_FOR_DATA, Situation.REGENCY_REVIEW}


def failing(cause: Cause, action: NextAction = NextAction.TRY_AGAIN) -> StageFact:
    return StageFact(cause=cause, effect=Effect.NONE, next_action=action, signature=f"submission/{cause}/x")


def parked(cause: Cause, code: str = "x") -> StageFact:
    return StageFact(is_parked=True, cause=cause, effect=Effect.KNOWN, signature=f"stage/{cause}/{code}")


def captured(**known: Any) -> Facts:
    return replace(Facts(FIRST, has_capture=True), **known)


EXAMPLES: list[tuple[Facts, Situation]] = [
    (Facts(FIRST), Situation.ARRIVED),
    (Facts(FIRST, stages=CHECKED, line_is_down=True), Situation.ARRIVED),
    (Facts(FIRST, is_sent_home=True), Situation.KEPT_PLACE),
    (captured(stages=CHECKED), Situation.SAVED_HERE),
    (captured(stages=CHECKED, line_is_down=True), Situation.WAITING_FOR_LINE),
    (captured(stages={**CHECKED, Stage.SUBMISSION: failing(Cause.NETWORK)}), Situation.WAITING_FOR_LINE),
    (captured(stages={**CHECKED, Stage.SUBMISSION: failing(Cause.SERVER)}), Situation.WAITING_FOR_CENTRE),
    (captured(stages=CHECKED, centre_is_failing=True), Situation.WAITING_FOR_CENTRE),
    (captured(stages={**CHECKED, Stage.SUBMISSION: parked(Cause.SERVER)}), Situation.WAITING_FOR_CENTRE),
    (
        captured(stages={**CHECKED, Stage.SUBMISSION: failing(Cause.SERVER, NextAction.ASK_CENTRE)}),
        Situation.CHECKING_WITH_CENTRE,
    ),
    (captured(stages={**CHECKED, Stage.SUBMISSION: failing(Cause.LOCAL)}), Situation.OUR_FAULT),
    (captured(stages={**CHECKED, Stage.SUBMISSION: parked(Cause.LOCAL)}), Situation.OUR_FAULT),
    (captured(stages=SUBMITTED), Situation.AT_CENTRE),
    (captured(stages=SUBMITTED, line_is_down=True), Situation.AT_CENTRE),
    (captured(stages=SUBMITTED, is_checking_long=True), Situation.STILL_CHECKING),
    (
        captured(stages={**SUBMITTED, Stage.DEDUPLICATION: parked(Cause.BIOMETRIC)}),
        Situation.COME_FOR_PRINTS,
    ),
    (Facts(FIRST, stages={Stage.IDENTITY_CHECK: parked(Cause.DATA, "identity_mismatch")}), Situation.COME_FOR_DATA),
    (
        captured(stages={**SUBMITTED, Stage.DEDUPLICATION: parked(Cause.DATA, "duplicate")}),
        Situation.REGENCY_REVIEW,
    ),
    (captured(stages=UNIQUE, card_waits_for="birthday"), Situation.WAITING_FOR_AGE),
    (captured(stages=UNIQUE, card_waits_for="blank"), Situation.WAITING_FOR_BLANK),
    (captured(stages=UNIQUE, card_waits_for="blank", suket_until=UNTIL), Situation.SUKET_READY),
    (captured(stages=UNIQUE), Situation.AT_CENTRE),
    (captured(stages=UNIQUE, is_card_printed=True), Situation.CARD_READY),
    (captured(stages=UNIQUE, is_card_printed=True, is_completed=True), Situation.COMPLETED),
    (Facts(EXTENSION, is_completed=True, suket_until=UNTIL), Situation.SUKET_READY),
    (Facts(EXTENSION), Situation.SAVED_HERE),
    (Facts(EXTENSION, line_is_down=True), Situation.WAITING_FOR_LINE),
    (captured(is_cancelled=True), Situation.CANCELLED),
]

facts_of_stage = st.builds(
    StageFact,
    is_done=st.booleans(),
    is_parked=st.booleans(),
    cause=st.sampled_from([None, Cause.NETWORK, Cause.SERVER, Cause.UNKNOWN]),
    effect=st.none() | st.sampled_from(Effect),
    next_action=st.none() | st.sampled_from(NextAction),
    signature=st.sampled_from(["", "identity_check/data/identity_mismatch", "submission/network/connect_deadline"]),
)
facts = st.builds(
    Facts,
    purpose=st.sampled_from(Purpose),
    has_capture=st.booleans(),
    is_completed=st.booleans(),
    is_cancelled=st.booleans(),
    is_card_printed=st.booleans(),
    card_waits_for=st.sampled_from([None, "blank", "birthday"]),
    suket_until=st.none() | st.just(UNTIL),
    stages=st.dictionaries(st.sampled_from(Stage), facts_of_stage),
    is_checking_long=st.booleans(),
    line_is_down=st.booleans(),
    centre_is_failing=st.booleans(),
)


@pytest.mark.parametrize(("facts", "situation"), EXAMPLES, ids=[said for _, said in EXAMPLES])
def test_each_situation(facts: Facts, situation: Situation) -> None:
    assert situation_of(facts) is situation


def test_every_situation_that_recordings_can_be_in_has_an_example() -> None:
    # Told without a visit, by an advisory: nothing in this service says it yet.
    assert {said for _, said in EXAMPLES} == set(Situation) - {Situation.SUKET_EXTENDED}


@given(facts)
def test_no_fault_of_line_or_server_calls_a_person_in_or_refuses(facts: Facts) -> None:
    situation = situation_of(facts)

    assert situation not in CALLS_PEOPLE_IN


@given(facts)
def test_nothing_is_at_the_centre_before_the_centre_said_so(facts: Facts) -> None:
    submitted = facts.stages.get(Stage.SUBMISSION, StageFact()).is_done
    unique = facts.stages.get(Stage.DEDUPLICATION, StageFact()).is_done

    if not (submitted or unique):
        assert situation_of(facts) not in (Situation.AT_CENTRE, Situation.STILL_CHECKING)


@given(facts)
def test_it_is_always_somebodys_turn_or_the_platforms(facts: Facts) -> None:
    assert whose_turn(situation_of(facts)) in set(WhoActs)
    assert dukcapil_status(facts)


def test_a_journey_that_ended_promises_no_more_news() -> None:
    assert next_news_at(Situation.COMPLETED, unsent_since=NOW, submitted_at=NOW) is None
    assert next_news_at(Situation.CANCELLED, unsent_since=NOW, submitted_at=NOW) is None


def test_news_is_promised_three_days_after_the_capture_and_two_weeks_after_the_centre_has_it() -> None:
    waiting = next_news_at(Situation.WAITING_FOR_LINE, unsent_since=NOW, submitted_at=None)
    at_centre = next_news_at(Situation.AT_CENTRE, unsent_since=None, submitted_at=NOW)

    assert waiting == NOW + timedelta(days=3)
    assert at_centre == NOW + timedelta(days=14)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (Facts(FIRST), "UNREGISTERED"),
        (captured(stages=CHECKED), "BIO_CAPTURED"),
        (captured(stages={Stage.SUBMISSION: StageFact(effect=Effect.POSSIBLE)}), "SENT_FOR_ENROLLMENT"),
        (captured(stages=SUBMITTED), "RECEIVED_AT_CENTRAL"),
        (captured(stages=UNIQUE), "PRINT_READY_RECORD"),
        (captured(stages=UNIQUE, is_card_printed=True), "CARD_PRINTED"),
        (captured(stages=UNIQUE, is_card_printed=True, is_completed=True), "CARD_ISSUED"),
    ],
)
def test_dukcapils_own_words(facts: Facts, word: str) -> None:
    assert dukcapil_status(facts) == word
