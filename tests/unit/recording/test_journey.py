"""Which stage follows, what it waits for, and in which lane it stands."""

from datetime import date, datetime, timedelta

import pytest

from services.recording.domain.journey import STAGES, lacks, lane_of, next_stage
from shared.events.vocabulary import Lane, Purpose, Stage
from tests.support.recordings import NOW

CARD = (Purpose.FIRST_RECORDING, Purpose.RE_RECORDING)


@pytest.mark.parametrize(
    ("leaves_on", "arrived", "lane"),
    [
        (None, NOW, Lane.TODAY),
        (None, NOW - timedelta(hours=24), Lane.TODAY),
        (None, NOW - timedelta(hours=25), Lane.BACKLOG),
        (date(2026, 12, 2), NOW, Lane.TRAVELLER),
        (date(2026, 12, 3), NOW, Lane.TODAY),
        (date(2026, 11, 24), NOW, Lane.TRAVELLER),
        (date(2026, 12, 2), NOW - timedelta(days=9), Lane.TRAVELLER),
    ],
)
def test_who_leaves_within_a_week_goes_first_and_yesterdays_wait_goes_behind(
    leaves_on: date | None, arrived: datetime, lane: Lane
) -> None:
    assert lane_of(leaves_on, arrived, NOW) is lane


@pytest.mark.parametrize("purpose", list(Purpose))
def test_stages_follow_each_other_up_to_where_a_blank_is_needed(purpose: Purpose) -> None:
    done: list[Stage] = []
    while following := next_stage(purpose, done, has_capture=True):
        done.append(following)

    assert tuple(done) == tuple(stage for stage in STAGES[purpose] if stage is not Stage.CARD_PRINTING)


@pytest.mark.parametrize("purpose", CARD)
def test_submission_waits_for_the_capture(purpose: Purpose) -> None:
    assert next_stage(purpose, [Stage.IDENTITY_CHECK], has_capture=False) is None
    assert lacks(purpose, Stage.SUBMISSION, has_capture=False, awaits=None) == "capture"


@pytest.mark.parametrize("awaits", ["blank", "birthday"])
def test_the_card_waits_for_a_blank_or_a_birthday(awaits: str) -> None:
    assert lacks(CARD[0], Stage.CARD_PRINTING, has_capture=True, awaits=awaits) == awaits


def test_a_later_stage_waits_for_the_centre_and_the_first_for_its_time() -> None:
    assert lacks(CARD[0], Stage.DEDUPLICATION, has_capture=True, awaits=None) == "centre"
    assert lacks(CARD[0], Stage.IDENTITY_CHECK, has_capture=False, awaits=None) == "due_time"
