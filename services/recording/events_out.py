"""What recording tells the others: every event is made here, from what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.recording.domain.answers import Refused, Succeeded, Trail
from services.recording.domain.gate import Gate
from services.recording.domain.journey import FOLLOWED_BY
from services.recording.domain.outage import Outage
from services.recording.domain.retry import Park
from services.recording.domain.stage import Judged, due_at, next_action
from services.recording.store.group_retries import GroupRow
from services.recording.store.recordings import Recording
from services.recording.store.stages import StageRow
from shared.events import recording as said
from shared.events.envelope import Data, Event
from shared.events.outages import GroupRetryProgressed, OutageClosed, OutageCorrected, OutageOpened, OutageUpdated
from shared.events.vocabulary import Cause, Document, Operation, Owner, Purpose, Stage, Trigger


@dataclass(frozen=True, slots=True)
class Attempted:
    """One judged attempt with everything that the ledger, the events and the span say of it."""

    row: StageRow
    judged: Judged
    answer: object
    trail: Trail

    @property
    def attempt_id(self) -> UUID:
        """The id minted at the claim."""
        if self.row.attempt_id is None:
            raise LookupError(self.row.recording_id)
        return self.row.attempt_id

    @property
    def traceparent(self) -> str:
        """The attempt's own span: where its events were made."""
        return f"00-{self.row.trace_id}-{self.row.span_id}-01"

    @property
    def wakes(self) -> tuple[Operation, ...]:
        """Name the operations that have something new to do after it."""
        life = self.judged.life
        return FOLLOWED_BY.get(life.stage, ()) if life.state == "done" else (life.operation,)

    @property
    def owner(self) -> Owner | None:
        """Whose fault a failure is, as far as we know."""
        failure = self.judged.failure
        if failure is None:
            return None
        return Owner.CENTRE if isinstance(failure, Refused) else failure.owner


def attempt_events(recording: Recording, attempted: Attempted) -> list[Event[Data]]:
    """Tell of one attempt: that it ended, how it failed, and whether it waits for a person."""
    facts: list[Data] = []
    if attempted.judged.changed:
        facts.append(_attempted(attempted))
    if attempted.judged.failure is not None:
        facts.append(_failed(attempted))
        if isinstance(attempted.judged.step, Park) and recording.is_open:
            facts.append(_parked(attempted))
    return told(recording, facts, attempted.traceparent)


def told(recording: Recording, facts: Sequence[Data], traceparent: str) -> list[Event[Data]]:
    """Number facts about one locked recording and put them in envelopes."""
    return [
        Event.of(
            fact,
            source=said.SOURCE,
            key=recording.id,
            office=recording.office,
            sequence=recording.next_sequence(),
            traceparent=traceparent,
        )
        for fact in facts
    ]


def print_ready(waiting_for: str | None, until: date | None) -> Data:
    """The centre found the record unique."""
    return said.CardPrintReady(waiting_for=waiting_for, until=until)


def card_printed(answer: Succeeded) -> Data:
    """The regency holds the card."""
    return said.CardPrinted(print_reference=answer.reference)


def suket_given(purpose: Purpose, until: date) -> list[Data]:
    """A temporary certificate was issued or extended; for an extension that ends the journey."""
    if purpose is not Purpose.SUKET_EXTENSION:
        return [said.SuketIssued(valid_until=until)]
    return [said.SuketExtended(valid_until=until), said.RecordingCompleted(document=Document.SUKET)]


def card_handed_over() -> list[Data]:
    """The person holds the card; the journey ended."""
    return [said.CardHandedOver(), said.RecordingCompleted(document=Document.CARD)]


def resumed(stage: Stage, reason_code: str) -> Data:
    """A person let a parked stage go on."""
    return said.RecordingResumed(stage=stage, reason_code=reason_code)


def cancelled(reason_code: str) -> Data:
    """A person ended the journey."""
    return said.RecordingCancelled(reason_code=reason_code)


def gate_changed(operation: Operation, gate: Gate, *, sequence: int, changed_by: str) -> Event[Data]:
    """A gate holds, probes or flows; or a person ordered something of it."""
    fact = said.GateChanged(
        operation=operation,
        state=gate.state,
        limit=gate.pace.calls,
        cause=gate.cause,
        changed_by=changed_by,
        reason_code=gate.orders.reason_code,
        expires_at=gate.orders.until,
        ceiling_per_second=gate.orders.per_second,
    )
    return Event.of(fact, source=said.SOURCE, key=operation, office="", sequence=sequence, traceparent="")


