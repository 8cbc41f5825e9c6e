"""The server chooses who goes next, by the published rule of `domain/lanes.py`."""

from dataclasses import replace

from services.intake import events_out
from services.intake.domain import tickets as steps
from services.intake.domain.lanes import lanes_from, turn_after
from services.intake.domain.visits import Sight
from services.intake.store import arrivals, tickets
from services.intake.usecases.desk import Desk
from services.intake.usecases.move_ticket import Moved
from shared.postgres.pool import Transaction


async def call_next(tx: Transaction, desk: Desk, office: str, counter: int, traceparent: str) -> Moved | None:
    """Call who goes next to this counter; absent when nobody waits. Two counters never call the same person."""
    turn = await tickets.lock_turn(tx, office)
    recording_id = await tickets.lock_next(tx, office, lanes_from(turn))
    if recording_id is None:
        return None
    (recording,) = await arrivals.lock(tx, [recording_id], Sight([office]))
    if recording.ticket is None:
        return None
    called = steps.call(recording.ticket, counter)
    recording = replace(recording, sequence=recording.sequence + 1, ticket=called)
    await tickets.save_turn(tx, office, turn_after(turn, called.lane))
    await arrivals.save(tx, [recording])
    await tickets.save(tx, [called])
    await desk.outbox.add(tx, [events_out.called(recording, counter, traceparent)])
    return Moved(recording, called)
