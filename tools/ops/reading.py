"""What can be looked at: failures, gates, the link, outages and their reports, retries of groups."""

from argparse import Namespace
from typing import Any

from tools.ops.asking import Recording
from tools.ops.tables import Shown, table, word

_FAILURES = {"COUNT": "count", "WHAT": "group", "OLDEST": "oldest", "NEWEST": "newest", "EXAMPLE": "example"}
_GATES = {
    "OPERATION": "operation",
    "STATE": "state",
    "CAUSE": "cause",
    "LIMIT": "limit",
    "CALLS": "in_flight",
    "CEILING/S": "ceiling_per_second",
    "TRAVELLER": "backlog.traveller",
    "TODAY": "backlog.today",
    "BACKLOG": "backlog.backlog",
    "DRAINED": "drained",
    "SET BY": "paused_by",
    "UNTIL": "expires_at",
}
_LINK = {
    "OPERATION": "operation",
    "VERDICT": "verdict",
    "OWNER": "owner",
    "CONFIDENCE": "confidence",
    "SOURCES": "sources",
    "SINCE": "since",
    "BECAUSE": "because",
}
_OUTAGES = {
    "ID": "id",
    "STATE": "state",
    "CAUSE": "cause",
    "OWNER": "owner",
    "CONFIDENCE": "confidence",
    "SINCE": "since",
    "ENDED": "ended_at",
    "OFFICES": "offices",
    "PEOPLE": "people",
    "OPERATIONS": "operations",
}
_GROUPS = {
    "ID": "id",
    "STATE": "state",
    "WAVE": "wave",
    "COUNT": "count",
    "ITEMS": "counts",
    "RESTS BECAUSE": "paused_because",
    "BY": "requested_by",
    "MADE": "made_at",
}


def failures(recording: Recording, asked: Namespace) -> Shown:
    """Count failed attempts by kind, most frequent first."""
    answer = recording.reads("/failures", group_by=asked.by, limit=asked.limit)
    items = [item | {"example": (item["examples"] or [None])[0]} for item in answer["items"]]
    return Shown(answer, table(_FAILURES, items, "No attempt has failed."))


def gates(recording: Recording, _asked: Namespace) -> Shown:
    """Show each operation's gate and what waits behind it."""
    answer = recording.reads("/gates")
    items = [item | {"drained": _span(item.get("drain_eta"))} for item in answer["items"]]
    return Shown(answer, table(_GATES, items, "There is no gate."))


def link(recording: Recording, _asked: Namespace) -> Shown:
    """Answer "network or server?" per operation."""
    answer = recording.reads("/link")
    return Shown(answer, table(_LINK, answer["items"], "Nobody has looked yet."))


def outages(recording: Recording, asked: Namespace) -> Shown:
    """List the outage ledger, newest first."""
    state = "open" if asked.open else None
    answer = recording.reads("/outage-ledger", state=state, since=asked.since, limit=asked.limit)
    return Shown(
        answer, table(_OUTAGES, answer["items"], "No outage is open." if asked.open else "No outage is known.")
    )


def report(recording: Recording, asked: Namespace) -> Shown:
    """Give an outage's report: as text, as the page to print, or as JSON with its hash."""
    path = f"/outage-ledger/{asked.outage_id}/report"
    if asked.html:
        page = recording.page(path)
        return Shown(page, [page])
    answer = recording.reads(path)
    told = answer.get("report", {})
    facts = {name: value for name, value in told.items() if name not in ("timeline", "samples", "sources")}
    width = max((len(name) for name in facts), default=0)
    lines = [f"{name.ljust(width)}  {word(value)}" for name, value in facts.items()]
    lines += ["", *table({"SOURCE": "source", "SAW": "saw"}, told.get("sources", []), "No source is named.")]
    lines += [
        "",
        *table({"AT": "at", "WHAT": "kind", "SAID": "said"}, told.get("timeline", []), "Nothing was entered."),
    ]
    return Shown(answer, [*lines, "", f"sha256  {answer.get('sha256')}"])


def groups(recording: Recording, asked: Namespace) -> Shown:
    """List retries of groups, or show one."""
    if asked.group_id:
        answer = recording.reads(f"/group-retries/{asked.group_id}")
        return Shown(answer, group_lines(answer))
    answer = recording.reads("/group-retries", state=asked.state, limit=asked.limit)
    return Shown(answer, table(_GROUPS, answer["items"], "No group was retried."))


def group_lines(answer: dict[str, Any]) -> list[str]:
    """Say where a group is."""
    return [*table(_GROUPS, [answer], ""), *([answer["note"]] if answer.get("note") else [])]


def _span(eta: dict[str, Any] | None) -> str | None:
    return f"{word(eta['low'])} to {word(eta['high'])}" if eta else None
