import random
from dataclasses import dataclass
from datetime import datetime

from services.recording.domain.gate import Gate, backlog_room, room, shares, unneeded
from services.recording.domain.operating import up_to_date
from services.recording.store import claims
from services.recording.store.claims import Claimed, Lease, Look
from services.recording.usecases.change_gate import change_gate
from shared.events.vocabulary import GateState, Lane, Operation
from shared.ids import uuid7
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction

_LONGEST_REST = 1.0
_IDLE_REST = 2.0  # what becomes due by the clock is known, and who writes a new stage rings; others are in no hurry
_LOCKED_REST = 0.05  # what is due is locked by somebody who is about to finish


@dataclass(frozen=True, slots=True)
class Turn:
    """What one look at an operation's queue gave, and how long to rest before the next if nobody rings."""

    claimed: list[Claimed]
    rest_seconds: float
    is_full: bool = False  # more may be due than the gate had room for


@dataclass(frozen=True, slots=True)
class _Free:
    """How many may be claimed: in all, and of the backlog."""

    places: int
    of_backlog: int


async def claim_stages(tx: Transaction, operation: Operation, *, most: int, lease: Lease, outbox: Outbox) -> Turn:
    """Claim what is due and what the gate lets through, round the offices, travellers before today before backlog."""
    stored, sequence, cursors = await claims.lock_gate(tx, operation)
    seen = await claims.look(tx, operation, stored.since)
    lanes = seen.due_lanes()
    gate = up_to_date(stored, seen.now)
    gate = gate if lanes else unneeded(gate, seen.under_way, seen.now)
    if gate != stored:
        await outbox.add(tx, await change_gate(tx, operation, stored, gate, sequence, changed_by="clock"))
    places = min(most, room(gate, seen.under_way, seen.now))
    if places == 0:
        return _no_room(gate, seen.now)
    if not lanes:
        return Turn([], min([_IDLE_REST, *seen.due_in.values()]))
    free = _Free(places, backlog_room(gate, seen.under_way))
    if lanes == [Lane.BACKLOG] and free.of_backlog == 0:
        return _kept_for_today(seen)
    claimed = await _round(tx, operation, free, {lane: cursors[lane] for lane in lanes}, lease)
    if not claimed:
        return Turn([], _LOCKED_REST)
    is_full = seen.under_way.calls + len(claimed) >= gate.pace.calls or (
        Lane.BACKLOG in lanes and _count(claimed, Lane.BACKLOG) == free.of_backlog
    )
    ceiling = gate.orders.ceiling and gate.orders.ceiling.after(len(claimed), seen.now)
    is_filled = is_full and gate.state is GateState.FLOWING
    await claims.claimed(tx, operation, cursors | _reached(claimed), is_filled=is_filled, ceiling=ceiling)
    return Turn([one for _, one in claimed], 0.0, is_full=is_full or len(claimed) == places)


def _no_room(gate: Gate, now: datetime) -> Turn:
    """Rest until there is room by the clock; else a call that ends, or a probe, rings."""
    if gate.state in (GateState.HOLDING, GateState.PAUSED):
        return Turn([], _LONGEST_REST)
    ceiling = gate.orders.ceiling
    if gate.not_before and now < gate.not_before:
        return Turn([], min(_LONGEST_REST, (gate.not_before - now).total_seconds()))
    if ceiling and ceiling.left(now) == 0:
        return Turn([], min(_LONGEST_REST, ceiling.seconds_to_next(now)))
    return Turn([], _LONGEST_REST, is_full=True)


def _kept_for_today(seen: Look) -> Turn:
    """Rest until somebody of another lane is due, for whom the places left are; a call that ends rings."""
    others = [seconds for lane, seconds in seen.due_in.items() if lane is not Lane.BACKLOG]
    return Turn([], min([_LONGEST_REST, *others]), is_full=True)


async def _round(
    tx: Transaction, operation: Operation, free: _Free, cursors: dict[Lane, str], lease: Lease
) -> list[tuple[Lane, Claimed]]:
    """Give each lane that has work its share, then whatever is left to whoever has more, on from where it came to."""
    token = uuid7()
    places = free.places
    claimed: list[tuple[Lane, Claimed]] = []
    # A turn needs no secret, so ordinary dice do.
    share_of = shares(places, random.random()) if len(cursors) > 1 else dict.fromkeys(Lane, places)  # noqa: S311
    for wanted in (share_of, dict.fromkeys(Lane, places)):
        for lane, first in cursors.items():
            number = min(wanted[lane], places - len(claimed))
            if lane is Lane.BACKLOG:
                number = min(number, free.of_backlog - _count(claimed, lane))
            if number > 0:
                cursor = _reached(claimed).get(lane, first)
                got = await claims.claim(tx, operation, lane, cursor=cursor, places=number, token=token, lease=lease)
                claimed += [(lane, one) for one in got]
        if len(cursors) == 1:
            break
    return claimed


def _count(claimed: list[tuple[Lane, Claimed]], lane: Lane) -> int:
    return sum(one is lane for one, _ in claimed)


def _reached(claimed: list[tuple[Lane, Claimed]]) -> dict[Lane, str]:
    return {lane: one.office for lane, one in claimed}
