from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.notification.domain.journey import Journey
from services.notification.domain.notices import clock_time, notice_after, receipt_values, values
from services.notification.usecases.fold_events import fold
from shared.events.envelope import Data, Event
from shared.events.situation import Situation
from shared.events.vocabulary import Cause, Effect, Operation, Purpose, Stage
from tests.unit.status.office_day import Story

_JAKARTA = ZoneInfo("Asia/Jakarta")


def _notices(events: list[Event[Data]]) -> list[tuple[str, str]]:
    journey, told = Journey(), []
    for event in events:
        before, journey = journey, fold(journey, event)
        notice = notice_after(before, journey)
        if notice:
            told.append((notice.situation.value, notice.fact))
    return told


def _card_story() -> Story:
    story = Story().arrives().is_captured().identity_is_checked()
    return story.is_submitted().is_unique().card_is_printed()


def test_a_journey_to_the_card_is_told_in_four_messages() -> None:
    assert [situation for situation, _ in _notices(_card_story().events)] == [
        "arrived",
        "saved_here",
        "at_centre",
        "card_ready",
    ]


@given(st.lists(st.booleans(), min_size=6, max_size=12))
def test_in_any_interleaving_nothing_is_told_twice_and_the_end_is_told(from_intake: list[bool]) -> None:
    story = _card_story()
    queues = {True: list(story.of_intake), False: list(story.of_recording)}
    heard = [queues[choice].pop(0) for choice in from_intake if queues[choice]] + queues[False] + queues[True]

    told = _notices(heard)

    assert len(set(told)) == len(told)
    assert told[-1][0] == "card_ready"
    order = ["arrived", "saved_here", "at_centre", "card_ready"]
    assert [s for s, _ in told] == [s for s in order if s in {situation for situation, _ in told}]


def test_a_line_that_flaps_does_not_tell_the_same_recording_again() -> None:
    story = Story().arrives().is_captured().fails(Stage.SUBMISSION, Cause.NETWORK)
    story.fails(Stage.SUBMISSION, Cause.UNKNOWN, Effect.POSSIBLE).succeeds(Stage.SUBMISSION, Operation.ASK)

    told = _notices(story.events)

    assert set(told) == {("arrived", "arrival"), ("saved_here", "packet 1")}


def test_a_second_packet_is_a_second_fact() -> None:
    story = Story().arrives().is_captured().is_submitted().is_parked(Stage.DEDUPLICATION, Cause.BIOMETRIC)
    story.goes_on_with_a_newer_packet().is_captured(2).is_submitted()

    facts = [fact for situation, fact in _notices(story.events) if situation == "at_centre"]

    assert facts == ["packet 1", "packet 2"]


def test_who_comes_for_an_extension_is_told_of_the_arrival_and_never_of_a_recording() -> None:
    assert _notices(Story(purpose=Purpose.SUKET_EXTENSION).arrives().events) == [("arrived", "arrival")]


def test_dates_are_those_of_the_office() -> None:
    late = datetime(2026, 5, 3, 20, 0, tzinfo=UTC)
    journey = Journey()
    for event in Story().arrives().is_captured().events:
        journey = fold(journey, event)

    assert values(Situation.SAVED_HERE, journey, _JAKARTA, "id")["tgl"]
    assert clock_time(late, ZoneInfo("Asia/Jayapura")) == "05.00 WIT"
    assert clock_time(late, _JAKARTA) == "03.00 WIB"


def test_the_receipt_is_shown_by_its_last_four_and_check() -> None:
    assert receipt_values("7K3M-9QPX-R") == {"kode": "7K3M-9QPX-R", "k": "9QPX-R"}
    assert receipt_values(None) == {"kode": None, "k": None}
