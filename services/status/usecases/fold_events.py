"""What each fact changes in a recording's view; one function per source, each sees its own half only."""

from dataclasses import replace
from datetime import datetime

from services.status.domain.journey import Journey, Visit
from shared.events import intake, notification
from shared.events.envelope import Data, Event
from shared.events.folding import progressed


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
    moved = progressed(progress, event.data, event.time)
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
