"""What recording says: every call to the centre, and what became of a journey."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from shared.events.envelope import Data
from shared.events.vocabulary import (
    Cause,
    Document,
    Effect,
    GateState,
    NextAction,
    Operation,
    Outcome,
    Owner,
    Phase,
    Stage,
    Trigger,
    WhoActs,
)

SOURCE = "/rekam/recording"
TOPIC = "recording.events"
CAPTURED_AGAIN = "captured_again"


class _Recording(Data, frozen=True, kw_only=True):
    topic: ClassVar[str] = TOPIC


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What we do about a failure, and when if a time is known."""

    action: NextAction
    at: datetime | None = None


class RecordingAttempted(_Recording, frozen=True, kw_only=True):
    """A real call to the centre ended, well or not."""

    event_type: ClassVar[str] = "recording.attempted.v1"
    stage: Stage
    operation: Operation
    attempt_id: UUID
    number: int
    trigger: Trigger
    outcome: Outcome
    cause: Cause | None = None
    effect: Effect
    duration_ms: float
    trace_id: str
    centre_state: str | None = None


class RecordingFailed(_Recording, frozen=True, kw_only=True):
    """That attempt failed: over network, server or else; `final` only when a person must act."""

    event_type: ClassVar[str] = "recording.failed.v1"
    stage: Stage
    operation: Operation
    attempt_id: UUID
    number: int
    cause: Cause
    effect: Effect
    owner: Owner
    phase: Phase | None
    evidence: dict[str, Any]
    signature: str
    final: bool
    next: Next


class RecordingParked(_Recording, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "recording.parked.v1"
    stage: Stage
    cause: Cause
    signature: str
    who_must_act: WhoActs


class RecordingResumed(_Recording, frozen=True, kw_only=True):
    """A parked stage goes on, because a person said so or because there is a newer packet."""

    event_type: ClassVar[str] = "recording.resumed.v1"
    stage: Stage
    reason_code: str

    def goes_on_at(self) -> Stage:
        """Name the stage the journey is at again: a newer packet must be submitted before it can be checked."""
        return Stage.SUBMISSION if self.reason_code == CAPTURED_AGAIN else self.stage


class RecordingCompleted(_Recording, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "recording.completed.v1"
    document: Document


class RecordingCancelled(_Recording, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "recording.cancelled.v1"
    reason_code: str


class SuketIssued(_Recording, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "suket.issued.v1"
    valid_until: date


class SuketExtended(_Recording, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "suket.extended.v1"
    valid_until: date


class CardPrintReady(_Recording, frozen=True, kw_only=True):
    """The centre found the record unique; `waiting_for` is blank, birthday or nothing."""

    event_type: ClassVar[str] = "card.print_ready.v1"
    waiting_for: str | None = None
    until: date | None = None


class CardPrinted(_Recording, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "card.printed.v1"
    print_reference: str


class CardHandedOver(_Recording, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "card.handed_over.v1"


class BlankStockChanged(_Recording, frozen=True, kw_only=True):
    """Key: the regency."""

    event_type: ClassVar[str] = "blank_stock.changed.v1"
    kind: str
    count: int
    stock: int


class GateChanged(_Recording, frozen=True, kw_only=True):
    """Key: the operation. Link state for all who only listen."""

    event_type: ClassVar[str] = "gate.changed.v1"
    operation: Operation
    state: GateState
    limit: int
    cause: Cause | None = None
    changed_by: str
    reason_code: str | None = None
    expires_at: datetime | None = None
    ceiling_per_second: float | None = None
