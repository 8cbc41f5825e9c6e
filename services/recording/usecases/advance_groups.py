"""One turn of one running group retry: judge the wave that ended, begin the next in one transaction."""

from dataclasses import replace
from enum import Enum
from uuid import UUID

from services.recording import events_out
from services.recording.domain.group_retry import Because, Complete, PauseItself, StartWave, Wait, decide, misfit
from services.recording.domain.stage import bring_forward, retry_by_hand
from services.recording.store import gates, group_items, group_retries, recordings, stages
from services.recording.store.group_items import Key
from services.recording.store.group_retries import GroupRow
from services.recording.usecases.retry_groups import tell_progress
from shared.events.envelope import Data, Event
from shared.events.vocabulary import GateState, Trigger
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction, clock

_SIDE_LOOK = 500  # how many are looked at for a small wave, so that long runs of misfits are soon behind us


class Turn(Enum):
    """What came of a group's turn."""

    BEGAN = "began"  # a wave: wake the workers
    BUSY = "busy"  # its wave is being called for
    RESTS = "rests"


async def advance_group(tx: Transaction, group_id: UUID, *, outbox: Outbox) -> Turn:
    """Take a group's turn unless another worker has it."""
    group = await group_retries.take(tx, group_id)
    if group is None:
        return Turn.RESTS
    if await group_items.has_fresh(tx, group.id, group.life.wave):
        return Turn.BUSY
    # A probing gate too: it waits for one real call, and nobody else may have one.
    flowing = sorted(await gates.operations_in(tx, [GateState.FLOWING, GateState.PROBING]))
    decision = decide(group.life, await group_items.progress(tx, group.id, group.life.wave, flowing))
    match decision:
        case Wait():
            return Turn.RESTS
        case PauseItself(after) | Complete(after):
            group.life = after
            await tell_progress(tx, group, outbox)
            return Turn.RESTS
        case StartWave(after, size):
            group.life = after
            await _start_wave(tx, group, flowing, size, outbox)
            await tell_progress(tx, group, outbox)
            return Turn.BEGAN


async def _start_wave(tx: Transaction, group: GroupRow, flowing: list[str], size: int, outbox: Outbox) -> None:
    picked = await group_items.pick(tx, group.id, flowing, max(size, _SIDE_LOOK))
    left_alone = await _misfits(tx, group, picked)
    chosen = [key for key in picked if key not in left_alone][:size]
    if chosen:
        locked = await recordings.lock(tx, sorted({recording for recording, _ in chosen}))
        rows = await stages.lock_many(tx, chosen)
        left_alone |= await _misfits(tx, group, chosen)  # again, now that nobody can change them
        begun = [key for key in chosen if key not in left_alone]
        await _begin(tx, group, locked, [rows[key] for key in begun], outbox)
        await group_items.start(tx, group.id, begun, group.life.wave)
    await group_items.skip(tx, group.id, left_alone)


async def _misfits(tx: Transaction, group: GroupRow, keys: list[Key]) -> dict[Key, Because]:
    seen = await group_items.look(tx, group.id, keys, group.takes)
    return {key: because for key, (frozen, present) in seen.items() if (because := misfit(frozen, present))}


async def _begin(
    tx: Transaction,
    group: GroupRow,
    locked: dict[UUID, recordings.Recording],
    rows: list[stages.StageRow],
    outbox: Outbox,
) -> None:
    """Let locked stages go on, due now; whoever was parked is told to be resumed."""
    now = await clock(tx)
    changed: list[stages.StageRow] = []
    events: list[Event[Data]] = []
    for row in rows:
        life = (retry_by_hand if row.life.state == "parked" else bring_forward)(row.life, now)
        changed.append(
            replace(row, life=life, trigger=Trigger.GROUP, triggered_by=group.requested_by, group_id=group.id)
        )
        if row.life.state == "parked":
            recording = locked[row.recording_id]
            recording.state = "in_progress"
            facts = [events_out.resumed(row.life.stage, group.reason_code)]
            events += events_out.told(recording, facts, group.traceparent)
    await outbox.add(tx, events)
    await stages.save_all(tx, changed)
    await recordings.save(tx, [locked[recording] for recording in {row.recording_id for row in changed}])
