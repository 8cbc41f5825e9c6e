import random
from dataclasses import dataclass

from services.recording.domain.gate import room, shares
from services.recording.store import claims
from services.recording.store.claims import Claimed, Lease
from shared.events.vocabulary import Lane, Operation
from shared.ids import uuid7
from shared.postgres.pool import Transaction

_LONGEST_REST = 1.0
_LOCKED_REST = 0.05  # what is due is locked by somebody who is about to finish


@dataclass(frozen=True, slots=True)
class Turn:
    """What one look at an operation's queue gave, and how long to rest before the next if nobody rings."""

    claimed: list[Claimed]
    rest_seconds: float
    is_full: bool = False  # more may be due than the gate had room for


async def claim_stages(tx: Transaction, operation: Operation, *, most: int, lease: Lease) -> Turn:
    """Claim what is due and what the gate lets through, round the offices, travellers before today before backlog."""
    gate, cursors = await claims.lock_gate(tx, operation)
    seen = await claims.look(tx, operation)
    places = min(most, room(gate, seen.in_flight))
    if places == 0:
        return Turn([], _LONGEST_REST, is_full=True)
    lanes = seen.due_lanes()
    if not lanes:
        return Turn([], min([_LONGEST_REST, *seen.due_in.values()]))
    claimed = await _round(tx, operation, places, {lane: cursors[lane] for lane in lanes}, lease)
    if not claimed:
        return Turn([], _LOCKED_REST)
    await claims.move_cursors(tx, operation, cursors | _reached(claimed))
    return Turn([one for _, one in claimed], 0.0, is_full=len(claimed) == places)


async def _round(
    tx: Transaction, operation: Operation, places: int, cursors: dict[Lane, str], lease: Lease
) -> list[tuple[Lane, Claimed]]:
    """Give each lane that has work its share, then whatever is left to whoever has more."""
    token = uuid7()
    claimed: list[tuple[Lane, Claimed]] = []
    # A turn needs no secret, so ordinary dice do.
    share_of = shares(places, random.random()) if len(cursors) > 1 else dict.fromkeys(Lane, places)  # noqa: S311
    for wanted in (share_of, dict.fromkeys(Lane, places)):
        for lane, cursor in cursors.items():
            number = min(wanted[lane], places - len(claimed))
            if number > 0:
                got = await claims.claim(tx, operation, lane, cursor=cursor, places=number, token=token, lease=lease)
                claimed += [(lane, one) for one in got]
        if len(cursors) == 1:
            break
    return claimed


def _reached(claimed: list[tuple[Lane, Claimed]]) -> dict[Lane, str]:
    return {lane: one.office for lane, one in claimed}
