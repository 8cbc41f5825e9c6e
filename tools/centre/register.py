"""What the centre has registered; every change is one line of a file, so that a restart forgets nothing."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

Change = dict[str, Any]

RECEIVED = "RECEIVED_AT_CENTRAL"
PRINT_READY = "PRINT_READY_RECORD"
STATES = frozenset(
    {
        RECEIVED,
        PRINT_READY,
        "DUPLICATE_RECORD",
        "ADJUDICATE_RECORD",
        "ENROLL_FAILURE_AT_CENTRAL",
        "SEARCH_FAILURE_AT_CENTRAL",
    }
)
# The sandbox: the serial of the NIK says how the journey ends (API.md section 7).
SANDBOX = {
    "0001": PRINT_READY,
    "0002": "ENROLL_FAILURE_AT_CENTRAL",
    "0003": "DUPLICATE_RECORD",
    "0004": RECEIVED,
    "0006": "ADJUDICATE_RECORD",
}


@dataclass(slots=True)
class Record:
    recording_id: str
    reference: str
    digest: str
    packet_version: int
    received_at: float
    outcome: str
    registrations: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """An answer given under a key, and to what."""

    fingerprint: str
    status: int
    body: Any


class AppendedFile:
    """Lines of JSON, written through on every line; nothing at all without a path."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if path else None

    def lines(self) -> list[Any]:
        """Return what was written before; a last line cut by a crash is cut off the file too."""
        if self._path is None or self._descriptor is None:
            return []
        whole = self._path.read_bytes().rpartition(b"\n")[0]
        os.ftruncate(self._descriptor, len(whole) + 1 if whole else 0)
        return [orjson.loads(line) for line in whole.splitlines()]

    def append(self, entry: Any) -> None:
        """Write one line, before the caller is answered."""
        if self._descriptor is not None:
            os.write(self._descriptor, orjson.dumps(entry) + b"\n")

    def empty(self) -> None:
        """Forget every line."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Register:
    """Recordings, the answers given under keys, and the outcomes still to come."""

    def __init__(self, file: AppendedFile, deduplication_seconds: float) -> None:
        self._file = file
        self._deduplication_seconds = deduplication_seconds
        self._forget()
        for change in file.lines():
            self._apply(change)

    def change(self, change: Change) -> None:
        """Write a change down, then make it."""
        self._file.append(change)
        self._apply(change)

    def reset(self) -> None:
        """Forget everything, the file too."""
        self._file.empty()
        self._forget()

    def outcome_of(self, recording_id: str) -> str:
        """Say how deduplication of a recording will end: sandbox serial, else what PUT /outcomes said."""
        serial = self.serials.get(recording_id, "")
        if serial in SANDBOX:
            return SANDBOX[serial]
        return str(self.outcomes.get(serial) or self.outcomes.get("default") or PRINT_READY)

    def state_of(self, record: Record) -> str:
        """Say where a record stands now; an outcome named for this recording by hand comes first."""
        if by_hand := self.outcomes.get(record.recording_id):
            return str(by_hand)
        is_settled = time.time() >= record.received_at + self._deduplication_seconds
        return record.outcome if is_settled else RECEIVED

    def all_records(self) -> list[dict[str, Any]]:
        """List what is registered, oldest first."""
        return [self._shown(record) for record in self.records.values()]

    def _shown(self, record: Record) -> dict[str, Any]:
        return {
            "recording_id": record.recording_id,
            "reference": record.reference,
            "state": self.state_of(record),
            "digest": record.digest,
            "packet_version": record.packet_version,
            "received_at": record.received_at,
            "registrations": {str(version): count for version, count in record.registrations.items()},
            "duplicate_acks": self.duplicate_acks.get(record.recording_id, 0),
            "print_references": self.prints.get(record.recording_id, []),
            "sukets": self.sukets.get(record.recording_id, []),
        }

    def _forget(self) -> None:
        self.records: dict[str, Record] = {}
        self.given: dict[str, Given] = {}
        self.serials: dict[str, str] = {}
        self.prints: dict[str, list[str]] = {}
        self.sukets: dict[str, list[str]] = {}
        self.duplicate_acks: dict[str, int] = {}
        self.outcomes: dict[str, str] = {}

    def _apply(self, change: Change) -> None:
        recording_id = change.get("recording_id", "")
        match change["change"]:
            case "identity":
                self.serials[recording_id] = change["serial"]
            case "submission":
                self._register(change)
            case "card_print":
                self.prints.setdefault(recording_id, []).append(change["body"]["print_reference"])
            case "suket":
                self.sukets.setdefault(recording_id, []).append(change["body"]["number"])
            case "outcomes":
                self.outcomes = change["outcomes"]
        if "key" in change:
            self.given[change["key"]] = Given(change["fingerprint"], change["status"], change["body"])

    def _register(self, change: Change) -> None:
        recording_id, version = change["recording_id"], change["packet_version"]
        before = self.records.get(recording_id)
        registrations = before.registrations if before else {}
        registrations[version] = registrations.get(version, 0) + 1
        self.records[recording_id] = Record(
            recording_id=recording_id,
            reference=change["body"]["reference"],
            digest=change["digest"],
            packet_version=version,
            received_at=change["received_at"],
            outcome=change["outcome"],
            registrations=registrations,
        )
