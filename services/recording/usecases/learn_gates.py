from collections.abc import Sequence
from datetime import datetime, timedelta

from services.recording import events_out
from services.recording.domain.gate import Gate, Seen, observe, observe_probe
from services.recording.events_out import Attempted
from services.recording.store import gates
from shared.events.envelope import Data, Event
from shared.events.vocabulary import Cause, Operation
from shared.postgres.pool import Transaction, clock


async def learn_gates(tx: Transaction, attempted: Sequence[Attempted], probe_at: datetime) -> list[Event[Data]]:
    """Let each operation's gate learn from finished calls; gives the events of gates that changed their state."""
    events: list[Event[Data]] = []
    for operation in Operation:
        seen = [_seen(one) for one in attempted if one.row.life.operation is operation]
        if not seen or (not _tells_trouble(seen) and await gates.is_calm(tx, operation)):
            continue
        before, sequence = await gates.lock(tx, operation)
        events += await _save(tx, operation, before, observe(before, seen, probe_at), sequence, changed_by="calls")
    return events


async def learn_from_probe(
    tx: Transaction, operation: Operation, *, is_alive: bool, rest: timedelta
) -> list[Event[Data]]:
    """Let a holding gate learn from its probe."""
    before, sequence = await gates.lock(tx, operation)
    now = await clock(tx)
    after = observe_probe(before, is_alive=is_alive, probe_at=now + rest)
    return await _save(tx, operation, before, after, sequence, changed_by="probe")


async def _save(
    tx: Transaction, operation: Operation, before: Gate, after: Gate, sequence: int, *, changed_by: str
) -> list[Event[Data]]:
    if after == before:
        return []
    changed = after.state is not before.state
    sequence += int(changed)
    await gates.save(tx, operation, after, sequence)
    return [events_out.gate_changed(operation, after, sequence=sequence, changed_by=changed_by)] if changed else []


def _seen(attempted: Attempted) -> Seen:
    failure = attempted.judged.failure
    return Seen(attempted.row.recording_id, failure.cause if failure else None)


def _tells_trouble(seen: Sequence[Seen]) -> bool:
    return any(one.cause is Cause.NETWORK for one in seen)
