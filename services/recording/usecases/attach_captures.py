from uuid import UUID

from services.recording import events_out
from services.recording.domain.journey import OPERATION, lane_of
from services.recording.store import recordings, stages
from services.recording.store.recordings import Recording
from shared.clock import now
from shared.events.envelope import Event
from shared.events.intake import CaptureAccepted
from shared.events.recording import CAPTURED_AGAIN
from shared.events.vocabulary import Stage
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction


async def attach_captures(tx: Transaction, events: list[Event[CaptureAccepted]], *, outbox: Outbox) -> None:
    """Note the newest packet of each recording; where the identity is already checked, submission begins (anew)."""
    newest = {event.recording_id: event for event in events}
    locked = await recordings.lock(tx, list(newest))
    rows = [
        (recording_id, said.packet_version, said.dataref, said.digest, said.size, event.time)
        for recording_id, event in newest.items()
        if (said := event.data) and _still_takes_one(locked[recording_id])
    ]
    if not rows:
        return
    attached = [locked[recording_id] for recording_id in await recordings.attach(tx, rows)]
    # What the centre holds already is replaced at once, also while a corrected identity is being checked.
    ready = [one for one in attached if one.done & {Stage.IDENTITY_CHECK, Stage.SUBMISSION}]
    await _free(tx, ready, newest, outbox)
    await stages.open_all(tx, [_submission(one, newest[one.id].traceparent) for one in ready])
    await recordings.save(tx, ready)


async def _free(
    tx: Transaction, ready: list[Recording], newest: dict[UUID, Event[CaptureAccepted]], outbox: Outbox
) -> None:
    """Free what an older packet was parked for, and say so: the others would still call the person in."""
    freed = await stages.free_parked(tx, [one.id for one in ready])
    for one in ready:
        one.state = "in_progress"
        facts = [events_out.resumed(stage, CAPTURED_AGAIN) for stage in freed.get(one.id, ())]
        await outbox.add(tx, events_out.told(one, facts, newest[one.id].traceparent))


def _still_takes_one(recording: recordings.Recording) -> bool:
    """A record the centre has found unique is printed as it is; its calls keep the packet version of their keys."""
    return recording.is_open and Stage.DEDUPLICATION not in recording.done


def _submission(recording: Recording, caused_by: str) -> stages.NewStage:
    return stages.NewStage(
        recording_id=recording.id,
        stage=Stage.SUBMISSION,
        operation=OPERATION[Stage.SUBMISSION],
        lane=lane_of(recording.leaves_on, recording.arrived_at, now()),
        office=recording.office,
        waits=stages.AT_ONCE,
        caused_by=caused_by,
    )
