"""Everything heard goes one way: fold into the views, then into the log, in one transaction."""

from typing import Any

from services.status.domain.line import Gate
from services.status.store import projections as store
from services.status.usecases.fold_events import fold
from shared.events.catalog import NOT_OF_A_RECORDING
from shared.events.envelope import Event
from shared.events.recording import BlankStockChanged, GateChanged
from shared.events.vocabulary import GateState
from shared.postgres.pool import Transaction


async def record_events(tx: Transaction, events: list[Event[Any]]) -> None:
    """Project and log a batch, each event once; the log's head is locked last, so that it is locked shortly."""
    gates = [event for event in events if isinstance(event.data, GateChanged)]
    blanks = [event for event in events if isinstance(event.data, BlankStockChanged)]
    of_recordings = [event for event in events if not isinstance(event.data, NOT_OF_A_RECORDING)]
    if of_recordings:
        await _fold_recordings(tx, of_recordings)
    if gates:
        await _fold_gates(tx, gates)
    if blanks:
        newest = {event.key: (event.key, event.sequence, event.data.stock, event.time) for event in blanks}
        await store.save_blanks(tx, newest.values())
    await store.append_events(tx, events)


async def _fold_recordings(tx: Transaction, events: list[Event[Any]]) -> None:
    journeys = await store.lock_journeys(tx, {event.recording_id for event in events})
    for event in events:
        journeys[event.recording_id] = fold(journeys[event.recording_id], event)
    await store.save_journeys(tx, journeys)


async def _fold_gates(tx: Transaction, events: list[Event[GateChanged]]) -> None:
    known = await store.read_gates(tx)
    changed: dict[str, tuple[int, str, Gate]] = {}
    for event in events:
        sequence, before = known.get(event.key, (0, None))
        if 0 < event.sequence <= sequence:
            continue
        gate = _gate(event, before)
        known[event.key] = (event.sequence, gate)
        changed[event.key] = (event.sequence, event.data.changed_by, gate)
    await store.save_gates(tx, changed.values())


def _gate(event: Event[GateChanged], before: Gate | None) -> Gate:
    said = event.data
    since = (before.shut_since if before else None) or event.time
    is_flowing = said.state is GateState.FLOWING
    return Gate(said.operation, said.state, said.limit, said.cause, None if is_flowing else since, event.time)
