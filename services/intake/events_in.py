"""What intake hears, and what it does about it."""

from collections.abc import Awaitable, Callable
from typing import Any

from services.intake.usecases.follow_recordings import follow_recordings
from shared.events import recording
from shared.events.envelope import Data, Event
from shared.postgres.pool import Transaction

UseCase = Callable[[Transaction, list[Event[Any]]], Awaitable[None]]

HEARS: dict[type[Data], UseCase] = {
    recording.RecordingAttempted: follow_recordings,
    recording.RecordingFailed: follow_recordings,
    recording.RecordingParked: follow_recordings,
    recording.RecordingResumed: follow_recordings,
    recording.RecordingCompleted: follow_recordings,
    recording.RecordingCancelled: follow_recordings,
    recording.CardPrintReady: follow_recordings,
    recording.CardPrinted: follow_recordings,
    recording.SuketIssued: follow_recordings,
    recording.SuketExtended: follow_recordings,
}
