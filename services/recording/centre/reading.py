"""Reads what came of a call: what the centre said, or whose fault it was and whether it may have had an effect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from services.recording.centre.answers import (
    Alive,
    AtCentre,
    IdentityMatch,
    IdentityMismatch,
    NotAtCentre,
    Printed,
    Received,
    Result,
    SuketIssued,
)
from services.recording.centre.evidence import Answered, Evidence, Failed
from services.recording.centre.verdict import Verdict, after_answer, after_failure
from shared.events.vocabulary import Cause, Effect, Operation, Owner

_OK, _CREATED, _NOT_FOUND = 200, 201, 404


@dataclass(frozen=True, slots=True)
class Said:
    result: Result
    evidence: Evidence
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Failure:
    """`code` is constant for a kind of failure, fit for a signature; it never holds the centre's own words."""

    cause: Cause
    effect: Effect
    owner: Owner
    code: str
    retry_after_seconds: float | None
    evidence: Evidence
    duration_ms: float


Reading: TypeAlias = Said | Failure


def read_answer(operation: Operation, outcome: Answered | Failed) -> Reading:
    """Read the outcome of a real call."""
    return _read(_MEANINGS[operation], outcome)


def read_probe(outcome: Answered | Failed) -> Reading:
    """Read the outcome of a probe: the centre is alive when it says that it has no such recording."""
    return _read({_NOT_FOUND: _said_alive}, outcome)


def _read(meanings: "_Meanings", outcome: Answered | Failed) -> Reading:
    if isinstance(outcome, Failed):
        return _failure(after_failure(outcome.evidence), outcome)
    meaning = meanings.get(outcome.status)
    if meaning is None:
        return _failure(after_answer(outcome.status, outcome.headers), outcome)
    try:
        result = meaning(outcome.body)
    except msgspec.MsgspecError:
        return _failure(_not_as_agreed(outcome), outcome)
    return Said(result, outcome.evidence, outcome.duration_ms)


def _not_as_agreed(outcome: Answered) -> Verdict:
    is_html = "html" in outcome.headers.get("content-type", "").lower()
    return Verdict(Cause.SERVER, Effect.POSSIBLE, Owner.CENTRE, "answer_html" if is_html else "answer_not_as_agreed")


def _failure(verdict: Verdict, outcome: Answered | Failed) -> Failure:
    return Failure(
        cause=verdict.cause,
        effect=verdict.effect,
        owner=verdict.owner,
        code=verdict.code,
        retry_after_seconds=verdict.retry_after_seconds,
        evidence=outcome.evidence,
        duration_ms=outcome.duration_ms,
    )


# What each answer must look like; unknown fields may be added by the centre at any time.

_Meanings: TypeAlias = dict[int, Callable[[bytes], Result]]


class _Identity(msgspec.Struct):
    result: Literal["match", "mismatch", "not_found"]
    reference: str | None = None
    fields: list[str] = []


class _NothingKnown(msgspec.Struct):
    detail: str


def _said_identity(body: bytes) -> Result:
    identity = msgspec.json.decode(body, type=_Identity)
    if identity.result != "match":
        return IdentityMismatch(identity.result, tuple(identity.fields))
    if identity.reference is None:
        raise msgspec.ValidationError("a match without a reference")
    return IdentityMatch(identity.reference)


def _said_nothing_known(body: bytes) -> Result:
    # A gateway's own 404 must not pass for the centre's word that it has nothing.
    msgspec.json.decode(body, type=_NothingKnown)
    return NotAtCentre()


def _said_alive(body: bytes) -> Result:
    _said_nothing_known(body)
    return Alive()


def _as(kind: type[Received] | type[AtCentre] | type[Printed] | type[SuketIssued]) -> Callable[[bytes], Result]:
    return msgspec.json.Decoder(kind).decode


_MEANINGS: dict[Operation, _Meanings] = {
    Operation.IDENTITY_CHECK: {_OK: _said_identity},
    # 200 in place of 201 is how a centre acknowledges a key that it has seen before.
    Operation.SUBMISSION: {_OK: _as(Received), _CREATED: _as(Received)},
    Operation.ASK: {_OK: _as(AtCentre), _NOT_FOUND: _said_nothing_known},
    Operation.CARD_PRINT: {_OK: _as(Printed), _CREATED: _as(Printed)},
    Operation.SUKET: {_OK: _as(SuketIssued), _CREATED: _as(SuketIssued)},
}
