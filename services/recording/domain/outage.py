"""The life of an outage: one fault behind many attempts (ARCHITECTURE §4), opened, joined, corrected, merged, closed.

A fault is known by its cause: two operations that fail by the network at once are one outage, and never two. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.recording.domain.line_witnesses import LinkVerdict
from services.recording.domain.link import BAD, Verdict
from shared.events.vocabulary import Cause, Confidence, Operation, Owner, Source

_TWO = 2
_TENFOLD = 10
_SAMPLES = 10
_TOUCH_EVERY = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class OutageRules:
    """What an installation decides about outages."""

    failures: int = 3
    clean: timedelta = timedelta(seconds=60)
    tell_every: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An open outage; `unclean_at` is when it was last not known to be over."""

    id: UUID
    cause: Cause
    owner: Owner
    confidence: Confidence
    operations: tuple[Operation, ...]
    since: datetime
    sources: tuple[Source, ...]
    because: str
    last_failed_at: datetime
    unclean_at: datetime
    samples: tuple[UUID, ...] = ()
    offices: int = 0
    people: int = 0
    told_people: int = 0
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    outage: Outage


@dataclass(frozen=True, slots=True)
class Touched:
    """Nothing that anybody is told."""

    outage: Outage


@dataclass(frozen=True, slots=True)
class Updated:
    outage: Outage


@dataclass(frozen=True, slots=True)
class Corrected:
    outage: Outage
    was_cause: Cause
    was_owner: Owner


@dataclass(frozen=True, slots=True)
class Merged:
    """The younger was the same fault as the older, and ends in it."""

    younger: Outage
    older: Outage


@dataclass(frozen=True, slots=True)
class Closed:
    outage: Outage


Change = Opened | Touched | Updated | Corrected | Merged | Closed


def follow(
    outages: Sequence[Outage],
    seen: Mapping[Operation, Verdict],
    ids: Mapping[Cause, UUID],
    *,
    now: datetime,
    rules: OutageRules,
) -> list[Change]:
    """Say what the verdicts make of the open outages (oldest first); `ids` are for those that open now."""
    changes: list[Change] = []
    corrected = [_corrected(one, seen, now, changes) for one in outages]
    standing = _merged(corrected, now, changes)
    for cause in (Cause.NETWORK, Cause.SERVER):
        failing = {operation: said for operation, said in seen.items() if said.verdict.value == cause.value}
        outage = next((one for one in standing if one.cause is cause), None)
        if outage is not None:
            changes += _go_on(outage, failing, seen, now, rules)
        elif failing and _is_outage(failing, rules):
            changes.append(Opened(_opened(ids[cause], cause, failing, now)))
    return changes


def counted(outage: Outage, offices: int, people: int, *, now: datetime, rules: OutageRules) -> Change | None:
    """Take in how many are touched: told at most so often, or at once when it grew tenfold."""
    grown = replace(outage, offices=max(outage.offices, offices), people=max(outage.people, people))
    if (grown.offices, grown.people) == (outage.offices, outage.people):
        return None
    is_tenfold = grown.people >= _TENFOLD * max(outage.told_people, 1)
    if is_tenfold or now - outage.told_at >= rules.tell_every:
        return Updated(_told(grown, now))
    return Touched(grown)


def _opened(id_: UUID, cause: Cause, failing: Mapping[Operation, Verdict], now: datetime) -> Outage:
    first = next(iter(failing.values()))
    sources = _sources(failing.values())
    return Outage(
        id=id_,
        cause=cause,
        owner=_named(failing, sources),
        confidence=Confidence.HIGH,
        operations=tuple(sorted(failing)),
        since=min(said.since for said in failing.values()),
        sources=sources,
        because=next((said.because for said in failing.values() if len(said.sources) >= _TWO), first.because),
        last_failed_at=_last_failed(failing, now),
        unclean_at=now,
        samples=_samples((), failing),
        told_at=now,
    )


def _is_outage(failing: Mapping[Operation, Verdict], rules: OutageRules) -> bool:
    calls = sum(said.failed_calls for said in failing.values())
    rounds = max(said.failed_rounds for said in failing.values())
    return calls + rounds >= rules.failures and len(_sources(failing.values())) >= _TWO


