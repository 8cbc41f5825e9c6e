"""Keeps what the recording service says: whether a recording is open, and what its situation hangs on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.intake.domain.visits import Recording, Sight
from services.intake.store import arrivals
from shared.events import recording as heard
from shared.events.envelope import Event
from shared.events.vocabulary import Outcome, Stage
from shared.postgres.pool import Transaction

_EVERYWHERE = Sight(["%"])


async def follow_recordings(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Fold the events of each recording in order; those of recordings unknown here change nothing."""
    locked = await arrivals.lock(tx, {event.recording_id for event in events}, _EVERYWHERE)
    known = {one.id: one for one in locked}
    for event in events:
        if event.recording_id in known:
            known[event.recording_id] = _told(known[event.recording_id], event.data)
    await arrivals.save(tx, [known[one.id] for one in locked if known[one.id] is not one])


def _told(recording: Recording, data: Any) -> Recording:
    match data:
        case heard.RecordingAttempted(stage=Stage.IDENTITY_CHECK, outcome=Outcome.DONE) if not recording.facts:
            return recording  # the usual first step: no situation hangs on it
        case heard.RecordingCompleted():
            return replace(recording, is_open=False, facts={**recording.facts, "ended": "completed"})
        case heard.RecordingCancelled():
            return replace(recording, is_open=False, facts={**recording.facts, "ended": "cancelled"})
        case heard.RecordingResumed():
            return _with_stage(_with_stage(recording, data.stage, {}), data.goes_on_at(), {})
    stage = _said_of_stage(data)
    if stage:
        return _with_stage(recording, data.stage, {**_stage(recording.facts, data.stage), **stage})
    return replace(recording, facts={**recording.facts, **_said_of_papers(data)})


def _said_of_stage(data: Any) -> dict[str, Any]:
    match data:
        case heard.RecordingAttempted():
            is_done = data.outcome is Outcome.DONE
            return {"is_done": is_done, "is_parked": False, "cause": data.cause, "effect": data.effect}
        case heard.RecordingFailed():
            failed = {"cause": data.cause, "effect": data.effect, "signature": data.signature}
            return {**failed, "next": data.next.action}
        case heard.RecordingParked():
            return {"is_parked": True, "cause": data.cause, "signature": data.signature}
    return {}


def _said_of_papers(data: Any) -> dict[str, Any]:
    match data:
        case heard.CardPrintReady():
            return {"card_waits_for": data.waiting_for}
        case heard.CardPrinted():
            return {"is_card_printed": True}
        case heard.SuketIssued() | heard.SuketExtended():
            return {"suket_until": data.valid_until.isoformat()}
    return {}


def _stage(facts: Mapping[str, Any], stage: str) -> dict[str, Any]:
    found: dict[str, Any] = facts.get("stages", {}).get(stage, {})
    return found


def _with_stage(recording: Recording, stage: str, fact: dict[str, Any]) -> Recording:
    stages: Any = recording.facts.get("stages", {})
    return replace(recording, facts={**recording.facts, "stages": {**stages, stage: fact}})
