import random
from collections.abc import Sequence
from datetime import timedelta

from services.recording.domain.answers import Failed
from services.recording.domain.gate import Moment, Seen, observe, observe_probe
from services.recording.events_out import Attempted
from services.recording.store import gates
from services.recording.usecases.change_gate import change_gate
from shared.events.envelope import Data, Event
from shared.events.vocabulary import Cause, Operation
from shared.postgres.pool import Transaction, clock

# Answers about one recording, though they count as the centre's failures there: line and centre did their part.
_OF_ONE_RECORDING = frozenset({"search_failure", "not_at_centre"})
_WORKER_DIED = "lease_expired"  # ours, whatever the ledger has to assume


async def learn_gates(tx: Transaction, attempted: Sequence[Attempted], *, rest: timedelta) -> list[Event[Data]]:
    """Let each operation's gate learn from finished calls; gives the events of gates that changed their state."""
    events: list[Event[Data]] = []
    for operation in Operation:
        seen = [one for one in map(_seen, attempted) if one and one[0] is operation]
        events += await _learn(tx, operation, [one for _, one in seen], rest) if seen else []
    return events


async def learn_from_probe(
    tx: Transaction, operation: Operation, *, is_alive: bool, rest: timedelta
) -> list[Event[Data]]:
    """Let a holding gate learn from its probe."""
    before, sequence = await gates.lock(tx, operation)
    after = observe_probe(before, is_alive=is_alive, moment=await _moment(tx, rest))
    return await change_gate(tx, operation, before, after, sequence, changed_by="probe")


async def _learn(tx: Transaction, operation: Operation, seen: Sequence[Seen], rest: timedelta) -> list[Event[Data]]:
    began = min(one.started_at for one in seen)
    if all(one.cause is None for one in seen) and await gates.is_calm(tx, operation, began):
        return []
    before, sequence = await gates.lock(tx, operation)
    after = observe(before, seen, await _moment(tx, rest))
    return await change_gate(tx, operation, before, after, sequence, changed_by="calls")


async def _moment(tx: Transaction, rest: timedelta) -> Moment:
    """Read the clock under the gate's lock: no claim lies between it and what is learnt."""
    return Moment(await clock(tx), rest, random.random())  # noqa: S311  jitter


def _seen(attempted: Attempted) -> tuple[Operation, Seen] | None:
    row, failure = attempted.row, attempted.judged.failure
    if row.started_at is None:
        return None
    cause, asked = (failure.cause, timedelta()) if failure else (None, timedelta())
    if isinstance(failure, Failed):
        cause = _cause(failure)
        asked = timedelta(seconds=failure.retry_after_seconds or 0)
    return row.life.operation, Seen(row.recording_id, cause, row.started_at, asked)


def _cause(failure: Failed) -> Cause | None:
    if failure.code in _OF_ONE_RECORDING:
        return None
    return Cause.LOCAL if failure.code == _WORKER_DIED else failure.cause
