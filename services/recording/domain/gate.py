"""The gate of one operation: breaker, pace, Retry-After and what a person ordered. Pure; its row is in the store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.recording.domain.orders import NO_ORDERS, Orders
from services.recording.domain.pace import Pace, gained, lost, restarted
from shared.events.vocabulary import Cause, GateState, Lane

_ENOUGH = 2  # distinct recordings that failed without a success in between
_ENOUGH_CALLS = 3  # that the centre failed in a row, the last of them alone at a limit of one
_LONGEST_REST = timedelta(seconds=30)
_LONGEST_RETRY_AFTER = timedelta(minutes=10)
_NEEDLESS = timedelta(seconds=5)
_JITTER = 0.3
_MOST_DOUBLINGS = 10
_ANSWERED = (None, Cause.DATA, Cause.BIOMETRIC)  # a person has to act, but line and centre did their part
# A backlog that held every place would let a newcomer wait for the next call to end.
_KEPT_FOR_TODAY = 0.25
# 4 : 2 : 1, evenly spread, so that any few places in a row are shared too.
_TURNS = (
    Lane.TRAVELLER,
    Lane.TODAY,
    Lane.TRAVELLER,
    Lane.BACKLOG,
    Lane.TRAVELLER,
    Lane.TODAY,
    Lane.TRAVELLER,
)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the gate row says; calls begun before `since` were begun in another state and teach nothing."""

    state: GateState
    since: datetime
    pace: Pace
    failing: tuple[UUID, ...] = ()  # by the network, since the last success
    broken: tuple[UUID, ...] = ()  # by the centre, or nobody knows, since the last success
    losses: int = 0  # calls of those
    cause: Cause | None = None  # of the hold; a pause keeps it, to hold again afterwards
    probe_at: datetime | None = None
    relapses: int = 0
    not_before: datetime | None = None
    orders: Orders = NO_ORDERS


@dataclass(frozen=True, slots=True)
class Seen:
    """What one call told: when it began, and that it was answered or failed by `cause`."""

    recording_id: UUID
    cause: Cause | None
    started_at: datetime
    retry_after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Moment:
    """The present time, the usual rest between probes, and a throw of the dice in 0..1."""

    now: datetime
    rest: timedelta
    dice: float

    def probe_after(self, relapses: int) -> datetime:
        """Say when to probe: after a jittered rest that doubles with each relapse, up to half a minute."""
        rest = min(_LONGEST_REST, self.rest * 2.0 ** min(relapses, _MOST_DOUBLINGS))
        return self.now + rest * (1 - _JITTER + 2 * _JITTER * self.dice)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Calls that hold a lease now: all of them, those begun in the gate's present state, those of the backlog."""

    calls: int
    begun_since: int
    of_backlog: int = 0


def observe(gate: Gate, seen: Sequence[Seen], moment: Moment) -> Gate:
    """Learn from finished calls, in order."""
    for one in seen:
        gate = _observe_one(_heed(gate, one, moment.now), one, moment)
    return gate


def observe_probe(gate: Gate, *, is_alive: bool, moment: Moment) -> Gate:
    """Learn from a probe: an answer lets one real call through, silence moves the next probe."""
    if gate.state is not GateState.HOLDING:
        return gate
    if is_alive:
        return replace(gate, state=GateState.PROBING, since=moment.now, probe_at=None)
    # A silent probe tells the truth again, so that its rest need not grow.
    return replace(gate, relapses=0, probe_at=moment.probe_after(0))


def unneeded(gate: Gate, under_way: UnderWay, now: datetime) -> Gate:
    """Open, at a limit of one, a probing gate behind which nothing is due: its answered probe must do as proof."""
    is_idle = gate.state is GateState.PROBING and under_way.begun_since == 0 and now - gate.since >= _NEEDLESS
    if not is_idle or gate.relapses > 0:
        return gate
    pace = restarted(gate.pace)
    return replace(gate, state=GateState.FLOWING, since=now, pace=pace, failing=(), broken=(), losses=0, cause=None)


