"""When the centre is asked about a record it works on."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.recording.domain.answers import Failed, Succeeded, Unchanged
from services.recording.domain.journey import AskSchedule
from services.recording.domain.stage import StageLife, accept
from shared.events.vocabulary import Cause, Effect, Operation, Owner, Stage
from tests.support.recordings import NOW, patience

CHECKING = StageLife(Stage.DEDUPLICATION, Operation.ASK, "in_flight", NOW)


def test_the_centre_is_asked_less_and_less_often_and_never_stops_being_asked() -> None:
    waits = [AskSchedule().after(asks).total_seconds() for asks in (0, 1, 2, 3, 4, 5, 6, 500)]

    assert waits == [10, 60, 600, 3600, 21_600, 86_400, 86_400, 86_400]


@given(
    steps=st.lists(st.timedeltas(timedelta(0), timedelta(days=2)), min_size=1, max_size=8), asks=st.integers(0, 10_000)
)
def test_there_is_always_a_next_ask(steps: list[timedelta], asks: int) -> None:
    assert AskSchedule(tuple(steps)).after(asks) == steps[min(asks, len(steps) - 1)]


def test_an_ask_that_changes_nothing_is_no_news_and_moves_to_the_next_step() -> None:
    judged = accept(CHECKING, Unchanged("PROCESSING"), patience())

    assert not judged.changed
    assert (judged.life.state, judged.life.asks) == ("waiting", 1)
    assert judged.life.due_at == NOW + timedelta(minutes=1)


def test_a_failed_ask_does_not_use_up_a_step_of_the_schedule() -> None:
    judged = accept(replace(CHECKING, asks=2), Failed(Cause.NETWORK, Effect.NONE, Owner.UNDETERMINED, "x"), patience())

    assert judged.life.asks == 2


def test_the_word_that_a_record_is_unique_ends_the_asking() -> None:
    assert accept(CHECKING, Succeeded("RK-1", "PRINT_READY_RECORD"), patience()).life.state == "done"
