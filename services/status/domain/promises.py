"""When the next news is promised; the same days as the messages say (services/notification/domain/promises.py)."""

from datetime import datetime, timedelta

from services.status.domain.journey import Journey
from shared.events.situation import Situation

_AFTER_CAPTURE = timedelta(days=3)
_AFTER_SUBMISSION = timedelta(days=14)
_UNSENT = (
    Situation.SAVED_HERE,
    Situation.WAITING_FOR_LINE,
    Situation.WAITING_FOR_CENTRE,
    Situation.CHECKING_WITH_CENTRE,
    Situation.OUR_FAULT,
)


def next_news_at(journey: Journey, situation: Situation) -> datetime | None:
    """Give the moment by which the person hears from us; absent where nothing is promised yet."""
    if situation in _UNSENT and journey.unsent_since:
        return journey.unsent_since + _AFTER_CAPTURE
    if situation is Situation.AT_CENTRE and journey.progress.submitted_at:
        return journey.progress.submitted_at + _AFTER_SUBMISSION
    return None