def room(gate: Gate, under_way: UnderWay, now: datetime) -> int:
    """Tell how many calls may start now; while probing one, whatever still hangs from before."""
    if gate.not_before is not None and now < gate.not_before:
        return 0
    if gate.state is GateState.PROBING:
        return max(0, 1 - under_way.begun_since)
    if gate.state is not GateState.FLOWING:
        return 0
    free = max(0, gate.pace.calls - under_way.calls)
    ceiling = gate.orders.ceiling
    return free if ceiling is None else min(free, ceiling.left(now))


def backlog_room(gate: Gate, under_way: UnderWay) -> int:
    """Tell how many calls of the backlog may start: a quarter of the places stay free of it for who comes today."""
    if gate.state is not GateState.FLOWING:
        return gate.pace.calls
    return max(0, gate.pace.calls - int(gate.pace.calls * _KEPT_FOR_TODAY) - under_way.of_backlog)


def shares(places: int, dice: float) -> dict[Lane, int]:
    """Split places among the lanes 4 : 2 : 1; `dice` in 0..1 says where to begin, for places come free one by one."""
    first = int(dice * len(_TURNS))
    turns = [_TURNS[(first + place) % len(_TURNS)] for place in range(places)]
    return {lane: turns.count(lane) for lane in Lane}


def _heed(gate: Gate, one: Seen, now: datetime) -> Gate:
    """Obey a Retry-After, also of a call begun long ago."""
    if one.retry_after <= timedelta():
        return gate
    until = now + min(one.retry_after, _LONGEST_RETRY_AFTER)
    return replace(gate, not_before=max(until, gate.not_before or until))


def _observe_one(gate: Gate, one: Seen, moment: Moment) -> Gate:
    if gate.state not in (GateState.FLOWING, GateState.PROBING) or one.started_at < gate.since:
        return gate  # only a probe opens a holding gate, and what a call met before says nothing of now
    if one.cause in _ANSWERED:
        return _answered(gate, one, moment.now)
    if one.cause is None or one.cause is Cause.LOCAL:
        return gate  # our own fault tells nothing about the line
    if gate.state is GateState.PROBING:
        return _hold(replace(gate, relapses=gate.relapses + 1), one.cause, moment)
    if one.cause is Cause.NETWORK:
        gate = replace(gate, failing=_with(gate.failing, one.recording_id))
        return _hold(gate, Cause.NETWORK, moment) if len(gate.failing) >= _ENOUGH else gate
    return _lost(gate, one, one.cause, moment)


def _answered(gate: Gate, one: Seen, now: datetime) -> Gate:
    quiet = replace(gate, failing=(), broken=(), losses=0, cause=None, relapses=0)
    if gate.state is GateState.FLOWING:
        return replace(quiet, pace=gained(gate.pace, one.started_at))
    return replace(quiet, state=GateState.FLOWING, since=now, pace=gained(restarted(gate.pace), one.started_at))


def _lost(gate: Gate, one: Seen, cause: Cause, moment: Moment) -> Gate:
    """Slow down first; at a limit of one a centre that goes on failing is left to the probes."""
    was_least = gate.pace.calls == 1 and (gate.pace.cut_at is None or one.started_at > gate.pace.cut_at)
    gate = replace(
        gate,
        broken=_with(gate.broken, one.recording_id),
        losses=min(gate.losses + 1, _ENOUGH_CALLS),
        pace=lost(gate.pace, one.started_at, moment.now),
    )
    if was_least and len(gate.broken) >= _ENOUGH and gate.losses >= _ENOUGH_CALLS:
        return _hold(gate, cause, moment)
    return gate


def _hold(gate: Gate, cause: Cause, moment: Moment) -> Gate:
    probe_at = moment.probe_after(gate.relapses)
    return replace(gate, state=GateState.HOLDING, since=moment.now, cause=cause, probe_at=probe_at)


def _with(ids: tuple[UUID, ...], one: UUID) -> tuple[UUID, ...]:
    return ids if one in ids else (*ids, one)[-_ENOUGH:]
