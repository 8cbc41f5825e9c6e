"""What recording hears: every cause and effect between the services, one line each."""

from services.recording.usecases.attach_captures import attach_captures
from services.recording.usecases.move_recordings import move_recordings
from services.recording.usecases.open_recordings import open_recordings
from shared.events.envelope import Data
from shared.events.intake import ApplicantArrived, ApplicantReturned, CaptureAccepted
from shared.kafka.ears import UseCase

HEARS: dict[type[Data], UseCase] = {
    ApplicantArrived: open_recordings,
    ApplicantReturned: move_recordings,
    CaptureAccepted: attach_captures,
}
