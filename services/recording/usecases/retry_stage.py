from dataclasses import replace
from uuid import UUID

from services.recording import events_out
from services.recording.domain.group_retry import Because
from services.recording.domain.stage import IllegalTransition, retry_by_hand
from services.recording.store import group_items, recordings, stages
from shared.events.vocabulary import Stage, Trigger
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction, clock
from shared.problems import Conflict, NotFound
from shared.telemetry import current_traceparent


class StageNotRetryable(Conflict):
    """This stage is done or under way, and cannot be retried."""

    slug = "stage-not-retryable"


async def retry_stage(
    tx: Transaction, recording_id: UUID, stage: Stage, *, reason_code: str, subject: str, outbox: Outbox
) -> None:
    """Bring one stage of one recording forward by hand; the attempt keeps who asked for it."""
    recording = (await recordings.lock(tx, [recording_id])).get(recording_id)
    row = await stages.lock_one(tx, recording_id, stage)
    if recording is None or row is None:
        raise NotFound("No such stage: what it waits for has not happened yet.")
    now = await clock(tx)
    try:
        life = retry_by_hand(row.life, now)
    except IllegalTransition as error:
        raise StageNotRetryable(f"The stage is {row.life.state}.") from error
    by_hand = replace(row, life=life, trigger=Trigger.OPERATOR, triggered_by=subject, group_id=None)
    await stages.save_all(tx, [by_hand])
    if row.group_id is not None:
        await group_items.skip(tx, row.group_id, {(recording_id, str(stage)): Because.CHANGED_HANDS})
    if row.life.state == "parked":
        recording.state = "in_progress"
        facts = [events_out.resumed(stage, reason_code)]
        await outbox.add(tx, events_out.told(recording, facts, current_traceparent()))
    await recordings.save(tx, [recording])
