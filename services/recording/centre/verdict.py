"""From evidence to cause, effect and owner: the tables of ARCHITECTURE section 4 and API section 7, pure.

One source alone names no other agency: until a second source agrees the owner is undetermined, unless the centre
itself answered. Where witnesses contradict each other, undetermined is preferred to a guess.
"""

from dataclasses import dataclass

from services.recording.centre.because import because
from services.recording.centre.endings import after_the_request, before_the_request
from services.recording.centre.evidence import Evidence
from services.recording.centre.failures import DEADLINE
from services.recording.centre.ours import is_ours
from services.recording.centre.silence import after_silence
from services.recording.centre.witnesses import (
    Finding,
    fails_by_both_ways,
    found,
    heard_meanwhile,
    on_the_way,
)
from services.recording.domain.surroundings import NOBODY_KNOWS, Surroundings
from shared.events.vocabulary import Cause, Confidence, Effect, Owner, Phase

_BEFORE_THE_REQUEST = frozenset({None, Phase.RESOLVE, Phase.CONNECT, Phase.TLS})
_NO_WAY_THERE = frozenset({"ETIMEDOUT", "EHOSTUNREACH", "EHOSTDOWN", "ENETUNREACH", "ENETDOWN", "ENETRESET"})
_ASKED_TO_WAIT = frozenset({429, 503})
_CLIENT_ERRORS = range(400, 500)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` is constant for a kind of failure, fit for a signature; `because` explains with numbers and no names."""

    cause: Cause
    effect: Effect
    owner: Owner
    confidence: Confidence
    code: str
    because: str
    retry_after_seconds: float | None = None


def verdict(
    evidence: Evidence, surroundings: Surroundings = NOBODY_KNOWS, *, access_owner: Owner = Owner.CARRIER
) -> Verdict:
    """Judge a call that did not end as agreed; `access_owner` is whoever runs the access line (a setting)."""
    seen = heard_meanwhile(surroundings, evidence)
    finding = _finding(evidence, seen, access_owner)
    return Verdict(
        cause=finding.cause,
        effect=_effect(evidence),
        owner=finding.owner,
        confidence=finding.confidence,
        code=_code(evidence),
        because=because(evidence, seen, finding.cause),
        retry_after_seconds=evidence.retry_after_seconds if evidence.status in _ASKED_TO_WAIT else None,
    )


def _finding(evidence: Evidence, seen: Surroundings, access_owner: Owner) -> Finding:
    if evidence.status is not None:
        return _after_answer(evidence, seen)
    if is_ours(evidence, seen):
        return found(Cause.LOCAL, (Owner.US, Confidence.MEDIUM))
    if evidence.phase_failed is Phase.RESOLVE:
        owner, sure = on_the_way(seen, access_owner, Confidence.LOW)
        # A name's servers may be anyone's: who answers for them is never sure.
        return found(Cause.NETWORK, (owner, Confidence.MEDIUM if sure is Confidence.HIGH else sure))
    if _is_without_a_way(evidence):
        return found(Cause.NETWORK, on_the_way(seen, access_owner, Confidence.LOW))
    if evidence.error == DEADLINE:
        return after_silence(evidence, seen, access_owner)
    judge = before_the_request if evidence.phase_failed in _BEFORE_THE_REQUEST else after_the_request
    return judge(evidence, seen, access_owner)


def _after_answer(evidence: Evidence, seen: Surroundings) -> Finding:
    """Judge an answer by HTTP that means nothing else in its operation; it came under the centre's own certificate."""
    if evidence.error is None and evidence.status in _CLIENT_ERRORS and evidence.status not in _ASKED_TO_WAIT:
        # The centre read the request and would not have it: we sent something wrong.
        return found(Cause.LOCAL, (Owner.US, Confidence.MEDIUM))
    sure = Confidence.HIGH if fails_by_both_ways(seen) else Confidence.MEDIUM
    return found(Cause.SERVER, (Owner.CENTRE, sure))


def _is_without_a_way(evidence: Evidence) -> bool:
    is_unanswered = evidence.phase_failed is Phase.CONNECT and evidence.error == DEADLINE
    return is_unanswered or evidence.error in _NO_WAY_THERE


def _effect(evidence: Evidence) -> Effect:
    if evidence.status in _ASKED_TO_WAIT:
        return Effect.NONE
    if evidence.status in _CLIENT_ERRORS and evidence.error is None:
        return Effect.KNOWN
    return Effect.POSSIBLE if evidence.bytes_sent or evidence.status is not None else Effect.NONE


def _code(evidence: Evidence) -> str:
    if evidence.status is not None:
        return evidence.error or f"http_{evidence.status}"
    phase = evidence.phase_failed.value if evidence.phase_failed else "start"
    return f"{phase}_{evidence.error}".lower()
