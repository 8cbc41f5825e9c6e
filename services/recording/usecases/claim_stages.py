import random
from dataclasses import dataclass
from datetime import timedelta

from services.recording.domain.gate import room, shares
from services.recording.store import claims
from services.recording.store.claims import Claimed
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


async def claim_stages(tx: Transaction, operation: Operation, *, most: int, lease: timedelta) -> Turn:
    """Claim what is due and what the gate lets through, round the offices, travellers before today before backlog."""
    gate, cursors = await claims.lock_gate(tx, operation)
    places = min(most, room(gate, await claims.count_in_flight(tx, operation)))
    if places == 0:
        return Turn([], _LONGEST_REST)
    # One probe of an index spares the walk round all offices while nothing is due, which is most of the time.
    due = await claims.seconds_until_due(tx, operation)
    if due is None or due > 0:
        return Turn([], _LONGEST_REST if due is None else min(_LONGEST_REST, due))
    claimed = await _round(tx, operation, places, cursors, lease)
    if not claimed:
        return Turn([], _LOCKED_REST)
    await claims.move_cursors(tx, operation, cursors)
    return Turn(claimed, 0.0)


async def _round(
    tx: Transaction, operation: Operation, places: int, cursors: dict[Lane, str], lease: timedelta
) -> list[Claimed]:
    token = uuid7()
    claimed: list[Claimed] = []
    # First each lane's share, then whatever is left to whoever has work.
    for wanted in (shares(places, random.random()), dict.fromkeys(Lane, places)):  # noqa: S311  a turn, no secret
        for lane, share in wanted.items():
            number = min(share, places - len(claimed))
            if number <= 0:
                continue
            got = await claims.claim(tx, operation, lane, cursor=cursors[lane], places=number, token=token, lease=lease)
            if got:
                cursors[lane] = got[-1].office
            claimed += got
    return claimed
