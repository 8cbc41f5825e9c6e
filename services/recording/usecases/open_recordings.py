from typing import Any

from services.recording.domain.journey import OPERATION, STAGES, lane_of
from services.recording.store import recordings, stages
from shared.clock import now
from shared.events.envelope import Event
from shared.events.intake import ApplicantArrived
from shared.postgres.pool import Transaction


async def open_recordings(tx: Transaction, events: list[Event[ApplicantArrived]]) -> None:
    """Begin the journeys of people who arrived: a recording each, and its first stage, due at once."""
    await recordings.open_all(tx, [_recording(event) for event in events])
    await stages.open_all(tx, [_first_stage(event) for event in events])


def _recording(event: Event[ApplicantArrived]) -> tuple[Any, ...]:
    said = event.data
    return (
        event.recording_id,
        event.office,
        said.purpose,
        said.created_by,
        said.reference,
        said.leaves_on,
        said.card_not_before,
        event.office,
        said.dataref,
        said.digest,
        said.identity_version,
        said.arrived_at,
    )


def _first_stage(event: Event[ApplicantArrived]) -> stages.NewStage:
    first = STAGES[event.data.purpose][0]
    return stages.NewStage(
        recording_id=event.recording_id,
        stage=first,
        operation=OPERATION[first],
        lane=lane_of(event.data.leaves_on, event.data.arrived_at, now()),
        office=event.office,
        waits=stages.AT_ONCE,
        caused_by=event.traceparent,
    )
