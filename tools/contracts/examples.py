"""One made-up example of every event; the golden JSON of a new event is written from it, once."""

import hashlib
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from shared.events import intake, notification, outages, recording
from shared.events.envelope import Data
from shared.events.situation import Situation
from shared.events.vocabulary import (
    Cause,
    Confidence,
    Document,
    Effect,
    GateState,
    GroupRetryState,
    NextAction,
    Operation,
    Outcome,
    Owner,
    Phase,
    Purpose,
    Source,
    Stage,
    TicketLane,
    Trigger,
    WhoActs,
)

OFFICE = "32.16.06"
REGENCY = "32.16"
RECORDING = UUID("015ca491-7f2e-7a10-8c55-000000000001")
MOMENT = datetime(2017, 6, 14, 1, 45, 30, 250_000, tzinfo=UTC)
TRACE = "5ca4917f2e7a108c550000000000beef"

_ATTEMPT = UUID("015ca491-9b10-7c44-9d01-000000000002")
_OUTAGE_ID = "015ca491-9f00-7000-8000-000000000005"
_MESSAGE = UUID("015ca492-1d88-7f02-a1c3-000000000003")
_DAY = date(2017, 6, 28)
_TICKET = intake.Ticket(id=UUID("015ca491-7f2e-7b20-8c55-000000000004"), number="A-031", lane=TicketLane.TODAY)
_KEPT = intake.Ticket(id=_TICKET.id, number="K-004", lane=TicketLane.KEPT)
_SIGNATURE = "submission/network/wait_deadline"

# What the kernel knew when the line was cut while we waited for the answer (ADR 0003).
_EVIDENCE = {
    "phase_reached": "wait",
    "phase_failed": "wait",
    "phases_ms": {"resolve": 1.2, "connect": 8.9, "tls": 21.4, "send": 64.0, "wait": 15_000.7},
    "error": "deadline",
    "address": "192.0.2.10:8443",
    "bytes_sent": 204_800,
    "bytes_received": 0,
    "reused": False,
    "tcp": {"retransmits": 0, "probes": 13, "unacked": 0, "last_ack_ms": 14_800, "snd_wnd": 65_535},
    "loop_lag_ms": 0.4,
}

_INTAKE: tuple[Data, ...] = (
    intake.ApplicantArrived(
        purpose=Purpose.FIRST_RECORDING,
        ticket=_TICKET,
        arrived_at=MOMENT,
        dataref="identities/2017-06-14/015ca491-7f2e-7a10-8c55-0000000000aa#0+412",
        digest=f"sha-256:{hashlib.sha256(b'CONTOH SATU').hexdigest()}",
        identity_version=1,
        check_hmac=hashlib.sha256(b"CONTOH HMAC").hexdigest(),
        leaves_on=_DAY,
        card_not_before=date(2017, 9, 1),
        reference="CONTOH-0001",
        created_by="counter",
    ),
    intake.ApplicantCorrected(
        dataref="identities/2017-06-15/015ca491-7f2e-7a10-8c55-0000000000ab#0+415",
        digest=f"sha-256:{hashlib.sha256(b'CONTOH SATU').hexdigest()}",
        identity_version=2,
        check_hmac=hashlib.sha256(b"CONTOH HMAC").hexdigest(),
        reason_code="mistyped",
        card_not_before=date(2017, 9, 1),
    ),
    intake.ApplicantReturned(purpose=Purpose.FIRST_RECORDING, ticket=_KEPT, leaves_on=_DAY, moved_from="32.16.01"),
    intake.ApplicantCalled(ticket=_TICKET, counter=2),
    intake.ApplicantServed(ticket=_TICKET),
    intake.ApplicantNoShow(ticket=_TICKET),
    intake.ApplicantUndone(ticket=_TICKET, undone="served"),
    intake.ApplicantSentHome(ticket=_KEPT, reason_code="line_down", valid_until=_DAY),
    intake.CaptureAccepted(
        packet_version=1,
        dataref="packets/2017-06-14/015ca491-9a00-7000-8000-0000000000bb",
        digest=f"sha-256:{hashlib.sha256(b'CONTOH PACKET').hexdigest()}",
        size=204_800,
        captured_at=MOMENT,
        quality=[intake.ModalityQuality(modality="photo", score=91, floor=70, advice="ok")],
    ),
    intake.ContactChanged(sealed="UktTTAEQ"),
    intake.ContactWithdrawn(),
)

