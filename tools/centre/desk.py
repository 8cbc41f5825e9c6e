"""Answers each call as the centre does when nothing is wrong with it."""

import base64
import datetime as dt
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from shared.sealing import CannotOpen, Label, OpeningKey, open_sealed
from tools.centre.calls import Call, Operation
from tools.centre.register import PRINT_READY, RECEIVED, Change, Register
from tools.centre.wire import Answer

MISMATCHING_SERIAL = "0005"
SUKET_MONTHS = 6


@dataclass(frozen=True, slots=True)
class Done:
    answer: Answer
    has_effect: bool = False
    is_duplicate_ack: bool = False
    digest: str | None = None


class Desk:
    """Knows the register and the centre's private key; the same key always gets the same answer."""

    def __init__(self, register: Register, opening_key: OpeningKey) -> None:
        self._register = register
        self._opening_key = opening_key
        self._answers: dict[Operation, Callable[[Call, str], Done]] = {
            Operation.IDENTITY_CHECK: self._check_identity,
            Operation.SUBMISSION: self._take_submission,
            Operation.CARD_PRINT: self._print_card,
            Operation.SUKET: self._issue_suket,
        }

    def answer(self, call: Call) -> Done:
        """Do what the call asks and return what to say."""
        if call.operation in (Operation.ASK, Operation.PROBE):
            return self._tell(call)
        fingerprint = f"{call.operation}:{call.recording_id}:{hashlib.sha256(call.body).hexdigest()}"
        if problem := _missing(call):
            return _refused(400, problem)
        if given := self._register.given.get(call.key or ""):
            return self._say_again(call, fingerprint, given.fingerprint, Answer(given.status, given.body))
        return self._answers[call.operation](call, fingerprint)

    def _say_again(self, call: Call, fingerprint: str, first: str, answer: Answer) -> Done:
        if fingerprint != first:
            return _refused(422, "the same key with another body")
        acks = self._register.duplicate_acks
        acks[call.recording_id] = acks.get(call.recording_id, 0) + 1
        return Done(answer, is_duplicate_ack=True, digest=_digest_of(fingerprint))

    def _tell(self, call: Call) -> Done:
        record = self._register.records.get(call.recording_id)
        if record is None:
            return _refused(404, "not registered")
        state = self._register.state_of(record)
        return Done(Answer(200, {"reference": record.reference, "state": state, "digest": record.digest}))

    def _check_identity(self, call: Call, fingerprint: str) -> Done:
        if not call.identity_version.isdigit():
            return _refused(400, "Rekam-Identity-Version is missing")
        label = Label(UUID(call.recording_id), call.office, int(call.identity_version), "identity")
        try:
            serial = str(orjson.loads(open_sealed(self._opening_key, label, call.body))["nik"])[-4:]
        except (CannotOpen, orjson.JSONDecodeError, KeyError, TypeError):
            return _refused(400, "the sealed identity cannot be opened")
        body = self._compare(serial, call.recording_id)
        return self._do({"change": "identity", "serial": serial}, call, fingerprint, Answer(200, body))

    def _compare(self, serial: str, recording_id: str) -> dict[str, Any]:
        result = "mismatch" if serial == MISMATCHING_SERIAL else self._register.outcomes.get(serial)
        if result in ("mismatch", "not_found"):
            return {"result": result, "fields": ["birth_date"] if result == "mismatch" else ["nik"]}
        return {"result": "match", "reference": _reference("ID", recording_id)}

    def _take_submission(self, call: Call, fingerprint: str) -> Done:
        version, digest = call.packet_version, _digest_of(fingerprint)
        if version is None:
            return _refused(400, "the key names no packet version")
        if call.content_digest != _content_digest(digest):
            return _refused(400, "Content-Digest does not match the bytes received", digest)
        before = self._register.records.get(call.recording_id)
        if before is not None and before.packet_version > version:
            return _refused(409, "a newer packet version is registered", digest)
        change: Change = {"change": "submission", "digest": digest, "packet_version": version}
        change |= {"received_at": time.time(), "outcome": self._register.outcome_of(call.recording_id)}
        body = {"reference": _reference("RK", call.recording_id), "state": RECEIVED}
        return self._do(change, call, fingerprint, Answer(201, body))

    def _print_card(self, call: Call, fingerprint: str) -> Done:
        record = self._register.records.get(call.recording_id)
        if record is None or self._register.state_of(record) != PRINT_READY:
            return _refused(409, "not a PRINT_READY_RECORD")
        body = {"print_reference": _reference("KTP", call.key or "")}
        return self._do({"change": "card_print"}, call, fingerprint, Answer(201, body))

    def _issue_suket(self, call: Call, fingerprint: str) -> Done:
        today = dt.datetime.now(dt.UTC).date()
        body = {
            "number": _reference("SKT", call.key or ""),
            "valid_until": _months_later(today, SUKET_MONTHS).isoformat(),
        }
        return self._do({"change": "suket"}, call, fingerprint, Answer(201, body))

    def _do(self, change: Change, call: Call, fingerprint: str, answer: Answer) -> Done:
        change |= {"recording_id": call.recording_id, "key": call.key, "fingerprint": fingerprint}
        self._register.change(change | {"status": answer.status, "body": answer.body})
        return Done(answer, has_effect=True, digest=_digest_of(fingerprint))


def _missing(call: Call) -> str | None:
    if not call.recording_id:
        return "no recording id"
    return None if call.key else "Idempotency-Key is missing"


def _refused(status: int, detail: str, digest: str | None = None) -> Done:
    return Done(Answer(status, {"detail": detail}), digest=digest)


def _reference(kind: str, made_of: str) -> str:
    return f"{kind}-{hashlib.sha256(made_of.encode()).hexdigest()[:12].upper()}"


def _digest_of(fingerprint: str) -> str:
    return f"sha-256:{fingerprint.rpartition(':')[2]}"


def _content_digest(digest: str) -> str:
    raw = bytes.fromhex(digest.removeprefix("sha-256:"))
    return f"sha-256=:{base64.b64encode(raw).decode()}:"


def _months_later(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = dt.date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last = (first_of_next - dt.timedelta(days=1)).day
    return dt.date(year, month + 1, min(day.day, last))
