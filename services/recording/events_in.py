"""What recording hears: every cause and effect between the services, one line each."""

from functools import partial

from services.recording.usecases.attach_captures import attach_captures
from services.recording.usecases.correct_identities import correct_identities
from services.recording.usecases.move_recordings import move_recordings
from services.recording.usecases.open_recordings import open_recordings
from shared.events.envelope import Data
from shared.events.intake import ApplicantArrived, ApplicantCorrected, ApplicantReturned, CaptureAccepted
from shared.kafka.ears import UseCase
from shared.postgres.outbox import Outbox


def hears(outbox: Outbox) -> dict[type[Data], UseCase]:
    """Give the table; what says something in return is handed the outbox."""
    return {
        ApplicantArrived: open_recordings,
        ApplicantReturned: move_recordings,
        ApplicantCorrected: partial(correct_identities, outbox=outbox),
        CaptureAccepted: partial(attach_captures, outbox=outbox),
    }
