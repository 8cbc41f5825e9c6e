import structlog

from services.recording import events_out
from services.recording.store import recordings
from services.recording.store.recordings import Recording
from shared.events.envelope import Event
from shared.events.folding import CORRECTED
from shared.events.intake import ApplicantCorrected
from shared.events.vocabulary import Stage
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction

_log = structlog.get_logger()


async def correct_identities(tx: Transaction, events: list[Event[ApplicantCorrected]], *, outbox: Outbox) -> None:
    """Note the newest identity of each recording; its check begins anew, and what is not yet sent waits for it."""
    newest = {event.recording_id: event for event in events}
    locked = await recordings.lock(tx, list(newest))
    rows = [
        (recording_id, said.identity_version, said.dataref, said.digest, event.office, said.card_not_before)
        for recording_id, event in newest.items()
        if (said := event.data) and _still_helps(locked[recording_id])
    ]
    if not rows:
        return
    corrected = [locked[recording_id] for recording_id in await recordings.correct(tx, rows)]
    causes = {one.id: newest[one.id].traceparent for one in corrected}
    begun_again = await recordings.check_identity_anew(tx, causes)
    parked = await recordings.still_parked(tx, list(causes))
    for one in corrected:
        one.state = "parked" if one.id in parked else "in_progress"
        facts = [events_out.resumed(stage, CORRECTED) for whose, stage in begun_again if whose == one.id]
        await outbox.add(tx, events_out.told(one, facts, causes[one.id]))
    await recordings.save(tx, corrected)


def _still_helps(recording: Recording) -> bool:
    """A record the centre has found unique is printed as it is: intake refuses by then, unless both crossed."""
    is_late = not recording.is_open or Stage.DEDUPLICATION in recording.done
    if is_late:
        _log.warning("a correction came too late", recording_id=str(recording.id))
    return not is_late
