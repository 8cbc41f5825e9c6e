import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.status.domain.journey import Journey
from services.status.usecases.fold_events import fold
from shared.events.envelope import Data, Event
from shared.events.situation import Situation
from shared.events.vocabulary import Cause, Effect, Operation, Purpose, Stage
from tests.unit.status.office_day import Story


def _told(events: list[Event[Data]]) -> Journey:
    journey = Journey()
    for event in events:
        journey = fold(journey, event)
    return journey


def _whole_story() -> Story:
    story = Story().arrives().is_sent_home().returns("32.16.07").is_called().is_captured()
    story.identity_is_checked().fails(Stage.SUBMISSION, Cause.NETWORK).is_submitted()
    story.is_parked(Stage.DEDUPLICATION, Cause.BIOMETRIC).goes_on_with_a_newer_packet().is_captured(2)
    return story.is_submitted().is_unique().card_is_printed().is_completed()


@given(st.lists(st.booleans(), min_size=20, max_size=40), st.integers(0, 5))
def test_topics_in_any_interleaving_give_the_same_view(from_intake: list[bool], repeated: int) -> None:
    story = _whole_story()
    queues = {True: list(story.of_intake), False: list(story.of_recording)}
    heard = []
    for choice in from_intake:
        if queues[choice]:
            heard.append(queues[choice].pop(0))
            heard.extend(heard[-1:] * (len(heard) == repeated))
    heard += queues[False] + queues[True]

    assert _told(heard) == _told(story.events)


def test_a_recording_taken_while_the_line_is_dead_is_shown_waiting_for_the_line() -> None:
    journey = _told(Story().arrives().is_captured().events)

    assert journey.situation() is Situation.SAVED_HERE
    assert journey.situation(line_is_down=True) is Situation.WAITING_FOR_LINE
    assert journey.situation(centre_is_failing=True) is Situation.WAITING_FOR_CENTRE
    assert journey.unsent_since is not None


def test_a_person_sent_home_keeps_the_place() -> None:
    journey = _told(Story().arrives().is_sent_home().events)

    assert journey.situation() is Situation.KEPT_PLACE
    assert journey.visit.place_until is not None


def test_a_returned_person_belongs_to_the_new_office() -> None:
    journey = _told(Story().arrives().returns("32.16.09").events)

    assert journey.office == "32.16.09"


def test_an_ask_that_finds_nothing_does_not_show_the_recording_at_the_centre() -> None:
    story = Story().arrives().is_captured().fails(Stage.SUBMISSION, Cause.UNKNOWN, Effect.POSSIBLE)

    journey = _told(story.succeeds(Stage.SUBMISSION, Operation.ASK).events)

    assert journey.situation() is Situation.SAVED_HERE


def test_a_recording_begun_anew_is_no_longer_shown_at_the_centre() -> None:
    story = Story().arrives().is_captured().is_submitted().is_parked(Stage.DEDUPLICATION, Cause.BIOMETRIC)

    journey = _told(story.goes_on_with_a_newer_packet().is_captured(2).events)

    assert journey.situation() is Situation.SAVED_HERE
    assert journey.progress.submitted_at is None


@pytest.mark.parametrize("cause", [Cause.NETWORK, Cause.SERVER, Cause.LOCAL, Cause.UNKNOWN])
def test_a_fault_of_line_or_server_never_asks_to_record_again(cause: Cause) -> None:
    story = Story().arrives().is_captured().fails(Stage.SUBMISSION, cause)

    shown = _told(story.events).situation()

    assert shown not in (Situation.COME_FOR_PRINTS, Situation.COME_FOR_DATA, Situation.CANCELLED)


def test_an_extension_waits_from_its_arrival() -> None:
    journey = _told(Story(purpose=Purpose.SUKET_EXTENSION).arrives().events)

    assert journey.unsent_since == journey.opened_at
