"""Reads what came of a call: what the centre said, or whose fault it was and whether it may have had an effect."""

from collections.abc import Callable
from dataclasses import dataclass, replace
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
from services.recording.centre.verdict import verdict
from services.recording.domain.surroundings import NOBODY_KNOWS, Surroundings
from shared.events.vocabulary import Cause, Confidence, Effect, Operation, Owner

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
    confidence: Confidence
    code: str
    because: str
    retry_after_seconds: float | None
    surroundings: Surroundings
    evidence: Evidence
    duration_ms: float


Reading: TypeAlias = Said | Failure


@dataclass(frozen=True, slots=True)
class Bench:
    """What is known beside the call itself when its outcome is judged."""

    surroundings: Surroundings = NOBODY_KNOWS
    access_owner: Owner = Owner.CARRIER


ALONE = Bench()


def read_answer(operation: Operation, outcome: Answered | Failed, bench: Bench = ALONE) -> Reading:
    """Read the outcome of a real call."""
    return _read(_MEANINGS[operation], outcome, bench)


def read_probe(outcome: Answered | Failed, bench: Bench = ALONE) -> Reading:
    """Read the outcome of a probe: the centre is alive when it says that it has no such recording."""
    return _read({_NOT_FOUND: _said_alive}, outcome, bench)


def _read(meanings: "_Meanings", outcome: Answered | Failed, bench: Bench) -> Reading:
    if isinstance(outcome, Failed):
        return _failure(outcome.evidence, outcome, bench)
    meaning = meanings.get(outcome.status)
    if meaning is None:
        return _failure(outcome.evidence, outcome, bench)
    try:
        result = meaning(outcome.body)
    except msgspec.MsgspecError:
        return _failure(replace(outcome.evidence, error=_not_as_agreed(outcome)), outcome, bench)
    return Said(result, outcome.evidence, outcome.duration_ms)


def _not_as_agreed(outcome: Answered) -> str:
    is_html = "html" in outcome.headers.get("content-type", "").lower()
    return "answer_html" if is_html else "answer_not_as_agreed"


def _failure(evidence: Evidence, outcome: Answered | Failed, bench: Bench) -> Failure:
    judged = verdict(evidence, bench.surroundings, access_owner=bench.access_owner)
    return Failure(
        cause=judged.cause,
        effect=judged.effect,
        owner=judged.owner,
        confidence=judged.confidence,
        code=judged.code,
        because=judged.because,
        retry_after_seconds=judged.retry_after_seconds,
        surroundings=bench.surroundings,
        evidence=evidence,
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
