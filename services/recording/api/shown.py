"""How a recording, a stage and an attempt are shown; the situation comes from the one function all services use."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.recording.domain.journey import STAGES, lacks
from services.recording.domain.stage import is_held_back
from services.recording.store.recordings import Recording
from shared.events.situation import (
    Facts,
    Situation,
    StageFact,
    dukcapil_status,
    next_news_at,
    situation_of,
    whose_turn,
)
from shared.events.vocabulary import Cause, Effect, GateState, NextAction, Operation, Purpose, Stage, WhoActs

_WAITS_FOR = {WhoActs.REGENCY: "regency", WhoActs.US: "operator", WhoActs.CENTRE: "centre"}
_LONG_CHECK = timedelta(days=3)
HELD = (GateState.HOLDING, GateState.PAUSED)


def recording_shown(recording: Recording, rows: list[Any], held: set[str]) -> dict[str, Any]:
    """Show one recording with all stages its purpose has, also those that do not exist yet."""
    facts = facts_of(recording, rows, held)
    situation = situation_of(facts)
    by_stage = {row["stage"]: row for row in rows}
    known = [*STAGES[recording.purpose], *(stage for stage in by_stage if stage not in STAGES[recording.purpose])]
    return {
        "id": recording.id,
        "office": recording.office,
        "purpose": recording.purpose,
        "reference": recording.reference,
        "state": recording.state,
        "situation": situation,
        "whose_turn": whose_turn(situation),
        "next_news_at": _promise(recording, rows, situation),
        "dukcapil_status": dukcapil_status(facts),
        "suket_until": recording.suket_until,
        "stages": [_stage_shown(recording, Stage(stage), by_stage.get(stage), held) for stage in known],
        "version": recording.version,
    }


def _promise(recording: Recording, rows: list[Any], situation: Situation) -> datetime | None:
    needs_capture = recording.purpose is not Purpose.SUKET_EXTENSION
    unsent_since = recording.captured_at if needs_capture else recording.arrived_at
    return next_news_at(situation, unsent_since=unsent_since, submitted_at=_submitted_at(rows))


def _submitted_at(rows: list[Any]) -> datetime | None:
    return next((row["done_at"] for row in rows if row["stage"] == Stage.SUBMISSION), None)


def facts_of(recording: Recording, rows: list[Any], held: set[str]) -> Facts:
    """Gather what the situation depends on from the rows."""
    current = next((row["operation"] for row in rows if row["state"] in ("waiting", "in_flight")), None)
    submitted = _submitted_at(rows)
    return Facts(
        purpose=recording.purpose,
        has_capture=recording.packet_version is not None,
        is_completed=recording.state == "completed",
        is_cancelled=recording.state == "cancelled",
        is_card_printed=recording.card_printed_at is not None,
        card_waits_for=recording.awaits,
        suket_until=recording.suket_until,
        is_checking_long=submitted is not None and datetime.now(UTC) - submitted > _LONG_CHECK,
        stages={Stage(row["stage"]): _fact(row) for row in rows},
        line_is_down=current in held,
    )


def attempt_shown(row: Any, traces_url: str, *, with_evidence: bool) -> dict[str, Any]:
    """Show a ledger row; the evidence is not for agencies."""
    shown = {name: row[name] for name in row.keys() if name not in ("span_id", "evidence", "triggered_by")}  # noqa: SIM118  an asyncpg Record iterates over values
    shown["duration_ms"] = round(row["duration_ms"], 1)
    if with_evidence:
        shown["phases_ms"] = row["evidence"].get("phases_ms", {})
        shown["evidence"] = row["evidence"]
        shown["triggered_by"] = row["triggered_by"]
    shown["trace_url"] = f"{traces_url}/traces/{row['trace_id']}" if traces_url else None
    return shown


def _stage_shown(recording: Recording, stage: Stage, row: Any | None, held: set[str]) -> dict[str, Any]:
    if row is None:
        has_capture = recording.packet_version is not None
        waits = lacks(recording.purpose, stage, has_capture=has_capture, awaits=recording.awaits)
        return {"stage": stage, "state": "waiting", "attempts": 0, "strikes": 0, "due_at": None, "waiting_for": waits}
    shown = {name: row[name] for name in ("stage", "state", "attempts", "strikes", "last_failure")}
    has_time = row["state"] == "waiting" and not is_held_back(row["due_at"])
    shown["due_at"] = row["due_at"] if has_time else None
    shown["waiting_for"] = _waiting_for(row, held)
    return shown


def _waiting_for(row: Any, held: set[str]) -> str | None:
    if row["state"] == "parked":
        return _WAITS_FOR.get(WhoActs(row["who_must_act"]))
    if row["state"] != "waiting":
        return None
    if row["operation"] in held:
        return "link"
    is_asked_about = row["operation"] == Operation.ASK and row["stage"] == Stage.DEDUPLICATION
    if is_asked_about or is_held_back(row["due_at"]):
        return "centre"
    return "due_time"


def _fact(row: Any) -> StageFact:
    failure = row["last_failure"] or {}
    return StageFact(
        is_done=row["state"] == "done",
        is_parked=row["state"] == "parked",
        cause=Cause(failure["cause"]) if failure else None,
        effect=Effect(failure["effect"]) if failure else None,
        next_action=NextAction(failure["next"]) if failure else None,
        signature=row["signature"] or "",
    )
