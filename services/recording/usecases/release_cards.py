from collections.abc import Sequence
from uuid import UUID

from services.recording import events_out
from services.recording.domain.journey import OPERATION, lane_of
from services.recording.store import blanks, recordings, stages
from shared.clock import now
from shared.events.vocabulary import Stage
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction

_AT_MOST = 200


async def release_cards(tx: Transaction, outbox: Outbox) -> int:
    """Give blanks to those first in the published order: first-timers, then first in, first out; gives how many."""
    released = 0
    for regency in await blanks.regencies_with_both(tx):
        released += await _release(tx, regency, outbox)
    return released


async def come_of_age(tx: Transaction, outbox: Outbox) -> int:
    """Let those who turned 17 wait for a blank instead of a birthday; gives how many."""
    locked = await recordings.lock(tx, await blanks.of_age(tx, _AT_MOST))
    grown = [one for one in locked.values() if one.awaits == "birthday" and one.is_open]
    causes = await _causes(tx, grown)
    for one in grown:
        one.awaits = "blank"
        await _tell(tx, one, causes[one.id], outbox)
    await recordings.save(tx, grown)
    return len(grown)


async def _release(tx: Transaction, regency: str, outbox: Outbox) -> int:
    line = await blanks.first_in_line(tx, regency, _AT_MOST)
    locked = await recordings.lock(tx, line)
    stock = await blanks.lock_stock(tx, regency)
    waiting = [locked[one] for one in line if locked[one].awaits == "blank" and locked[one].is_open][:stock]
    causes = await _causes(tx, waiting)
    for one in waiting:
        one.awaits = None
        await _tell(tx, one, causes[one.id], outbox)
    await recordings.save(tx, waiting)
    await stages.open_all(tx, [_printing(one, causes[one.id]) for one in waiting])
    await blanks.change(tx, regency, -len(waiting))
    return len(waiting)


async def _causes(tx: Transaction, waiting: Sequence[recordings.Recording]) -> dict[UUID, str]:
    """Give what put each card in line: the attempt that found the person unique, for no request runs here."""
    found = await stages.latest_attempts(tx, [one.id for one in waiting], Stage.DEDUPLICATION)
    return {one.id: found.get(one.id, "") for one in waiting}


async def _tell(tx: Transaction, recording: recordings.Recording, caused_by: str, outbox: Outbox) -> None:
    fact = events_out.print_ready(recording.awaits, None)
    await outbox.add(tx, events_out.told(recording, [fact], caused_by))


def _printing(recording: recordings.Recording, caused_by: str) -> stages.NewStage:
    lane = lane_of(recording.leaves_on, recording.arrived_at, now())
    stage = Stage.CARD_PRINTING
    return stages.NewStage(recording.id, stage, OPERATION[stage], lane, recording.office, stages.AT_ONCE, caused_by)
