"""What each fact that recording tells changes in a journey's progress; read by every service that shows a situation."""

from dataclasses import replace
from datetime import datetime

from shared.events import recording
from shared.events.envelope import Data
from shared.events.progress import Progress
from shared.events.situation import StageFact
from shared.events.vocabulary import Operation, Outcome, Stage

CORRECTED = "corrected"
_UNIQUE = "PRINT_READY_RECORD"


def progressed(progress: Progress, data: Data, at: datetime) -> Progress:
    """Apply one event of recording; a fact that changes nothing here changes nothing."""
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
        case recording.RecordingResumed(reason_code=reason) if reason == CORRECTED:
            # The one stage begins anew; what the centre has of the later ones it still has (ADR 0015).
            return progress.with_stage(data.stage, StageFact())
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
