from uuid import UUID

from services.recording import events_out
from services.recording.store import recordings, stages
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction
from shared.problems import Conflict, NotFound
from shared.telemetry import current_traceparent


class RecordingEnded(Conflict):
    """This recording has ended."""

    slug = "recording-ended"


class CardNotPrinted(Conflict):
    """There is no card to hand over yet."""

    slug = "card-not-printed"


async def hand_over_card(tx: Transaction, recording_id: UUID, *, outbox: Outbox) -> None:
    """End a journey with the card in the person's hand."""
    recording = await _open(tx, recording_id)
    if recording.card_printed_at is None:
        raise CardNotPrinted("The card is not printed.")
    recording.state = "completed"
    await stages.close_open(tx, [recording_id])
    await outbox.add(tx, events_out.told(recording, events_out.card_handed_over(), current_traceparent()))
    await recordings.save(tx, [recording])


async def cancel_recording(tx: Transaction, recording_id: UUID, *, reason_code: str, outbox: Outbox) -> None:
    """End a journey by a person's decision; calls under way still get their ledger row."""
    recording = await _open(tx, recording_id)
    recording.state, recording.awaits = "cancelled", None
    await stages.close_open(tx, [recording_id])
    facts = [events_out.cancelled(reason_code)]
    await outbox.add(tx, events_out.told(recording, facts, current_traceparent()))
    await recordings.save(tx, [recording])


async def _open(tx: Transaction, recording_id: UUID) -> recordings.Recording:
    recording = (await recordings.lock(tx, [recording_id])).get(recording_id)
    if recording is None:
        raise NotFound("No such recording.")
    if not recording.is_open:
        raise RecordingEnded(f"The recording is {recording.state}.")
    return recording
