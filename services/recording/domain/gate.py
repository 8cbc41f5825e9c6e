"""The gate of one operation: it holds when the line is dead, probes, and flows again. Pure; its row is in the store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.events.vocabulary import Cause, GateState, Lane

_ENOUGH = 2  # distinct recordings that failed by the network, without a success in between
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
    """What the gate row says."""

    state: GateState
    limit: int
    failing: tuple[UUID, ...] = ()
    cause: Cause | None = None
    probe_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one call told about the line: it was reached, or failed by `cause`."""

    recording_id: UUID
    cause: Cause | None


def observe(gate: Gate, seen: Sequence[Seen], probe_at: datetime) -> Gate:
    """Learn from finished calls, in order; `probe_at` is when to probe if it has to hold."""
    for one in seen:
        gate = _observe_one(gate, one, probe_at)
    return gate


def observe_probe(gate: Gate, *, is_alive: bool, probe_at: datetime) -> Gate:
    """Learn from a probe: an answer lets one real call through, silence moves the next probe."""
    if gate.state is not GateState.HOLDING:
        return gate
    if is_alive:
        return replace(gate, state=GateState.PROBING, probe_at=None)
    return replace(gate, probe_at=probe_at)


def room(gate: Gate, in_flight: int) -> int:
    """Tell how many calls may start now."""
    allowed = {GateState.FLOWING: gate.limit, GateState.PROBING: 1}.get(gate.state, 0)
    return max(0, allowed - in_flight)


def shares(places: int, dice: float) -> dict[Lane, int]:
    """Split places among the lanes 4 : 2 : 1; `dice` in 0..1 says where to begin, for places come free one by one."""
    first = int(dice * len(_TURNS))
    turns = [_TURNS[(first + place) % len(_TURNS)] for place in range(places)]
    return {lane: turns.count(lane) for lane in Lane}


def _observe_one(gate: Gate, one: Seen, probe_at: datetime) -> Gate:
    if gate.state is GateState.PAUSED:
        return gate
    if one.cause is not Cause.NETWORK:
        return _reached(gate, one.cause)
    failing = gate.failing if one.recording_id in gate.failing else (*gate.failing, one.recording_id)[-_ENOUGH:]
    if gate.state is GateState.PROBING or (gate.state is GateState.FLOWING and len(failing) >= _ENOUGH):
        return replace(gate, state=GateState.HOLDING, failing=failing, cause=Cause.NETWORK, probe_at=probe_at)
    return replace(gate, failing=failing)


def _reached(gate: Gate, cause: Cause | None) -> Gate:
    if cause in (Cause.UNKNOWN, Cause.LOCAL):
        return gate  # tells nothing about the line
    if gate.state is GateState.HOLDING:
        return gate  # a call begun before the cut; only a probe opens a holding gate
    return replace(gate, state=GateState.FLOWING, failing=(), cause=None, probe_at=None)
