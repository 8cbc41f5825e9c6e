from services.recording.store import recordings
from shared.events.envelope import Event
from shared.events.intake import ApplicantReturned
from shared.postgres.pool import Transaction


async def move_recordings(tx: Transaction, events: list[Event[ApplicantReturned]]) -> None:
    """Follow people who came again at another office: their recording and what waits of it moves there."""
    places = {event.recording_id: event.office for event in events if event.data.moved_from}
    if places:
        await recordings.lock(tx, list(places))
        await recordings.move(tx, places)
