"""The *berita acara* of an outage: facts as JSON with one canonical form and its hash, and a page to print."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from services.recording.domain.organisations import Organisation
from shared.clock import rfc3339
from shared.events.vocabulary import Cause, Operation, Owner, Source

_PAGE = Template(Path(__file__).with_name("berita_acara.html").read_text(encoding="utf-8"))
_WIB = timezone(timedelta(hours=7))
_TOLD = (
    "by",
    "cause",
    "owner",
    "was_cause",
    "was_owner",
    "people",
    "offices",
    "merged",
    "into",
    "ended_at",
    "next_news_at",
    "ticket_ref",
    "stages_refunded",
)  # fmt: skip  a note is not among them
_CAUSES = {
    Cause.NETWORK: "Jaringan: server pusat tidak terjangkau, atau hubungan terputus di tengah jalan.",
    Cause.SERVER: "Server pusat: terjangkau, tetapi menolak, rusak, atau tidak menjawab.",
}
_OPERATIONS = {
    Operation.IDENTITY_CHECK: "pemeriksaan identitas",
    Operation.SUBMISSION: "pengiriman rekaman",
    Operation.ASK: "pertanyaan status",
    Operation.CARD_PRINT: "pencetakan kartu",
    Operation.SUKET: "penerbitan surat keterangan",
}
_SOURCES = {
    Source.CALLS: "Panggilan sebenarnya untuk pemohon",
    Source.PROBE: "Pemeriksaan berkala oleh proses terpisah, melalui jalur yang sama",
    Source.SECOND_WAY: "Pemeriksaan berkala melalui jalur lain",
    Source.OPERATOR: "Petugas",
}
_ENTRIES = {
    "opened": "Gangguan dibuka",
    "updated": "Keterangan diperbarui",
    "corrected": "Keterangan dibetulkan",
    "promised": "Kabar berikutnya dijanjikan",
    "merged": "Digabung dengan gangguan yang lebih dulu",
    "closed": "Gangguan ditutup",
}
_STATES = {"open": "masih berlangsung", "closed": "selesai", "merged": "digabung"}


def report_of(
    row: Mapping[str, Any], timeline: Sequence[Any], samples: Sequence[Mapping[str, Any]], owner: Organisation
) -> dict[str, Any]:
    """Gather the facts; whole numbers and texts only, so that every tool writes the same canonical form."""
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "since": rfc3339(row["since"]),
        "ended_at": _time(row["ended_at"]),
        "cause": row["cause"],
        "owner": row["owner"],
        "organisation": {"name": owner.name, "contact": owner.contact},
        "confidence": row["confidence"],
        "because": row["because"],
        "operations": list(row["operations"]),
        "sources": [_source(Source(one), row["witnesses"]) for one in row["sources"]],
        "offices": row["offices"],
        "people": row["people"],
        "next_news_at": _time(row["next_news_at"]),
        "ticket_ref": row["ticket_ref"],
        "merged_into": str(row["merged_into"]) if row["merged_into"] else None,
        "timeline": [_entry(entry) for entry in timeline],
        "samples": [_sample(one) for one in samples],
    }


def canonical(report: Mapping[str, Any]) -> bytes:
    """Write it in the one form that is hashed: sorted keys, no white space, UTF-8."""
    return json.dumps(report, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256_of(report: Mapping[str, Any]) -> str:
    """Give the hash over the canonical form, as `sha256sum` prints it."""
    return hashlib.sha256(canonical(report)).hexdigest()


def page(report: Mapping[str, Any], sha256: str) -> str:
    """Write the page to print: plain Indonesian, its own style, no script."""
    owner = Owner(report["owner"])
    named = ", ".join(word for word in report["organisation"].values() if word)
    facts = {
        "id": report["id"],
        "state": _STATES[report["state"]],
        "since": _local(report["since"]),
        "ended_at": _local(report["ended_at"]) if report["ended_at"] else "belum berakhir",
        "cause": _CAUSES[Cause(report["cause"])],
        "owner": "Belum dapat ditentukan" if owner is Owner.UNDETERMINED else named,
        "operations": ", ".join(_OPERATIONS[Operation(one)] for one in report["operations"]),
        "offices": report["offices"],
        "people": report["people"],
        "because": report["because"],
        "next_news_at": _local(report["next_news_at"]) if report["next_news_at"] else "belum ada",
        "ticket_ref": report["ticket_ref"] or "belum ada",
        "sha256": sha256,
    }
    timeline = [(_local(one["at"]), _ENTRIES[one["kind"]], _saw(one["said"])) for one in report["timeline"]]
    rows = {
        "sources": _rows([(_SOURCES[Source(one["source"])], _saw(one["saw"])) for one in report["sources"]]),
        "timeline": _rows(timeline),
        "samples": _rows([_sample_row(one) for one in report["samples"]]),
    }
    return _PAGE.substitute({name: escape(str(value)) for name, value in facts.items()} | rows)


def _source(source: Source, witnesses: Mapping[str, Any]) -> dict[str, Any]:
    probe = witnesses.get("probe") or {}
    saw: dict[str, Any] = {}
    if source is Source.CALLS:
        calls = witnesses.get("calls", {})
        saw = {operation: one["because"] for operation, one in calls.items()}
    elif source is Source.PROBE:
        saw = {name: probe.get(name) for name in ("at", "centre_answered", "cause", "because", "neutral_reached")}
    elif source is Source.SECOND_WAY:
        saw = {"at": probe.get("at"), "centre_answered": probe.get("second_way_answered")}
    return {"source": source, "saw": saw}


def _entry(entry: Any) -> dict[str, Any]:
    said = {name: entry["said"][name] for name in _TOLD if entry["said"].get(name) is not None}
    return {"at": rfc3339(entry["at"]), "kind": entry["kind"], "said": said}


def _sample(row: Mapping[str, Any]) -> dict[str, Any]:
    named = ("stage", "operation", "outcome", "cause", "effect", "phase_failed", "because", "trace_id")
    times = {"started_at": rfc3339(row["started_at"]), "duration_ms": round(row["duration_ms"])}
    return {"attempt_id": str(row["id"]), **times, **{name: row[name] for name in named}}


def _sample_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    took = f"{one['duration_ms']} ms"
    operation = _OPERATIONS[Operation(one["operation"])]
    return _local(one["started_at"]), took, operation, one["because"] or "", one["attempt_id"], one["trace_id"]


def _rows(rows: Sequence[Sequence[str]]) -> str:
    cells = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    return "\n".join(f"<tr>{row}</tr>" for row in cells)


def _saw(said: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {_word(value)}" for name, value in said.items())


def _word(value: object) -> str:
    if value is None:
        return "tidak diketahui"
    return {True: "ya", False: "tidak"}[value] if isinstance(value, bool) else str(value)


def _local(moment: str) -> str:
    at = datetime.fromisoformat(moment).astimezone(_WIB)
    return f"{at:%Y-%m-%d %H:%M:%S} WIB"


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
