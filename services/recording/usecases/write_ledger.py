"""The ledger row of an attempt, and the span that is made from it: ids minted at the claim, so none is ever missing."""

from typing import Any

from services.recording.events_out import Attempted, next_of
from shared.events.vocabulary import Phase
from shared.ids import span_id
from shared.telemetry import FinishedSpan

_NANOSECONDS = 1_000_000


def ledger_row(attempted: Attempted) -> dict[str, Any]:
    """Write one attempt as the ledger keeps it, with all of its evidence."""
    row, judged, trail = attempted.row, attempted.judged, attempted.trail
    return {
        "id": attempted.attempt_id,
        "recording_id": row.recording_id,
        "stage": judged.life.stage,
        "office": row.office,
        "number": judged.life.attempts,
        "trigger": row.trigger,
        "triggered_by": row.triggered_by,
        "operation": row.life.operation,
        "started_at": row.started_at,
        "duration_ms": trail.duration_ms,
        "outcome": judged.outcome,
        "cause": judged.failure.cause if judged.failure else None,
        "effect": judged.effect,
        "owner": attempted.owner,
        "phase_reached": trail.phase_reached,
        "phase_failed": trail.phase_failed,
        "evidence": trail.evidence,
        "next": next_of(judged),
        "signature": judged.signature,
        "trace_id": row.trace_id,
        "span_id": row.span_id,
    }


def span_of(attempted: Attempted) -> FinishedSpan:
    """Make the attempt's root span: linked to what caused it and to the attempt before, one child per phase."""
    row, judged, trail = attempted.row, attempted.judged, attempted.trail
    if row.started_at is None or row.trace_id is None or row.span_id is None:
        raise LookupError(row.recording_id)
    start = int(row.started_at.timestamp() * 1_000_000) * 1000
    failed_because = judged.signature if judged.failure else None
    return FinishedSpan(
        name=f"attempt {judged.life.stage}",
        trace_id=row.trace_id,
        span_id=row.span_id,
        start_ns=start,
        end_ns=start + int(trail.duration_ms * _NANOSECONDS),
        attributes=_attributes(attempted),
        links=[link for link in (row.caused_by, row.previous_attempt or "") if link],
        failed_because=failed_because,
        children=_phases(attempted, start),
    )


def _attributes(attempted: Attempted) -> dict[str, str | int | float | bool]:
    row, judged = attempted.row, attempted.judged
    named: dict[str, str | int | None] = {
        "rekam.recording.id": str(row.recording_id),
        "rekam.stage": judged.life.stage,
        "rekam.operation": row.life.operation,
        "rekam.attempt": judged.life.attempts,
        "rekam.office": row.office,
        "rekam.trigger": row.trigger,
        "rekam.effect": judged.effect,
        "rekam.cause": judged.failure.cause if judged.failure else None,
        "rekam.owner": attempted.owner,
        "rekam.signature": judged.signature,
    }
    return {name: value for name, value in named.items() if value is not None}


def _phases(attempted: Attempted, start: int) -> list[FinishedSpan]:
    """Lay the phases one after another, as they were; a phase without a time never began."""
    trail, row = attempted.trail, attempted.row
    spent: dict[str, float] = trail.evidence.get("phases_ms", {})
    phases = []
    for phase in Phase:
        if phase not in spent:
            continue
        end = start + int(spent[phase] * _NANOSECONDS)
        failed = str(trail.evidence.get("error") or "failed") if phase is trail.phase_failed else None
        phases.append(
            FinishedSpan(phase, row.trace_id or "", span_id(), start, end, {}, row.span_id, failed_because=failed)
        )
        start = end
    return phases