_OUTAGE: dict[str, Any] = {
    "cause": Cause.NETWORK,
    "owner": Owner.CARRIER,
    "confidence": Confidence.HIGH,
    "operations": [Operation.IDENTITY_CHECK, Operation.SUBMISSION],
    "since": MOMENT,
    "offices": 23,
    "people": 412,
    "sources": [Source.CALLS, Source.PROBE],
    "because": "connect timed out; the neutral targets were not reached either",
}

_RECORDING: tuple[Data, ...] = (
    recording.RecordingAttempted(
        stage=Stage.SUBMISSION,
        operation=Operation.SUBMISSION,
        attempt_id=_ATTEMPT,
        number=2,
        trigger=Trigger.DUE,
        outcome=Outcome.DONE,
        cause=None,
        effect=Effect.KNOWN,
        duration_ms=182.4,
        trace_id=TRACE,
        centre_state="RECEIVED_AT_CENTRAL",
    ),
    recording.RecordingFailed(
        stage=Stage.SUBMISSION,
        operation=Operation.SUBMISSION,
        attempt_id=_ATTEMPT,
        number=1,
        cause=Cause.NETWORK,
        effect=Effect.POSSIBLE,
        owner=Owner.UNDETERMINED,
        phase=Phase.WAIT,
        evidence=_EVIDENCE,
        signature=_SIGNATURE,
        final=False,
        next=recording.Next(action=NextAction.ASK_CENTRE, at=MOMENT),
    ),
    recording.RecordingParked(
        stage=Stage.DEDUPLICATION,
        cause=Cause.BIOMETRIC,
        signature="deduplication/biometric/unreadable_prints",
        who_must_act=WhoActs.RESIDENT,
    ),
    recording.RecordingResumed(stage=Stage.DEDUPLICATION, reason_code="corrected"),
    recording.RecordingCompleted(document=Document.CARD),
    recording.RecordingCancelled(reason_code="withdrawn"),
    recording.SuketIssued(valid_until=date(2017, 12, 14)),
    recording.SuketExtended(valid_until=date(2018, 6, 14)),
    recording.CardPrintReady(waiting_for="birthday", until=date(2017, 9, 1)),
    recording.CardPrinted(print_reference="CETAK-0001"),
    recording.CardHandedOver(),
    recording.BlankStockChanged(kind="delivered", count=500, stock=620),
    recording.GateChanged(
        operation=Operation.SUBMISSION, state=GateState.HOLDING, limit=32, cause=Cause.NETWORK, changed_by="calls"
    ),
    outages.OutageOpened(**_OUTAGE),
    outages.OutageUpdated(**_OUTAGE, next_news_at=MOMENT, ticket_ref="CONTOH-17"),
    outages.OutageCorrected(**_OUTAGE, was_cause=Cause.SERVER, was_owner=Owner.UNDETERMINED),
    outages.OutageClosed(**_OUTAGE, ended_at=MOMENT),
    outages.GroupRetryProgressed(
        state=GroupRetryState.RUNNING,
        wave=3,
        total=500,
        requested=469,
        running=20,
        done=10,
        failed_again=1,
        skipped=0,
    ),
)

_NOTIFICATION: tuple[Data, ...] = (
    notification.NotificationSent(
        message_id=_MESSAGE, channel="email", situation=Situation.SAVED_HERE, template="saved_here", template_version=1
    ),
    notification.NotificationFailed(
        message_id=_MESSAGE,
        channel="email",
        situation=Situation.SAVED_HERE,
        template="saved_here",
        template_version=1,
        failure="refused",
    ),
)

EXAMPLES: dict[type[Data], Data] = {type(data): data for data in (*_INTAKE, *_RECORDING, *_NOTIFICATION)}

# Facts that tell of no recording: key and office of theirs; a gate is nobody's office.
_OTHER_KEYS: dict[type[Data], tuple[str, str]] = {
    recording.BlankStockChanged: (REGENCY, REGENCY),
    recording.GateChanged: (Operation.SUBMISSION, ""),
    outages.OutageOpened: (_OUTAGE_ID, ""),
    outages.OutageUpdated: (_OUTAGE_ID, ""),
    outages.OutageCorrected: (_OUTAGE_ID, ""),
    outages.OutageClosed: (_OUTAGE_ID, ""),
    outages.GroupRetryProgressed: ("015ca499-0000-7000-8000-000000000006", ""),
}
_UNNUMBERED = (intake.ContactChanged, intake.ContactWithdrawn)


def key_and_office(event: type[Data]) -> tuple[str, str]:
    """Give what an event of this type is about and where."""
    return _OTHER_KEYS.get(event, (str(RECORDING), OFFICE))


def is_numbered(event: type[Data]) -> bool:
    """Tell whether events of this type carry a sequence without holes."""
    return event not in _UNNUMBERED
