"""One claimed stage, one call: what to send, how long to wait, and what the answer means. No transaction is open."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from services.recording.centre.answers import (
    Alive,
    AtCentre,
    IdentityMismatch,
    NotAtCentre,
    Printed,
    Received,
    Result,
    SuketIssued,
)
from services.recording.centre.client import CentreClient
from services.recording.centre.reading import Failure, Reading, Said
from services.recording.domain.answers import Absent, Answer, Failed, Refused, Succeeded, Trail, Unchanged
from services.recording.store.claims import Claimed, Lease
from services.recording.usecases.accept_outcomes import Outcome
from shared.events.vocabulary import Cause, Confidence, Effect, Operation, Owner, Stage, WhoActs
from shared.packets import PacketMissing, PacketStore

_MISSING = Failed(Cause.LOCAL, Effect.NONE, Owner.US, "packet_missing")
_STEP_BYTES = 256 * 1024
_LEASE_BEYOND_DEADLINE = 10.0

# Dukcapil's words (DOMAIN.md) that end the checking; every other one means that it still goes on.
_READY = frozenset({"PRINT_READY_RECORD", "SENT_FOR_CARD_PRINTING", "CARD_PRINTED", "CARD_SHIPPED", "CARD_ISSUED"})
_REFUSALS = {
    "DUPLICATE_RECORD": Refused(Cause.DATA, "duplicate", WhoActs.REGENCY),
    "ADJUDICATE_RECORD": Refused(Cause.DATA, "adjudication", WhoActs.REGENCY),
    "ENROLL_FAILURE_AT_CENTRAL": Refused(Cause.BIOMETRIC, "unreadable_prints", WhoActs.RESIDENT),
    "ENROLL_FAILURE_AT_REGIONAL": Refused(Cause.BIOMETRIC, "unreadable_prints", WhoActs.RESIDENT),
}
_SEARCH_FAILED = Failed(Cause.SERVER, Effect.KNOWN, Owner.CENTRE, "search_failure")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Whole-call deadlines in seconds; a submission's grows with its packet."""

    call_seconds: float
    submission_seconds: float
    seconds_per_256_kib: float

    def of(self, claimed: Claimed) -> float:
        """Give the deadline of one call."""
        if claimed.operation != Operation.SUBMISSION:
            return self.call_seconds
        return self.submission_seconds + self.seconds_per_256_kib * (claimed.packet_size or 0) / _STEP_BYTES

    def lease(self, operation: Operation) -> Lease:
        """Give the lease that outlives a call's deadline: the packet of a dead worker is asked about soon after it."""
        if operation is not Operation.SUBMISSION:
            return Lease(timedelta(seconds=self.call_seconds + _LEASE_BEYOND_DEADLINE))
        return Lease(
            timedelta(seconds=self.submission_seconds + _LEASE_BEYOND_DEADLINE),
            timedelta(seconds=self.seconds_per_256_kib),
        )


async def call_centre(client: CentreClient, store: PacketStore, claimed: Claimed, deadlines: Deadlines) -> Outcome:
    """Call the centre for one claimed stage; whatever happens comes back as an outcome, never as an exception."""
    try:
        reading = await _call(client, store, claimed, deadlines.of(claimed))
        answer = _meaning(claimed, reading)
        trail = _trail(answer, reading)
    except PacketMissing:
        told = _told(_MISSING, Confidence.MEDIUM, "nothing was sent: the sealed bytes are not whole in our own store")
        answer, trail = _MISSING, Trail(evidence={"error": _MISSING.code} | told)
    key = (claimed.recording_id, claimed.stage, claimed.attempt_id)
    return Outcome(*key, claimed.packet_version, answer, trail, claimed.identity_version)


async def probe_centre(client: CentreClient, deadlines: Deadlines) -> bool:
    """Tell whether the centre answers at all, by a question that changes nothing."""
    reading = await client.probe(deadline_seconds=deadlines.call_seconds)
    return isinstance(reading, Said) and isinstance(reading.result, Alive)


