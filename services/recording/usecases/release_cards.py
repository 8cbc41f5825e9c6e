from services.recording import events_out
from services.recording.domain.journey import OPERATION, lane_of
from services.recording.store import blanks, recordings, stages
from shared.clock import now
from shared.events.vocabulary import Stage
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction
from shared.telemetry import current_traceparent

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
    for one in grown:
        one.awaits = "blank"
        await _tell(tx, one, outbox)
    await recordings.save(tx, grown)
    return len(grown)


async def _release(tx: Transaction, regency: str, outbox: Outbox) -> int:
    line = await blanks.first_in_line(tx, regency, _AT_MOST)
    locked = await recordings.lock(tx, line)
    stock = await blanks.lock_stock(tx, regency)
    waiting = [locked[one] for one in line if locked[one].awaits == "blank" and locked[one].is_open][:stock]
    for one in waiting:
        one.awaits = None
        await _tell(tx, one, outbox)
    await recordings.save(tx, waiting)
    await stages.open_all(tx, [_printing(one) for one in waiting])
    await blanks.change(tx, regency, -len(waiting))
    return len(waiting)


async def _tell(tx: Transaction, recording: recordings.Recording, outbox: Outbox) -> None:
    fact = events_out.print_ready(recording.awaits, None)
    await outbox.add(tx, events_out.told(recording, [fact], current_traceparent()))


def _printing(recording: recordings.Recording) -> stages.NewStage:
    lane = lane_of(recording.leaves_on, recording.arrived_at, now())
    stage = Stage.CARD_PRINTING
    return stages.NewStage(recording.id, stage, OPERATION[stage], lane, recording.office, stages.AT_ONCE, "")
