"""What can be ordered: a stage retried, a group planned, run, paused, resumed and cancelled, a gate set."""

from argparse import Namespace

from tools.ops.asking import Recording
from tools.ops.reading import group_lines
from tools.ops.tables import Shown, table, word

_OFFICES_SHOWN = 20


def retry(recording: Recording, asked: Namespace) -> Shown:
    """Bring one stage of one recording forward."""
    path = f"/recordings/{asked.recording_id}/stages/{asked.stage}/retry"
    answer = recording.tells("POST", path, _why(asked))
    return Shown(answer, [f"{asked.stage} of {asked.recording_id} is {answer['state']}, due now."])


def plan(recording: Recording, asked: Namespace) -> Shown:
    """Freeze what a group retry would take, and touch nothing."""
    wanted = {name: getattr(asked, name) for name in ("stage", "cause", "signature", "office", "state")}
    chosen = {name: value for name, value in wanted.items() if value is not None}
    body = {"filter": chosen, **_why(asked), "dry_run": True}
    answer = recording.tells("POST", "/group-retries", body)
    if not answer["count"]:
        return Shown(answer, ["Nothing fits this filter; there is nothing to run."])
    rows = [{"office": office, "count": count} for office, count in answer["by_office"].items()]
    rows.sort(key=lambda row: -row["count"])
    lines = [
        f"{answer['count']} stage(s) at {len(rows)} office(s); nothing was touched.",
        f"Estimate: {word(answer['estimate'])}",
        *([answer["note"]] if answer.get("note") else []),
        *table({"OFFICE": "office", "COUNT": "count"}, rows[:_OFFICES_SHOWN], ""),
        *([f"and {len(rows) - _OFFICES_SHOWN} more offices"] if len(rows) > _OFFICES_SHOWN else []),
        f"Run it within the hour: python -m tools.ops run {answer['plan_id']} --reason {asked.reason}",
    ]
    return Shown(answer, lines)


def run(recording: Recording, asked: Namespace) -> Shown:
    """Let a plan run."""
    answer = recording.tells("POST", "/group-retries", {"plan_id": asked.plan_id, **_why(asked)})
    return Shown(answer, group_lines(answer))


def steer(recording: Recording, asked: Namespace) -> Shown:
    """Pause, resume or cancel a running group; what is already so, stays so."""
    answer = recording.tells("POST", f"/group-retries/{asked.group_id}/{asked.command}")
    return Shown(answer, group_lines(answer))


def pause_gate(recording: Recording, asked: Namespace) -> Shown:
    """Let no call of this operation begin, for a time."""
    return _ordered(recording, asked, {"paused": True, "minutes": asked.minutes})


def resume_gate(recording: Recording, asked: Namespace) -> Shown:
    """Lift a pause."""
    return _ordered(recording, asked, {"paused": False})


def limit_gate(recording: Recording, asked: Namespace) -> Shown:
    """Set the most calls that begin in a second, for a time; `none` lifts it."""
    return _ordered(recording, asked, {"ceiling_per_second": asked.ceiling, "minutes": asked.minutes})


def _why(asked: Namespace) -> dict[str, str]:
    return {"reason_code": asked.reason} | ({"note": asked.note} if asked.note else {})


def _ordered(recording: Recording, asked: Namespace, order: dict[str, object]) -> Shown:
    answer = recording.tells("PATCH", f"/gates/{asked.operation}", {**order, "reason_code": asked.reason})
    columns = {"OPERATION": "operation", "STATE": "state", "LIMIT": "limit", "CEILING/S": "ceiling_per_second"}
    columns |= {"SET BY": "paused_by", "REASON": "reason_code", "UNTIL": "expires_at"}
    return Shown(answer, table(columns, [answer], ""))
