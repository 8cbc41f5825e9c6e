"""What intake says; each function tells one fact about a locked recording whose sequence was just drawn."""

from datetime import date

from services.intake.domain.captures import NewCapture
from services.intake.domain.tickets import Ticket, TicketState
from services.intake.domain.visits import NewArrival, Recording
from services.intake.store.corrections import NewCorrection
from shared.events import intake as said
from shared.events.envelope import Data, Event


def arrived(new: NewArrival, traceparent: str) -> Event[Data]:
    """Tell that a person was registered."""
    one = new.recording
    data = said.ApplicantArrived(
        purpose=one.purpose,
        ticket=_ticket(one),
        arrived_at=one.since,
        dataref=new.dataref,
        digest=new.digest,
        identity_version=new.identity_version,
        check_hmac=one.check_hmac,
        leaves_on=one.leaves_on,
        card_not_before=new.card_not_before,
        reference=new.reference,
        created_by=one.created_by,
    )
    return _told(data, one, traceparent)


def corrected(new: NewCorrection, traceparent: str) -> Event[Data]:
    """Tell that an identity was typed anew; the reason, and never the note."""
    one = new.recording
    data = said.ApplicantCorrected(
        dataref=new.dataref,
        digest=new.digest,
        identity_version=one.identity_version,
        check_hmac=one.check_hmac,
        reason_code=new.reason_code,
        card_not_before=new.card_not_before,
    )
    return _told(data, one, traceparent)


def returned(one: Recording, traceparent: str, moved_from: str | None = None) -> Event[Data]:
    """Tell that a person whose recording is open came again."""
    data = said.ApplicantReturned(
        purpose=one.purpose, ticket=_ticket(one), leaves_on=one.leaves_on, moved_from=moved_from
    )
    return _told(data, one, traceparent)


def called(one: Recording, counter: int, traceparent: str) -> Event[Data]:
    """Tell that a person was called to a counter."""
    return _told(said.ApplicantCalled(ticket=_ticket(one), counter=counter), one, traceparent)


def served(one: Recording, traceparent: str) -> Event[Data]:
    """Tell that a person was served."""
    return _told(said.ApplicantServed(ticket=_ticket(one)), one, traceparent)


def not_shown(one: Recording, traceparent: str) -> Event[Data]:
    """Tell that nobody came to the counter."""
    return _told(said.ApplicantNoShow(ticket=_ticket(one)), one, traceparent)


def undone(one: Recording, undone_state: TicketState, traceparent: str) -> Event[Data]:
    """Tell that the last step was taken back."""
    return _told(said.ApplicantUndone(ticket=_ticket(one), undone=undone_state), one, traceparent)


def sent_home(one: Recording, reason_code: str, valid_until: date, traceparent: str) -> Event[Data]:
    """Tell that a person was sent home and keeps the place."""
    data = said.ApplicantSentHome(ticket=_ticket(one), reason_code=reason_code, valid_until=valid_until)
    return _told(data, one, traceparent)


def capture_accepted(one: Recording, new: NewCapture, traceparent: str) -> Event[Data]:
    """Tell that a packet is durable here."""
    data = said.CaptureAccepted(
        packet_version=new.packet_version,
        dataref=new.dataref,
        digest=new.kept.digest,
        size=new.kept.size,
        captured_at=new.captured_at,
        quality=[said.ModalityQuality(**quality) for quality in new.kept.quality],
    )
    return _told(data, one, traceparent)


def contact_changed(one: Recording, sealed: str, traceparent: str) -> Event[Data]:
    """Tell notification, and nobody else, how a person wants to be told."""
    return _told(said.ContactChanged(sealed=sealed), one, traceparent, sequence=0)


def contact_withdrawn(one: Recording, traceparent: str) -> Event[Data]:
    """Tell notification that a person wants no messages."""
    return _told(said.ContactWithdrawn(), one, traceparent, sequence=0)


def _told(data: Data, one: Recording, traceparent: str, *, sequence: int | None = None) -> Event[Data]:
    return Event.of(
        data,
        source=said.SOURCE,
        key=one.id,
        office=one.office,
        sequence=one.sequence if sequence is None else sequence,
        traceparent=traceparent,
    )


def _ticket(one: Recording) -> said.Ticket:
    ticket: Ticket | None = one.ticket
    if ticket is None:
        raise ValueError("a recording without a ticket")
    return said.Ticket(id=ticket.id, number=ticket.number, lane=ticket.lane)
