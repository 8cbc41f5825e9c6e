"""What intake says: people's visits and what was taken from them."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

import msgspec

from shared.events.envelope import Data
from shared.events.vocabulary import Purpose, TicketLane

SOURCE = "/rekam/intake"
TOPIC = "intake.events"
CONTACTS_TOPIC = "intake.contacts"


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A number in an office's queue, such as A-031."""

    id: UUID
    number: str
    lane: TicketLane


class _Visit(Data, frozen=True, kw_only=True):
    topic: ClassVar[str] = TOPIC


class ApplicantArrived(_Visit, frozen=True, kw_only=True):
    """A person was registered, durably; what is sealed lies in the store under `dataref`."""

    event_type: ClassVar[str] = "applicant.arrived.v1"
    purpose: Purpose
    ticket: Ticket
    arrived_at: datetime
    dataref: str
    digest: str
    identity_version: int
    check_hmac: str
    leaves_on: date | None = None
    card_not_before: date | None = None
    reference: str | None = None
    created_by: str = ""


class ApplicantCorrected(_Visit, frozen=True, kw_only=True):
    """The whole identity was retyped and sealed anew; what the older version was parked for begins again (ADR 0015)."""

    event_type: ClassVar[str] = "applicant.corrected.v1"
    dataref: str
    digest: str
    identity_version: int
    check_hmac: str
    reason_code: str
    card_not_before: date | None = None


class ApplicantReturned(_Visit, frozen=True, kw_only=True):
    """A person whose recording is open came again; `moved_from` is the office it was open at, if another."""

    event_type: ClassVar[str] = "applicant.returned.v1"
    purpose: Purpose
    ticket: Ticket
    leaves_on: date | None = None
    moved_from: str | None = None


class _TicketMoved(_Visit, frozen=True, kw_only=True):
    ticket: Ticket


class ApplicantCalled(_TicketMoved, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "applicant.called.v1"
    counter: int


class ApplicantServed(_TicketMoved, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "applicant.served.v1"


class ApplicantNoShow(_TicketMoved, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "applicant.no_show.v1"


class ApplicantUndone(_TicketMoved, frozen=True, kw_only=True):
    """The officer took the last step back; the ticket waits again."""

    event_type: ClassVar[str] = "applicant.undone.v1"
    undone: str


class ApplicantSentHome(_TicketMoved, frozen=True, kw_only=True):
    """Sent home is held with priority, not deleted."""

    event_type: ClassVar[str] = "applicant.sent_home.v1"
    reason_code: str
    valid_until: date


class ModalityQuality(msgspec.Struct, frozen=True, kw_only=True):
    modality: str
    score: int
    floor: int
    advice: str


class CaptureAccepted(_Visit, frozen=True, kw_only=True):
    """The sealed packet is durable here."""

    event_type: ClassVar[str] = "capture.accepted.v1"
    packet_version: int
    dataref: str
    digest: str
    size: int
    captured_at: datetime
    quality: list[ModalityQuality]


class ContactChanged(Data, frozen=True, kw_only=True):
    """How a person wants to be told, sealed to the notification service alone."""

    topic: ClassVar[str] = CONTACTS_TOPIC
    event_type: ClassVar[str] = "contact.changed.v1"
    sealed: str


class ContactWithdrawn(Data, frozen=True, kw_only=True):
    topic: ClassVar[str] = CONTACTS_TOPIC
    event_type: ClassVar[str] = "contact.withdrawn.v1"
