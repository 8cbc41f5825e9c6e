"""Network or server? The verdict on the line and the centre behind one operation (ARCHITECTURE §4), pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.recording.domain.line_witnesses import (
    Calls,
    FailedCall,
    LinkRules,
    LinkVerdict,
    Opinion,
    Round,
    by_calls,
    by_probe,
    together,
)
from shared.events.vocabulary import Cause, Confidence, Owner, Source

_SAMPLES = 5
BAD = (LinkVerdict.NETWORK, LinkVerdict.SERVER)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one operation, until it expires."""

    verdict: LinkVerdict
    owner: Owner
    confidence: Confidence
    sources: tuple[Source, ...]
    because: str
    since: datetime
    checked_at: datetime
    expires_at: datetime
    failed_calls: int = 0
    failed_rounds: int = 0
    samples: tuple[UUID, ...] = ()
    last_failed_at: datetime | None = None
    last_answered_at: datetime | None = None

    def says_the_same_as(self, other: "Verdict") -> bool:
        """Tell whether a reader would notice no difference."""
        mine = (self.verdict, self.owner, self.confidence, self.sources)
        return mine == (other.verdict, other.owner, other.confidence, other.sources)


def judge(calls: Calls, rounds: Sequence[Round], before: Verdict | None, *, now: datetime, rules: LinkRules) -> Verdict:
    """Judge one operation by its calls and the last rounds (newest first); `before` lends only the time it began."""
    newest = rounds[0] if rounds and now - rounds[0].at <= rules.round_counts_for else None
    of_probe = by_probe(newest, rounds, rules) if newest else None
    said = together(by_calls(calls, now, rules), of_probe, newest, calls, now)
    goes_on = before is not None and before.verdict is said.verdict and before.expires_at > now
    is_bad = said.verdict in BAD
    return Verdict(
        verdict=said.verdict,
        owner=said.owner,
        confidence=_confidence(said),
        sources=said.sources,
        because=said.because,
        since=before.since if before and goes_on else min(said.since, now),
        checked_at=now,
        expires_at=now + rules.verdict_counts_for,
        failed_calls=sum(1 for one in calls.failed if _may_be(one, said)) if is_bad else 0,
        failed_rounds=sum(1 for one in rounds if not one.centre_answered) if is_bad else 0,
        samples=tuple(one.attempt_id for one in calls.failed[:_SAMPLES]),
        last_failed_at=max((one.ended_at for one in calls.failed), default=calls.last_failed_at),
        last_answered_at=calls.last_answered_at,
    )


def shown_at(verdict: Verdict, now: datetime) -> Verdict:
    """Give the verdict as it may be shown now: expired, it says nothing, and least of all what it said before."""
    if verdict.expires_at > now:
        return verdict
    return replace(
        verdict,
        verdict=LinkVerdict.UNDETERMINED,
        owner=Owner.UNDETERMINED,
        confidence=Confidence.LOW,
        sources=(),
        because="nobody has looked lately",
        since=verdict.expires_at,
    )


def _confidence(said: Opinion) -> Confidence:
    if len(said.sources) > 1:
        return Confidence.HIGH
    has_evidence = said.verdict in (LinkVerdict.FINE, LinkVerdict.NETWORK) or said.is_spoken
    return Confidence.MEDIUM if has_evidence and said.sources else Confidence.LOW


def _may_be(one: FailedCall, said: Opinion) -> bool:
    """Whether this call's failure is of the fault: one reset is, also when the fault turned out to be the line."""
    return one.cause in (said.verdict.value, Cause.UNKNOWN) or (one.cause is Cause.SERVER and not one.is_spoken)
