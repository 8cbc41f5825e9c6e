"""What each fact changes in what notification knows of a recording."""

from dataclasses import replace

from services.notification.domain.journey import Journey, Visit
from shared.events import intake
from shared.events.envelope import Data, Event
from shared.events.folding import progressed


def fold(journey: Journey, event: Event[Data]) -> Journey:
    """Apply one event; what was applied before, by its source's sequence, changes nothing."""
    if event.source == intake.SOURCE:
        if event.sequence <= journey.visit.sequence:
            return journey
        visit = replace(_visited(journey.visit, event.data), sequence=event.sequence, office=event.office)
        return replace(journey, visit=visit, office=event.office)
    if event.sequence <= journey.progress.sequence:
        return journey
    progress = replace(progressed(journey.progress, event.data, event.time), sequence=event.sequence)
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
