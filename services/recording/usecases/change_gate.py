from services.recording import events_out
from services.recording.domain.gate import Gate
from services.recording.store import gates
from shared.events.envelope import Data, Event
from shared.events.vocabulary import Operation
from shared.postgres.pool import Transaction


async def change_gate(
    tx: Transaction, operation: Operation, before: Gate, after: Gate, sequence: int, *, changed_by: str
) -> list[Event[Data]]:
    """Save a locked gate; a new state, and whatever a person ordered or the clock ended, is told."""
    if after == before:
        return []
    told = (before.state, before.orders.until, before.orders.per_second)
    is_told = told != (after.state, after.orders.until, after.orders.per_second)
    sequence += int(is_told)
    await gates.save(tx, operation, after, sequence)
    return [events_out.gate_changed(operation, after, sequence=sequence, changed_by=changed_by)] if is_told else []
