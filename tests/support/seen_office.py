"""Builders of what a check sees: an office day in which all went well, to be spoilt one thing at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tools.verify.seen import Attempt, Call, Intake, Kept, Ledger, RecordingRow, Registered, Rest, StageRow, Told

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
ID = "0199-contoh"
DIGEST = "sha-256:" + "ab" * 32
INTAKE, RECORDING = "/rekam/intake", "/rekam/recording"


def at(seconds: float) -> datetime:
    """Give a moment of this day."""
    return NOW + timedelta(seconds=seconds)


def call(attempt: str, operation: str = "submission", **changes: Any) -> Call:
    """A call the centre saw; a submission of packet version 1 by default."""
    said: dict[str, Any] = {
        "seq": 1,
        "recording_id": ID,
        "key": f"{ID}:{operation}:1",
        "has_effect": operation != "ask",
    }
    if operation == "submission":
        said |= {"packet_version": 1, "digest": DIGEST}
    return Call(attempt=attempt, operation=operation, **(said | changes))


def attempt(identifier: str, number: int = 1, **changes: Any) -> Attempt:
    """A ledger row; a submission that was done by default."""
    said: dict[str, Any] = {
        "recording_id": ID,
        "stage": "submission",
        "operation": "submission",
        "started_at": at(number),
        "outcome": "done",
        "effect": "known",
        "trace_id": "c" * 32,
    }
    return Attempt(id=identifier, number=number, **(said | changes))


def failed(identifier: str, number: int = 1, **changes: Any) -> Attempt:
    """A ledger row of a call that may have worked."""
    said: dict[str, Any] = {
        "outcome": "failed",
        "cause": "server",
        "effect": "possible",
        "signature": "submission/server/wait_eof",
    }
    return attempt(identifier, number, **(said | changes))


def asked(identifier: str, number: int) -> Attempt:
    """A ledger row of an answered question."""
    return attempt(identifier, number, operation="ask")


def stage(name: str = "submission", state: str = "done", **changes: Any) -> StageRow:
    """A stage row."""
    said: dict[str, Any] = {"recording_id": ID, "operation": name, "due_at": NOW}
    return StageRow(stage=name, state=state, **(said | changes))


def recording(**changes: Any) -> RecordingRow:
    """A finished recording."""
    said: dict[str, Any] = {
        "id": ID,
        "office": "32.16.06",
        "purpose": "first_recording",
        "state": "completed",
        "packet_version": 1,
    }
    return RecordingRow(**(said | changes))


def registered(**changes: Any) -> Registered:
    """What the centre holds of a recording."""
    said: dict[str, Any] = {"recording_id": ID, "packet_version": 1, "digest": DIGEST, "registrations": {1: 1}}
    return Registered(**(said | changes))


def ledger(**changes: Any) -> Ledger:
    """The recording service's tables."""
    return Ledger(**({"now": NOW} | changes))


def told(kind: str, sequence: int, source: str = RECORDING, key: str = ID, **data: Any) -> Told:
    """An event at its place on a topic."""
    return Told(
        id=f"{source}{key}{sequence}",
        source=source,
        key=key,
        type=kind,
        sequence=sequence,
        time=at(sequence),
        data=data,
        topic=f"{source}.events",
        partition=0,
        offset=sequence,
    )


def arrived(purpose: str = "first_recording") -> Told:
    """Somebody arrived; the sealed identity lies in the store."""
    return told("applicant.arrived.v1", 1, INTAKE, purpose=purpose, dataref="identities/1#0+9", digest=DIGEST)


def captured(version: int = 1) -> Told:
    """A packet is durable."""
    return told(
        "capture.accepted.v1", version + 1, INTAKE, packet_version=version, dataref=f"packets/{version}", digest=DIGEST
    )


def tried(sequence: int, name: str, outcome: str = "done", attempt_id: str = "") -> Told:
    """An attempt ended."""
    return told(
        "recording.attempted.v1", sequence, stage=name, outcome=outcome, attempt_id=attempt_id or f"a{sequence}"
    )


def kept() -> Intake:
    """One arrival and its packet."""
    return Intake(
        arrivals=(Kept(recording_id=ID, packet_version=0, dataref="identities/1#0+9", digest=DIGEST),),
        captures=(Kept(recording_id=ID, packet_version=1, dataref="packets/1", digest=DIGEST),),
    )


def quiet() -> Rest:
    """Nothing is on its way."""
    return Rest(outbox={"intake": 0}, quarantine={"intake": 0}, lag={"group status, intake.events-0": 0})
