"""Keeps what the recording service says: whether a recording is open, and what its situation hangs on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.intake.domain.visits import Recording, Sight
from services.intake.store import arrivals
from shared.events.envelope import Event
from shared.events.folding import progressed
from shared.events.recording import RecordingAttempted
from shared.events.vocabulary import Outcome, Stage
from shared.postgres.pool import Transaction

_EVERYWHERE = Sight(["%"])


async def follow_recordings(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Fold the events of each recording in order; those of recordings unknown here change nothing."""
    locked = await arrivals.lock(tx, {event.recording_id for event in events}, _EVERYWHERE)
    known = {one.id: one for one in locked}
    for event in events:
        if event.recording_id in known:
            known[event.recording_id] = _told(known[event.recording_id], event)
    await arrivals.save(tx, [known[one.id] for one in locked if known[one.id] is not one])


def _told(recording: Recording, event: Event[Any]) -> Recording:
    match event.data:
        case RecordingAttempted(stage=Stage.IDENTITY_CHECK, outcome=Outcome.DONE) if not recording.progress.stages:
            return recording  # the usual first step: no situation hangs on it
    progress = progressed(recording.progress, event.data, event.time)
    return replace(recording, progress=progress, is_open=not (progress.is_completed or progress.is_cancelled))
