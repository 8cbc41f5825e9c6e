"""What each fact changes in a recording's view; one function per source, each sees its own half only."""

from dataclasses import replace
from datetime import datetime

from services.status.domain.journey import Journey, Progress, Visit
from shared.events import intake, notification, recording
from shared.events.envelope import Data, Event
from shared.events.situation import StageFact
from shared.events.vocabulary import Operation, Outcome, Stage

_UNIQUE = "PRINT_READY_RECORD"


def fold(journey: Journey, event: Event[Data]) -> Journey:
    """Apply one event; what was applied before, by its source's sequence, changes nothing."""
    if event.source == intake.SOURCE:
        visit = journey.visit
        if event.sequence <= visit.sequence:
            return journey
        heard = replace(_visited(visit, event.data, event), sequence=event.sequence, heard_at=event.time)
        return replace(journey, visit=replace(heard, office=event.office))
    if event.source == notification.SOURCE:
        return replace(journey, messages_heard=max(journey.messages_heard, event.sequence))
    progress = journey.progress
    if event.sequence <= progress.sequence:
        return journey
    moved = _progressed(progress, event.data, event.time)
    return replace(journey, progress=replace(moved, sequence=event.sequence, heard_at=event.time, office=event.office))


def _visited(visit: Visit, data: Data, event: Event[Data]) -> Visit:
    match data:
        case intake.ApplicantArrived():
            known = replace(visit, arrived_at=data.arrived_at, created_by=data.created_by, reference=data.reference)
            return _ticketed(replace(known, purpose=data.purpose), data.ticket, event.time)
        case intake.ApplicantReturned():
            return _ticketed(replace(visit, purpose=data.purpose), data.ticket, event.time)
        case intake.CaptureAccepted():
            return replace(visit, captured_at=data.captured_at)
        case _:
            return _queued(visit, data, event.time)


def _queued(visit: Visit, data: Data, at: datetime) -> Visit:
    match data:
        case intake.ApplicantCalled():
            return visit.queue("called", at, counter=data.counter)
        case intake.ApplicantServed():
            return visit.queue("served", at)
        case intake.ApplicantNoShow():
            return visit.queue("no_show", at)
        case intake.ApplicantUndone():
            return visit.queue("waiting", at)
        case intake.ApplicantSentHome():
            return visit.queue("sent_home", at, until=data.valid_until)
        case _:
            return visit


def _ticketed(visit: Visit, ticket: intake.Ticket, at: datetime) -> Visit:
    return replace(visit, ticket_number=ticket.number, ticket_lane=ticket.lane).queue("waiting", at)


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
    if data.stage is Stage.DEDUPLICATION and not _is_done(progress, Stage.SUBMISSION):
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
            return replace(progress, is_completed=True, ended_at=at)
        case recording.RecordingCancelled():
            return replace(progress, is_cancelled=True, ended_at=at)
        case _:
            return progress


def _is_done(progress: Progress, stage: Stage) -> bool:
    return (fact := progress.stages.get(stage)) is not None and fact.is_done