def group_progressed(group: GroupRow, counts: dict[str, int], sequence: int) -> Event[Data]:
    """A wave of a group retry ended, or its state changed."""
    fact = GroupRetryProgressed(state=group.life.state, wave=group.life.wave, total=group.total, **counts)
    return Event.of(fact, source=said.SOURCE, key=group.id, office="", sequence=sequence, traceparent=group.traceparent)


def blanks_moved(regency: str, movement: dict[str, Any], *, sequence: int) -> Event[Data]:
    """A regency's stock of card blanks changed."""
    fact = said.BlankStockChanged(**movement)
    return Event.of(fact, source=said.SOURCE, key=regency, office=regency, sequence=sequence, traceparent="")


def outage_opened(outage: Outage) -> Data:
    """One fault is behind many attempts."""
    return OutageOpened(**_of(outage))


def outage_updated(outage: Outage, next_news_at: datetime | None = None, ticket_ref: str | None = None) -> Data:
    """More is touched, or a person promised the next news."""
    return OutageUpdated(**_of(outage), next_news_at=next_news_at, ticket_ref=ticket_ref)


def outage_corrected(outage: Outage, was_cause: Cause, was_owner: Owner) -> Data:
    """It is another's fault, or of another kind, than was told."""
    return OutageCorrected(**_of(outage), was_cause=was_cause, was_owner=was_owner)


def outage_closed(outage: Outage, ended_at: datetime) -> Data:
    """It is over, or goes on as another outage."""
    return OutageClosed(**_of(outage), ended_at=ended_at)


def of_outage(outage_id: UUID, fact: Data, *, sequence: int, traceparent: str = "") -> Event[Data]:
    """Put a fact about an outage in its envelope; it is of no single office."""
    return Event.of(fact, source=said.SOURCE, key=outage_id, office="", sequence=sequence, traceparent=traceparent)


def _of(outage: Outage) -> dict[str, Any]:
    return {
        "cause": outage.cause,
        "owner": outage.owner,
        "confidence": outage.confidence,
        "operations": list(outage.operations),
        "since": outage.since,
        "offices": outage.offices,
        "people": outage.people,
        "sources": list(outage.sources),
        "because": outage.because,
    }


def _attempted(attempted: Attempted) -> Data:
    life, judged = attempted.judged.life, attempted.judged
    return said.RecordingAttempted(
        stage=life.stage,
        operation=attempted.row.life.operation,
        attempt_id=attempted.attempt_id,
        number=life.attempts,
        trigger=Trigger(attempted.row.trigger),
        outcome=judged.outcome,
        cause=judged.failure.cause if judged.failure else None,
        effect=judged.effect,
        duration_ms=round(attempted.trail.duration_ms, 1),
        trace_id=attempted.row.trace_id or "",
        centre_state=attempted.answer.centre_state if isinstance(attempted.answer, Succeeded) else None,
    )


def _failed(attempted: Attempted) -> Data:
    judged = attempted.judged
    if judged.failure is None or judged.step is None or attempted.owner is None:
        raise LookupError(attempted.attempt_id)
    return said.RecordingFailed(
        stage=judged.life.stage,
        operation=attempted.row.life.operation,
        attempt_id=attempted.attempt_id,
        number=judged.life.attempts,
        cause=judged.failure.cause,
        effect=judged.effect,
        owner=attempted.owner,
        phase=attempted.trail.phase_failed,
        evidence=attempted.trail.evidence,
        signature=judged.signature or "",
        final=isinstance(judged.step, Park),
        next=said.Next(action=next_action(judged.step), at=due_at(judged.step)),
    )


def _parked(attempted: Attempted) -> Data:
    judged = attempted.judged
    if judged.failure is None or judged.life.who_must_act is None:
        raise LookupError(attempted.attempt_id)
    return said.RecordingParked(
        stage=judged.life.stage,
        cause=judged.failure.cause,
        signature=judged.signature or "",
        who_must_act=judged.life.who_must_act,
    )


def next_of(judged: Judged) -> dict[str, str | None] | None:
    """Write the next step as the ledger and the API show it."""
    if judged.step is None:
        return None
    at: datetime | None = due_at(judged.step)
    return {"action": next_action(judged.step), "at": at.isoformat() if at else None}