def _corrected(outage: Outage, seen: Mapping[Operation, Verdict], now: datetime, changes: list[Change]) -> Outage:
    """What was called the centre's turns out to be the line's: each operation that still fails says so, by two sources.

    The other way round it is a new fault: a line that two sources saw dead was dead.
    """
    failing = {one: seen[one] for one in outage.operations if one in seen and seen[one].verdict in BAD}
    is_line = outage.cause is Cause.SERVER and all(said.verdict is LinkVerdict.NETWORK for said in failing.values())
    if not failing or not is_line or not all(_never_worked(said, outage) for said in failing.values()):
        return outage
    sources = _sources(failing.values())
    if len(sources) < _TWO:
        return outage
    because = next(iter(failing.values())).because
    owner = _named(failing, sources)
    after = replace(outage, cause=Cause.NETWORK, owner=owner, sources=sources, because=because)
    after = _told(replace(after, unclean_at=now, last_failed_at=_last_failed(failing, now)), now)
    changes.append(Corrected(after, outage.cause, outage.owner))
    return after


def _never_worked(said: Verdict, outage: Outage) -> bool:
    return said.last_answered_at is None or said.last_answered_at < outage.since


def _merged(outages: Sequence[Outage], now: datetime, changes: list[Change]) -> list[Outage]:
    standing: dict[Cause, Outage] = {}
    for one in outages:
        older = standing.get(one.cause)
        if older is None:
            standing[one.cause] = one
            continue
        operations = tuple(sorted({*older.operations, *one.operations}))
        people, offices = max(older.people, one.people), max(older.offices, one.offices)
        joined = _told(replace(older, operations=operations, people=people, offices=offices), now)
        standing[one.cause] = joined
        changes.append(Merged(one, joined))
    return list(standing.values())


def _go_on(
    outage: Outage,
    failing: Mapping[Operation, Verdict],
    seen: Mapping[Operation, Verdict],
    now: datetime,
    rules: OutageRules,
) -> list[Change]:
    after = _joined(outage, failing) if failing else outage
    if not failing and all(_is_clean(seen.get(one), outage) for one in outage.operations):
        return [Closed(outage)] if now - outage.unclean_at >= rules.clean else []
    if now - outage.unclean_at >= _TOUCH_EVERY:
        after = replace(after, unclean_at=now)
        if failing:
            after = replace(after, last_failed_at=max(outage.last_failed_at, _last_failed(failing, now)))
    return _said(outage, after, now)


def _said(before: Outage, after: Outage, now: datetime) -> list[Change]:
    if after == before:
        return []
    if after.owner is not before.owner and before.owner is not Owner.UNDETERMINED:
        return [Corrected(_told(after, now), before.cause, before.owner)]
    if (after.owner, after.operations, after.sources) != (before.owner, before.operations, before.sources):
        return [Updated(_told(after, now))]
    return [Touched(after)]


def _joined(outage: Outage, failing: Mapping[Operation, Verdict]) -> Outage:
    sources = tuple(source for source in Source if source in (*outage.sources, *_sources(failing.values())))
    now_named = _named(failing, _sources(failing.values()))
    return replace(
        outage,
        operations=tuple(sorted({*outage.operations, *failing})),
        sources=sources,
        owner=outage.owner if now_named is Owner.UNDETERMINED else now_named,
        samples=_samples(outage.samples, failing),
    )


def _is_clean(said: Verdict | None, outage: Outage) -> bool:
    """Not knowing is not clean."""
    if said is None or said.verdict in (LinkVerdict.UNDETERMINED, LinkVerdict.LOCAL):
        return False
    return said.verdict.value != outage.cause.value


def _named(failing: Mapping[Operation, Verdict], sources: Sequence[Source]) -> Owner:
    """Name somebody only by two sources, and only when all who name somebody name the same."""
    owners = {said.owner for said in failing.values() if len(said.sources) >= _TWO} - {Owner.UNDETERMINED}
    return owners.pop() if len(owners) == 1 and len(sources) >= _TWO else Owner.UNDETERMINED


def _sources(said: Iterable[Verdict]) -> tuple[Source, ...]:
    heard = {source for one in said for source in one.sources}
    return tuple(source for source in Source if source in heard)


def _samples(before: tuple[UUID, ...], failing: Mapping[Operation, Verdict]) -> tuple[UUID, ...]:
    """The first ones are kept: they show how it began."""
    if len(before) >= _SAMPLES:
        return before
    newer = dict.fromkeys((*before, *(sample for said in failing.values() for sample in reversed(said.samples))))
    return tuple(newer)[:_SAMPLES]


def _last_failed(failing: Mapping[Operation, Verdict], now: datetime) -> datetime:
    known = [said.last_failed_at for said in failing.values() if said.last_failed_at and not said.failed_rounds]
    return max(known) if known else now


def _told(outage: Outage, now: datetime) -> Outage:
    return replace(outage, told_at=now, told_people=outage.people)
