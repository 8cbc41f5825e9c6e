"""What real calls and the probe say of the line, and what follows where they agree or differ (ARCHITECTURE §4), pure.

Where they agree somebody may be named, where only one of them speaks nobody is, except that a probe which reaches no
neutral target either may say: our access line.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.events.vocabulary import Cause, Owner, Source

_ENOUGH = 2  # distinct recordings: one packet that the centre cannot bear is no fault of the line
_STILL_FAILING = timedelta(seconds=10)


class LinkVerdict(StrEnum):
    FINE = "fine"
    NETWORK = "network"
    SERVER = "server"
    LOCAL = "local"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class LinkRules:
    """What an installation decides about verdicts; `access_owner` answers for our access line."""

    access_owner: Owner = Owner.CARRIER
    window: timedelta = timedelta(seconds=30)
    round_counts_for: timedelta = timedelta(seconds=10)
    verdict_counts_for: timedelta = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A real call that failed by line or far side; `is_spoken` when the centre itself answered by HTTP."""

    attempt_id: UUID
    recording_id: UUID
    cause: Cause
    is_spoken: bool
    started_at: datetime
    ended_at: datetime
    because: str = ""


@dataclass(frozen=True, slots=True)
class Calls:
    """What real calls of one operation say; `held_by` is why its gate holds, `waits` that somebody stands behind it."""

    failed: tuple[FailedCall, ...] = ()  # of the last seconds, newest first
    answered: int = 0  # of the last seconds
    last_answered_at: datetime | None = None
    last_failed_at: datetime | None = None  # may lie far back
    held_by: Cause | None = None
    held_since: datetime | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the probe: the centre by our line, neutral targets, and the centre by another way if there is."""

    id: UUID
    began_at: datetime
    at: datetime
    centre_answered: bool
    cause: Cause | None = None
    is_spoken: bool = False
    because: str = ""
    neutral_reached: bool | None = None
    second_way_answered: bool | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    verdict: LinkVerdict
    at: datetime  # its newest evidence
    since: datetime  # its oldest
    because: str
    sources: tuple[Source, ...]
    owner: Owner = Owner.UNDETERMINED  # who it is, if another source agrees
    names_alone: bool = False
    failed_first_at: datetime | None = None  # when the first of its calls had failed
    is_spoken: bool = False
    is_weak: bool = False  # may support another, never leads


def by_calls(calls: Calls, now: datetime, rules: LinkRules) -> Opinion | None:
    """Say what real calls say; absent where none was made lately."""
    if calls.held_by in (Cause.NETWORK, Cause.SERVER):
        held_since = calls.held_since or now
        at = max((one.ended_at for one in calls.failed), default=calls.last_failed_at or held_since)
        because = calls.failed[0].because if calls.failed else "real calls failed, and the gate holds since"
        present = _of_this_trouble(calls, calls.failed)
        since = min((one.started_at for one in present), default=held_since)
        return Opinion(
            LinkVerdict(calls.held_by),
            at,
            min(since, held_since),
            because,
            (Source.CALLS,),
            failed_first_at=min((one.ended_at for one in present), default=held_since),
            is_spoken=any(one.is_spoken for one in present),
        )
    if calls.failed and not _has_recovered(calls, now):
        return _failing(calls)
    answered = calls.last_answered_at
    if answered is not None and now - answered <= rules.window:
        return Opinion(LinkVerdict.FINE, answered, answered, "real calls are answered", (Source.CALLS,))
    return None


def _failing(calls: Calls) -> Opinion:
    present = _of_this_trouble(calls, calls.failed)
    causes = Counter(one.cause for one in present if one.cause is not Cause.UNKNOWN)
    cause = causes.most_common(1)[0][0] if causes else Cause.UNKNOWN
    meant = [one for one in present if one.cause is cause]
    is_known = cause in (Cause.NETWORK, Cause.SERVER, Cause.LOCAL)
    return Opinion(
        verdict=LinkVerdict(cause) if is_known else LinkVerdict.UNDETERMINED,
        at=max(one.ended_at for one in meant),
        since=min(one.started_at for one in meant),
        because=meant[0].because,
        sources=(Source.CALLS,),
        owner=Owner.US if cause is Cause.LOCAL else Owner.UNDETERMINED,
        names_alone=cause is Cause.LOCAL,
        failed_first_at=min(one.ended_at for one in meant),
        is_spoken=any(one.is_spoken for one in meant),
        is_weak=len({one.recording_id for one in present}) < _ENOUGH,
    )


def _of_this_trouble(calls: Calls, failed: Sequence[FailedCall]) -> list[FailedCall]:
    """Leave out what failed before the last answer, if more failed after it: that was another trouble, and ended."""
    answered = calls.last_answered_at
    return [one for one in failed if answered is None or one.ended_at > answered] or list(failed)


def _has_recovered(calls: Calls, now: datetime) -> bool:
    """A line that carried one call lives; a centre that fails one call in three does not work, whatever passes."""
    last = max(one.ended_at for one in calls.failed)
    if calls.last_answered_at is None or calls.last_answered_at <= last:
        return False
    by_server = sum(1 for one in calls.failed if one.cause is Cause.SERVER)
    return by_server * 2 < calls.answered or now - last > _STILL_FAILING


def by_probe(newest: Round, rounds: Sequence[Round], rules: LinkRules) -> Opinion | None:
    """Say what the last rounds of the probe say; absent where they cannot tell the sides apart."""
    if newest.centre_answered:
        return Opinion(LinkVerdict.FINE, newest.at, newest.at, "a probe was answered", (Source.PROBE,))
    verdict, owner = _cause_of(newest, rules)
    if verdict is LinkVerdict.UNDETERMINED:
        return None
    agrees = newest.second_way_answered is (verdict is LinkVerdict.NETWORK)
    return Opinion(
        verdict=verdict,
        at=newest.at,
        since=_failing_since(rounds),
        because=newest.because,
        sources=(Source.PROBE, Source.SECOND_WAY) if agrees else (Source.PROBE,),
        owner=owner,
        names_alone=owner is rules.access_owner and newest.neutral_reached is False,
        is_spoken=newest.is_spoken,
    )


def _cause_of(one: Round, rules: LinkRules) -> tuple[LinkVerdict, Owner]:
    """Read a failed round by the table of patterns (ARCHITECTURE §4)."""
    of_line = rules.access_owner if one.neutral_reached is False else Owner.CENTRE_NETWORK
    if one.neutral_reached is None:
        of_line = Owner.UNDETERMINED
    if one.cause is Cause.LOCAL:
        return LinkVerdict.UNDETERMINED, Owner.UNDETERMINED  # our own fault, whatever another way met meanwhile
    if one.is_spoken:
        return LinkVerdict.SERVER, Owner.CENTRE  # the line carried its answer, so that another way cannot blame it
    if one.second_way_answered:
        return LinkVerdict.NETWORK, of_line
    if one.cause is Cause.NETWORK or one.neutral_reached is False:
        return LinkVerdict.NETWORK, of_line
    if one.cause is Cause.SERVER:
        # Refused or reset: the centre, or a device that answers in its name; only another way tells them apart.
        return LinkVerdict.SERVER, Owner.CENTRE if one.second_way_answered is False else Owner.UNDETERMINED
    return LinkVerdict.UNDETERMINED, Owner.UNDETERMINED


def _failing_since(rounds: Sequence[Round]) -> datetime:
    since = rounds[0].began_at
    for one in rounds:
        if one.centre_answered:
            break
        since = one.began_at
    return since


def together(
    calls: Opinion | None, probe: Opinion | None, newest: Round | None, heard: Calls, now: datetime
) -> Opinion:
    """Weigh both witnesses against each other."""
    leads = calls if calls and not calls.is_weak else None
    if leads is None:
        return _probe_leads(calls, probe, heard, now)
    if probe is None:
        return _alone(leads)
    if leads.verdict is LinkVerdict.FINE:
        return _both(leads, probe) if probe.verdict is LinkVerdict.FINE else _newer(leads, probe)
    if probe.verdict is LinkVerdict.FINE:
        return _only_calls_fail(leads, newest)
    return _both_fail(leads, probe)


def _probe_leads(calls: Opinion | None, probe: Opinion | None, heard: Calls, now: datetime) -> Opinion:
    if probe is None:
        return _nobody(now)
    if probe.verdict is not LinkVerdict.FINE:
        fails_too = calls is not None and calls.verdict in (probe.verdict, LinkVerdict.UNDETERMINED)
        return _both(probe, calls) if calls and fails_too else _alone(probe)
    failed, answered = heard.last_failed_at, heard.last_answered_at
    if failed is not None and heard.waits and (answered is None or answered < failed):
        return replace(_nobody(now), because="a probe was answered, but the last real call failed, and more wait")
    return probe


def _only_calls_fail(calls: Opinion, newest: Round | None) -> Opinion:
    """A probe sent after a call had failed, and answered, says: line and centre are there, so it is the centre's.

    One sent while the call was under way says it of a moment before the trouble, perhaps.
    """
    failed_first_at = calls.failed_first_at or calls.at
    if calls.verdict is LinkVerdict.SERVER and newest is not None and newest.began_at > failed_first_at:
        return replace(calls, owner=Owner.CENTRE, sources=(Source.CALLS, Source.PROBE))
    return _alone(calls)


def _both_fail(calls: Opinion, probe: Opinion) -> Opinion:
    if calls.verdict is probe.verdict:
        return _both(probe, calls)
    if calls.verdict is LinkVerdict.UNDETERMINED:
        return _both(probe, calls)
    if calls.verdict is LinkVerdict.LOCAL:
        return _alone(probe)
    if calls.verdict is LinkVerdict.SERVER and not calls.is_spoken:
        return _both(probe, calls)  # silence or a reset, which the line can make as well
    return _newer(calls, probe)


def _both(leads: Opinion, other: Opinion) -> Opinion:
    sources = tuple(source for source in Source if source in (*leads.sources, *other.sources))
    said = replace(leads, sources=sources, since=min(leads.since, other.since), at=max(leads.at, other.at))
    if leads.verdict is LinkVerdict.SERVER and other.is_spoken:
        return replace(said, owner=Owner.CENTRE)
    return said


def _newer(calls: Opinion, probe: Opinion) -> Opinion:
    return _alone(calls if calls.at > probe.at else probe)


def _alone(said: Opinion) -> Opinion:
    """One witness names nobody else; two ways of the probe are two witnesses."""
    return said if len(said.sources) > 1 or said.names_alone else replace(said, owner=Owner.UNDETERMINED)


def _nobody(now: datetime) -> Opinion:
    return Opinion(LinkVerdict.UNDETERMINED, now, now, "nobody has seen the line lately", ())
