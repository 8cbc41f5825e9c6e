"""Builders of what the services say about made-up recordings; tests of status and notification read better by them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.events import intake, recording
from shared.events.envelope import Data, Event
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
    Purpose,
    Stage,
    TicketLane,
    Trigger,
    WhoActs,
)
from shared.ids import uuid7
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Producer
from shared.postgres.outbox import Outgoing

PARTITIONS = 6
TRACE = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
START = datetime.now(UTC).replace(microsecond=0)


@dataclass(slots=True)
class Story:
    """One recording and how its two sources tell of it, in order."""

    office: str = "32.16.06"
    purpose: Purpose = Purpose.FIRST_RECORDING
    created_by: str = "officer:32.16.06"
    id: UUID = field(default_factory=uuid7)
    of_intake: list[Event[Data]] = field(default_factory=list)
    of_recording: list[Event[Data]] = field(default_factory=list)
    ticket: intake.Ticket = field(
        default_factory=lambda: intake.Ticket(id=uuid7(), number="A-031", lane=TicketLane.TODAY)
    )

    # ruff: noqa: D102  a story's steps are its sentences
    @property
    def events(self) -> list[Event[Data]]:
        """All, in the order they happened."""
        return sorted([*self.of_intake, *self.of_recording], key=lambda event: event.time)

    def arrives(self) -> "Story":
        return self._visit(
            intake.ApplicantArrived(
                purpose=self.purpose,
                ticket=self.ticket,
                arrived_at=START,
                dataref="identities/contoh",
                digest="sha-256:00",
                identity_version=1,
                check_hmac="c0ffee",
                created_by=self.created_by,
            )
        )

    def is_called(self, counter: int = 2) -> "Story":
        return self._visit(intake.ApplicantCalled(ticket=self.ticket, counter=counter))

    def is_sent_home(self) -> "Story":
        until = date(2030, 1, 1)
        return self._visit(intake.ApplicantSentHome(ticket=self.ticket, reason_code="line_down", valid_until=until))

    def returns(self, office: str) -> "Story":
        moved_from, self.office = self.office, office
        return self._visit(intake.ApplicantReturned(purpose=self.purpose, ticket=self.ticket, moved_from=moved_from))

    def is_captured(self, version: int = 1) -> "Story":
        return self._visit(
            intake.CaptureAccepted(
                packet_version=version,
                dataref="packets/contoh",
                digest="sha-256:01",
                size=200_000,
                captured_at=START,
                quality=[],
            )
        )

    def succeeds(self, stage: Stage, operation: Operation, state: str | None = None) -> "Story":
        return self._attempt(stage, operation, Outcome.DONE, state=state)

    def identity_is_checked(self) -> "Story":
        return self.succeeds(Stage.IDENTITY_CHECK, Operation.IDENTITY_CHECK)

    def is_submitted(self) -> "Story":
        return self.succeeds(Stage.SUBMISSION, Operation.SUBMISSION, "RECEIVED_AT_CENTRAL")

    def fails(self, stage: Stage, cause: Cause, effect: Effect = Effect.NONE) -> "Story":
        self._attempt(stage, Operation(stage), Outcome.FAILED, cause=cause, effect=effect)
        return self._progress(
            recording.RecordingFailed(
                stage=stage,
                operation=Operation(stage),
                attempt_id=uuid7(),
                number=1,
                cause=cause,
                effect=effect,
                owner=Owner.UNDETERMINED,
                phase=Phase.CONNECT,
                evidence={"errno": "canary-evidence"},
                signature=f"{stage}/{cause}/x",
                final=False,
                next=recording.Next(action=NextAction.WAIT_FOR_LINK),
            )
        )

    def is_parked(self, stage: Stage, cause: Cause) -> "Story":
        parked = recording.RecordingParked(
            stage=stage, cause=cause, signature=f"{stage}/{cause}/x", who_must_act=WhoActs.RESIDENT
        )
        return self._progress(parked)

    def goes_on_with_a_newer_packet(self) -> "Story":
        resumed = recording.RecordingResumed(stage=Stage.DEDUPLICATION, reason_code=recording.CAPTURED_AGAIN)
        return self._progress(resumed)

    def is_unique(self) -> "Story":
        return self._progress(recording.CardPrintReady())

    def card_is_printed(self) -> "Story":
        return self._progress(recording.CardPrinted(print_reference="P-1"))

    def is_completed(self) -> "Story":
        return self._progress(recording.RecordingCompleted(document=Document.CARD))

    def _attempt(
        self,
        stage: Stage,
        operation: Operation,
        outcome: Outcome,
        *,
        cause: Cause | None = None,
        effect: Effect = Effect.KNOWN,
        state: str | None = None,
    ) -> "Story":
        return self._progress(
            recording.RecordingAttempted(
                stage=stage,
                operation=operation,
                attempt_id=uuid7(),
                number=1,
                trigger=Trigger.DUE,
                outcome=outcome,
                cause=cause,
                effect=effect,
                duration_ms=12.5,
                trace_id="1" * 32,
                centre_state=state,
            )
        )

    def _visit(self, data: Data) -> "Story":
        self.of_intake.append(self._event(data, intake.SOURCE, len(self.of_intake) + 1))
        return self

    def _progress(self, data: Data) -> "Story":
        self.of_recording.append(self._event(data, recording.SOURCE, len(self.of_recording) + 1))
        return self

    def _event(self, data: Data, source: str, sequence: int) -> Event[Data]:
        at = START + timedelta(seconds=len(self.of_intake) + len(self.of_recording))
        return Event(uuid7(), source, str(self.id), self.office, sequence, at, TRACE, data)


def gate_changes(operation: Operation, state: GateState, cause: Cause | None, sequence: int) -> Event[Data]:
    """Tell of a gate."""
    said = recording.GateChanged(operation=operation, state=state, limit=1, cause=cause, changed_by="breaker")
    return Event(uuid7(), recording.SOURCE, operation, "", sequence, datetime.now(UTC), TRACE, said)


async def publish(bootstrap: str, events: Sequence[Event[Any]]) -> None:
    """Put events on their topics as the relay does."""
    producer = Producer(bootstrap)
    outgoing = [
        Outgoing(
            number,
            partition_of(event.key, PARTITIONS),
            event.data.topic,
            event.key.encode(),
            event.headers(),
            event.value(),
        )
        for number, event in enumerate(events)
    ]
    try:
        await producer.publish(outgoing, TRACE)
    finally:
        await producer.stop()
