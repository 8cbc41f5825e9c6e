"""Recording's own numbers on /metrics (API §8); no office and no person is a label."""

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from services.recording.events_out import Attempted
from services.recording.store import backlog, gates
from services.recording.store.backlog import Waiting
from shared.clock import now
from shared.postgres.pool import Database

_ATTEMPTS = Counter("rekam_attempts_total", "Ended calls to the centre.", ["stage", "outcome", "cause"])
_DURATION = Histogram("rekam_attempt_duration_seconds", "Time spent in each phase of a call.", ["stage", "phase"])
PROBES = Counter("rekam_probes_total", "Probes of the centre while a gate held.", ["result"])
_STATE = Gauge("rekam_gate_state", "0 flowing, 1 probing, 2 holding, 3 paused.", ["operation"])
_LIMIT = Gauge("rekam_gate_limit", "Calls of this operation that may be under way at once.", ["operation"])
_WAITING = Gauge("rekam_waiting", "Stages that wait for their call.", ["stage", "lane"])
_OLDEST = Gauge("rekam_oldest_due_seconds", "How long the stage due first has been due.", ["stage"])
_PARKED = Gauge("rekam_parked", "Stages that wait for a person, the fifty most frequent kinds.", ["signature"])
_STATES = {"flowing": 0, "probing": 1, "holding": 2, "paused": 3}


def count_attempt(attempted: Attempted) -> None:
    """Count one ended call and the time of its phases."""
    judged = attempted.judged
    cause = judged.failure.cause if judged.failure else ""
    _ATTEMPTS.labels(judged.life.stage, judged.outcome, cause).inc()
    for phase, milliseconds in attempted.trail.evidence.get("phases_ms", {}).items():
        _DURATION.labels(judged.life.stage, phase).observe(milliseconds / 1000)


async def measure(database: Database) -> None:
    """Read the queues and gates once for the gauges; large queues are estimated (`store.backlog`)."""
    async with database.connection() as connection:
        states = await gates.states(connection)
        waiting = await backlog.waiting(connection)
        parked = await gates.parked(connection)
    for row in states:
        _STATE.labels(row["operation"]).set(_STATES[row["state"]])
        _LIMIT.labels(row["operation"]).set(row["allowed"])
    _show_waiting(waiting)
    _PARKED.clear()
    for row in parked:
        _PARKED.labels(row["signature"]).set(row["count"])


def _show_waiting(waiting: Sequence[Waiting]) -> None:
    _WAITING.clear()
    first_due = {one.stage: one.first_due for one in sorted(waiting, key=lambda one: one.first_due, reverse=True)}
    for one in waiting:
        _WAITING.labels(one.stage, one.lane).inc(one.count)
    for stage, moment in first_due.items():
        _OLDEST.labels(stage).set(max(0.0, (now() - moment).total_seconds()))
