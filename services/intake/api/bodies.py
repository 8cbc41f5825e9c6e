"""What comes in over HTTP; malformed is refused here, with pointers and without the value."""

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from services.intake.domain.captures import Modality
from services.intake.domain.nik import Sex, check_form
from services.intake.domain.receipts import read_receipt
from shared.events.vocabulary import Purpose, TicketLane
from shared.problems import digits_are_personal

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LONG_NUMBER = re.compile(r"\d{16}")


def _written_day(value: Any) -> Any:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a day written YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("is no day of the calendar") from None


def _written_moment(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a time written as RFC 3339")  # noqa: TRY004  pydantic turns only this one into a 422
    return value


def _holds_no_nik(value: str) -> str:
    # A reference travels in events and a NIK must not (ARCHITECTURE §5).
    if _LONG_NUMBER.search(value):
        raise ValueError("must not hold 16 digits in a row")
    return value


def _is_no_number(note: str) -> str:
    if digits_are_personal(note):
        raise ValueError("must not hold 8 or more digits in a row")
    return note


Day = Annotated[date, BeforeValidator(_written_day, json_schema_input_type=str)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_moment, json_schema_input_type=str)]
OfficeCode = Annotated[str, StringConstraints(pattern=r"^\d{2}\.\d{2}\.\d{2}$")]
Nik = Annotated[str, AfterValidator(check_form), Field(json_schema_extra={"pattern": "^[0-9]{16}$"})]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Note = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_is_no_number)
]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/#-]{1,64}$"), AfterValidator(_holds_no_nik)]
Key = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")]
ReceiptCode = Annotated[str, StringConstraints(max_length=20), AfterValidator(read_receipt)]


class Body(BaseModel):
    """A body knows its fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class BesideReason(StrEnum):
    OTHER_PURPOSE = "other_purpose"
    EARLIER_ONE_LOST = "earlier_one_lost"
    REGENCY_INSTRUCTED = "regency_instructed"


class CorrectionReason(StrEnum):
    MISTYPED = "mistyped"
    FAMILY_CARD_SHOWN = "family_card_shown"
    ASKED_BY_CENTRE = "asked_by_centre"


class SentHomeReason(StrEnum):
    LINE_DOWN = "line_down"
    CENTRE_DOWN = "centre_down"
    OFFICE_LINE_DOWN = "office_line_down"
    OUR_FAULT = "our_fault"
    NO_BLANKS = "no_blanks"
    EQUIPMENT_BROKEN = "equipment_broken"
    PAPERS_MISSING = "papers_missing"
    APPLICANT_ASKED = "applicant_asked"
    OFFICE_CLOSES = "office_closes"


class ContactBody(Body):
    phone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{5,18}$")] | None = None
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$")] | None = None
    language: Literal["id", "en"] | None = None

    @model_validator(mode="after")
    def _reaches_somebody(self) -> Self:
        if self.phone is None and self.email is None:
            raise ValueError("needs a phone or an email")
        return self


class ArrivalBody(Body):
    """A person at the counter."""

    office: OfficeCode
    purpose: Purpose
    nik: Nik
    name: Name
    birth_date: Day
    sex: Sex
    contact: ContactBody | None = None
    leaves_on: Day | None = None
    reference: Reference | None = None
    key: Key | None = None
    arrived_at: Moment | None = None
    paper_number: Reference | None = None
    reason_code: BesideReason | None = Field(None, description="Why a second recording is begun beside an open one.")


class CorrectionBody(Body):
    """Who the person is, typed anew as a whole: a part of it alone would be a guess about the rest."""

    nik: Nik
    name: Name
    birth_date: Day
    sex: Sex
    reason_code: CorrectionReason
    note: Note | None = None


class ReturnBody(Body):
    office: OfficeCode
    receipt_code: ReceiptCode


class FindBody(Body):
    nik: Nik
    birth_date: Day


class CallBody(Body):
    counter: Annotated[int, Field(strict=True, ge=1, le=999)]


class SendHomeBody(Body):
    reason_code: SentHomeReason


class RoomBody(Body):
    purposes: Annotated[list[Purpose], Field(min_length=1)]
    reason_code: SentHomeReason
    dry_run: Annotated[bool, Field(strict=True)] = False


class Finger(StrEnum):
    LEFT_THUMB = "left_thumb"
    LEFT_INDEX = "left_index"
    LEFT_MIDDLE = "left_middle"
    LEFT_RING = "left_ring"
    LEFT_LITTLE = "left_little"
    RIGHT_THUMB = "right_thumb"
    RIGHT_INDEX = "right_index"
    RIGHT_MIDDLE = "right_middle"
    RIGHT_RING = "right_ring"
    RIGHT_LITTLE = "right_little"


class MissingFinger(Body):
    finger: Finger
    reason: Literal["amputated", "bandaged", "deformed", "worn", "other"]


class ModalityScore(Body):
    modality: Modality
    quality: Annotated[int, Field(strict=True, ge=0, le=100)]


class Manifest(Body):
    """What an officer's front-end says beside a packet (docs/contracts/packet.md)."""

    packet_version: Annotated[int, Field(strict=True, ge=1, le=1000)]
    packet_digest: Annotated[str, StringConstraints(pattern=r"^sha-256:[0-9a-f]{64}$")]
    captured_at: Moment
    modalities: Annotated[list[ModalityScore], Field(min_length=1, max_length=len(Modality))]
    missing_fingers: Annotated[list[MissingFinger], Field(max_length=len(Finger))] = []

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if len({one.modality for one in self.modalities}) != len(self.modalities):
            raise ValueError("names a modality twice")
        if len({one.finger for one in self.missing_fingers}) != len(self.missing_fingers):
            raise ValueError("names a finger twice")
        return self


class TicketOut(BaseModel):
    id: UUID
    number: str
    lane: TicketLane


class ArrivalOut(BaseModel):
    """What the counter is answered."""

    recording_id: UUID
    receipt_code: str
    ticket: TicketOut
    office: str
    purpose: Purpose
    rejoined: bool
    warnings: list[str]


class QualityOut(BaseModel):
    modality: Modality
    score: int
    floor: int
    advice: Literal["ok", "retake"]


class CaptureOut(BaseModel):
    digest: str
    size: int
    accepted_at: datetime
    quality: list[QualityOut]
