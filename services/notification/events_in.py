"""Event → use case: what notification hears of intake, of the contacts, and of recording."""

from collections.abc import Awaitable, Callable
from typing import Any

from services.notification.usecases.hear_contacts import hear_contacts
from services.notification.usecases.hear_facts import HearFacts
from shared.events import intake, recording
from shared.events.envelope import Data, Event
from shared.postgres.pool import Transaction

UseCase = Callable[[Transaction, list[Event[Any]]], Awaitable[None]]
TOPICS = (intake.TOPIC, intake.CONTACTS_TOPIC, recording.TOPIC)

_FACTS: tuple[type[Data], ...] = (
    intake.ApplicantArrived,
    intake.ApplicantReturned,
    intake.ApplicantCalled,
    intake.ApplicantServed,
    intake.ApplicantUndone,
    intake.ApplicantSentHome,
    intake.CaptureAccepted,
    recording.RecordingAttempted,
    recording.RecordingFailed,
    recording.RecordingParked,
    recording.RecordingResumed,
    recording.RecordingCompleted,
    recording.RecordingCancelled,
    recording.SuketIssued,
    recording.SuketExtended,
    recording.CardPrintReady,
    recording.CardPrinted,
)


def hears(hear_facts: HearFacts) -> dict[type[Data], UseCase]:
    """Give the table."""
    facts: dict[type[Data], UseCase] = dict.fromkeys(_FACTS, hear_facts)
    return {**facts, intake.ContactChanged: hear_contacts, intake.ContactWithdrawn: hear_contacts}
