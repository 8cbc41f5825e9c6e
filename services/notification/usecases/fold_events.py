"""What each fact changes in what notification knows of a recording."""

from dataclasses import replace
from datetime import datetime

from services.notification.domain.journey import Journey, Progress, Visit
from shared.events import intake, recording
from shared.events.envelope import Data, Event
from shared.events.situation import StageFact
from shared.events.vocabulary import Operation, Outcome, Stage

_UNIQUE = "PRINT_READY_RECORD"


def fold(journey: Journey, event: Event[Data]) -> Journey:
    """Apply one event; what was applied before, by its source's sequence, changes nothing."""
    if event.source == intake.SOURCE:
        if event.sequence <= journey.visit.sequence:
            return journey
        visit = replace(_visited(journey.visit, event.data), sequence=event.sequence, office=event.office)
        return replace(journey, visit=visit, office=event.office)
    if event.sequence <= journey.progress.sequence:
        return journey
    progress = replace(_progressed(journey.progress, event.data, event.time), sequence=event.sequence)
    return replace(journey, progress=progress, office=journey.visit.office or event.office)


def _visited(visit: Visit, data: Data) -> Visit:
    match data:
        case intake.ApplicantArrived() | intake.ApplicantReturned():
            return replace(visit, purpose=data.purpose, ticket_number=data.ticket.number, is_sent_home=False)
        case intake.ApplicantSentHome():
            return replace(visit, is_sent_home=True)
        case intake.ApplicantUndone() | intake.ApplicantCalled() | intake.ApplicantServed():
            return replace(visit, is_sent_home=False)
        case intake.CaptureAccepted():
            return replace(visit, packet_version=data.packet_version, captured_at=data.captured_at)
        case _:
            return visit


def _progressed(progress: Progress, data: Data, at: datetime) -> Progress:
    match data:
        case recording.RecordingAttempted():
            return _attempted(progress, data, at)
        case recording.RecordingFailed():
            fact = StageFact(
                cause=data.cause, effect=data.effect, next_action=data.next.action, signature=data.signature
            )
            return progress.with_stage(data.stage, fact)
        case recording.RecordingParked():
            before = progress.stages.get(data.stage, StageFact())
            fact = replace(before, is_done=False, is_parked=True, cause=data.cause, signature=data.signature)
            return progress.with_stage(data.stage, fact)
        case recording.RecordingResumed():
            return progress.taken_back_to(data.goes_on_at())
        case _:
            return _documented(progress, data, at)


def _attempted(progress: Progress, data: recording.RecordingAttempted, at: datetime) -> Progress:
    submission = progress.stages.get(Stage.SUBMISSION)
    if data.stage is Stage.DEDUPLICATION and not (submission and submission.is_done):
        progress = progress.with_done(Stage.SUBMISSION, at)
    if data.outcome is not Outcome.DONE:
        return progress
    if data.stage is Stage.DEDUPLICATION and data.centre_state != _UNIQUE:
        return progress
    # An ask after a lost answer says done either way; only with a state does the centre have the recording.
    if data.stage is Stage.SUBMISSION and data.operation is Operation.ASK and data.centre_state is None:
        return progress.with_stage(Stage.SUBMISSION, StageFact())
    return progress.with_done(data.stage, at)


def _documented(progress: Progress, data: Data, at: datetime) -> Progress:
    match data:
        case recording.CardPrintReady():
            return replace(progress.with_done(Stage.DEDUPLICATION, at), card_waits_for=data.waiting_for)
        case recording.CardPrinted():
            return replace(progress.with_done(Stage.CARD_PRINTING, at), is_card_printed=True, card_waits_for=None)
        case recording.SuketIssued() | recording.SuketExtended():
            return replace(progress, suket_until=data.valid_until)
        case recording.RecordingCompleted():
            return replace(progress, is_completed=True)
        case recording.RecordingCancelled():
            return replace(progress, is_cancelled=True)
        case _:
            return progress
