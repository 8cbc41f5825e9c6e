"""What happens when a person stands at the counter: registered, welcomed back, or told where the recording is open."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from services.intake.domain.nik import Sex
from services.intake.domain.tickets import Ticket
from shared.events.progress import NOTHING_HEARD, Progress
from shared.events.situation import StageFact
from shared.events.vocabulary import Purpose, Stage

_FULL_AGE = 17


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Contact:
    """How a person wants to be told; sealed at once."""

    phone: str | None = None
    email: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Arrival:
    """What was typed at the counter; it never prints itself."""

    office: str
    purpose: Purpose
    nik: str
    name: str
    birth_date: date
    sex: Sex
    arrived_at: datetime
    leaves_on: date | None = None
    contact: Contact | None = None
    reference: str | None = None
    paper_number: str | None = None
    beside_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Identity:
    """Who a person is, typed anew and whole; it never prints itself."""

    nik: str
    name: str
    birth_date: date
    sex: Sex


@dataclass(frozen=True, slots=True)
class Registrar:
    """Who registers, and what they may."""

    client_id: str
    may_register_beside: bool = False
    sees_own_only: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller may see: patterns of office codes, and for an agency only what it created."""

    offices: list[str]
    created_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and what they may see: what the access log says of them."""

    subject: str
    client_id: str
    sight: Sight
    trace_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording as intake knows it; `progress` is what the recording service said of it."""

    id: UUID
    nik_ref: UUID
    office: str
    purpose: Purpose
    since: datetime
    receipt_code: str
    check_hmac: str
    created_by: str
    is_open: bool
    sequence: int
    packet_version: int
    identity_version: int = 1
    leaves_on: date | None = None
    ticket: Ticket | None = None
    progress: Progress = NOTHING_HEARD


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArrival:
    """A recording's first row; what names the person is sealed in the store under `dataref`."""

    recording: Recording
    identity_version: int
    dataref: str
    digest: str
    card_not_before: date | None
    reference: str | None
    paper_number: str | None
    beside_reason: str | None
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Register:
    """A new recording begins."""


@dataclass(frozen=True, slots=True)
class Rejoin:
    """The person's recording goes on."""

    recording_id: UUID


@dataclass(frozen=True, slots=True)
class RefuseOpen:
    """It is open where the registrar cannot join it; told without its id."""

    recording: Recording


@dataclass(frozen=True, slots=True)
class RefuseBeside:
    """Only a supervisor may begin a second recording beside an open one."""


Decision = Register | Rejoin | RefuseOpen | RefuseBeside


def decide(arrival: Arrival, registrar: Registrar, opened: Sequence[Recording]) -> Decision:
    """Decide what becomes of an arrival, given the open recordings of the same person."""
    if not opened:
        return Register()
    if arrival.beside_reason is not None:
        return Register() if registrar.may_register_beside else RefuseBeside()
    here = [one for one in opened if one.office == arrival.office]
    own = [one for one in here if not registrar.sees_own_only or one.created_by == registrar.client_id]
    return Rejoin(own[-1].id) if own else RefuseOpen((here or opened)[-1])


def is_beyond_correction(recording: Recording) -> bool:
    """Tell whether the centre has found the record unique: what is printed then follows the identity it has."""
    found = recording.progress.stages.get(Stage.DEDUPLICATION)
    return recording.progress.is_card_printed or (found is not None and found.is_done)


def corrected(recording: Recording, check_hmac: str) -> Recording:
    """Give a recording its next identity; what was said of the identity before no longer counts."""
    progress = recording.progress
    if Stage.IDENTITY_CHECK in progress.stages:
        progress = progress.with_stage(Stage.IDENTITY_CHECK, StageFact())
    return replace(
        recording,
        check_hmac=check_hmac,
        identity_version=recording.identity_version + 1,
        sequence=recording.sequence + 1,
        progress=progress,
    )


def card_not_before(purpose: Purpose, birth_date: date, today: date) -> date | None:
    """Give the 17th birthday of who is younger, for a card; born on 29 February, it is 1 March."""
    if purpose is Purpose.SUKET_EXTENSION:
        return None
    year = birth_date.year + _FULL_AGE
    try:
        birthday = birth_date.replace(year=year)
    except ValueError:
        birthday = date(year, 3, 1)
    return birthday if today < birthday else None
