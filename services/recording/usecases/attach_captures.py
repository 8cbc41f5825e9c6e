from services.recording.domain.journey import OPERATION, lane_of
from services.recording.store import recordings, stages
from shared.clock import now
from shared.events.envelope import Event
from shared.events.intake import CaptureAccepted
from shared.events.vocabulary import Stage
from shared.postgres.pool import Transaction


async def attach_captures(tx: Transaction, events: list[Event[CaptureAccepted]]) -> None:
    """Note the newest packet of each recording; where the identity is already checked, submission begins (anew)."""
    newest = {event.recording_id: event for event in events}
    locked = await recordings.lock(tx, list(newest))
    rows = [
        (recording_id, said.packet_version, said.dataref, said.digest, said.size)
        for recording_id, event in newest.items()
        if (said := event.data) and locked[recording_id].is_open
    ]
    if not rows:
        return
    attached = [locked[recording_id] for recording_id in await recordings.attach(tx, rows)]
    ready = [one for one in attached if Stage.IDENTITY_CHECK in one.done and Stage.DEDUPLICATION not in one.done]
    await stages.open_all(tx, [_submission(one, newest[one.id].traceparent) for one in ready])
    for one in ready:
        one.state = "in_progress"
    await recordings.save(tx, ready)


def _submission(recording: recordings.Recording, caused_by: str) -> stages.NewStage:
    return stages.NewStage(
        recording_id=recording.id,
        stage=Stage.SUBMISSION,
        operation=OPERATION[Stage.SUBMISSION],
        lane=lane_of(recording.leaves_on, recording.arrived_at, now()),
        office=recording.office,
        waits=stages.AT_ONCE,
        caused_by=caused_by,
    )