async def _call(client: CentreClient, store: PacketStore, claimed: Claimed, deadline: float) -> Reading:
    recording_id, attempt_id = claimed.recording_id, claimed.attempt_id
    # The centre deduplicates on this key: reuse it on every attempt, or a timeout becomes DUPLICATE RECORD.
    version = claimed.identity_version if claimed.stage == Stage.IDENTITY_CHECK else claimed.packet_version or 0
    key = f"{recording_id}:{claimed.stage}:{version}"
    match Operation(claimed.operation):
        case Operation.IDENTITY_CHECK:
            sealed = await asyncio.to_thread(store.read, claimed.identity_ref, claimed.identity_digest)
            return await client.check_identity(
                recording_id,
                office=claimed.sealed_at,
                identity_version=claimed.identity_version,
                sealed=sealed,
                key=key,
                attempt_id=attempt_id,
                deadline_seconds=deadline,
            )
        case Operation.SUBMISSION:
            digest = claimed.packet_digest or ""
            packet = await asyncio.to_thread(store.read, claimed.packet_ref or "", digest)
            return await client.submit(
                recording_id,
                packet=packet,
                digest=digest,
                key=key,
                attempt_id=attempt_id,
                deadline_seconds=deadline,
            )
        case Operation.ASK:
            return await client.ask(recording_id, attempt_id=attempt_id, deadline_seconds=deadline)
        case Operation.CARD_PRINT:
            return await client.print_card(recording_id, key=key, attempt_id=attempt_id, deadline_seconds=deadline)
        case Operation.SUKET:
            return await client.issue_suket(recording_id, key=key, attempt_id=attempt_id, deadline_seconds=deadline)


def _meaning(claimed: Claimed, reading: Reading) -> Answer:
    if isinstance(reading, Failure):
        return Failed(reading.cause, reading.effect, reading.owner, reading.code, reading.retry_after_seconds)
    match reading.result:
        case IdentityMismatch(fields=fields):
            return Refused(Cause.DATA, "identity_mismatch", WhoActs.RESIDENT, fields)
        case NotAtCentre():
            return Absent()
        case AtCentre() as known:
            return _known(claimed, known)
        case _:
            return _succeeded(reading.result)


def _known(claimed: Claimed, known: AtCentre) -> Answer:
    if claimed.stage == Stage.SUBMISSION:
        same = known.digest == claimed.packet_digest
        return Succeeded(known.reference, known.state) if same else Absent()
    if known.digest != claimed.packet_digest:
        return Unchanged(known.state)  # what was found about an older packet does not count
    if known.state in _READY:
        return Succeeded(known.reference, known.state)
    if known.state == "SEARCH_FAILURE_AT_CENTRAL":
        return _SEARCH_FAILED
    return _REFUSALS.get(known.state) or Unchanged(known.state)


def _succeeded(result: Result) -> Succeeded:
    match result:
        case SuketIssued(number=number, valid_until=until):
            return Succeeded(number, valid_until=until)
        case Printed(print_reference=reference):
            return Succeeded(reference)
        case Received(reference=reference):
            return Succeeded(reference, "RECEIVED_AT_CENTRAL")
        case _:
            return Succeeded(getattr(result, "reference", ""))


def _trail(answer: Answer, reading: Reading) -> Trail:
    evidence = reading.evidence.as_json()
    if isinstance(reading, Failure):
        evidence |= _told(reading, reading.confidence, reading.because)
        evidence["surroundings"] = asdict(reading.surroundings)
    elif isinstance(answer, Failed):
        evidence |= _told(answer, Confidence.MEDIUM, "the centre itself says that it failed")
    return Trail(reading.duration_ms, reading.evidence.phase_reached, reading.evidence.phase_failed, evidence)


def _told(judged: Failure | Failed, confidence: Confidence, because: str) -> dict[str, Any]:
    """Write the verdict into the evidence, so that the ledger's row and the event say why."""
    said = {"cause": judged.cause, "effect": judged.effect, "owner": judged.owner}
    return {"verdict": {**said, "confidence": confidence, "because": because}}
