"""I1 and I11: what was answered for exists, and its bytes are the same everywhere."""

from collections.abc import Iterable, Iterator, Sequence

from shared.events.intake import ApplicantArrived, ApplicantCorrected, CaptureAccepted
from tools.verify.result import Result, judge
from tools.verify.seen import Accepted, Intake, Kept, Registered, Stored, Told

Version = tuple[str, int]


def nothing_accepted_is_lost(
    intake: Intake, told: Sequence[Told], stored: Stored, accepted: Accepted | None = None
) -> Result:
    """I1: row, readable bytes and event exist for every arrival and capture answered with 2xx."""
    answered = accepted or Accepted()
    counted = max(len(intake.arrivals), len(answered.recordings)), max(len(intake.captures), len(answered.packets))
    return judge(
        "I1",
        "everything answered with 2xx exists: row, bytes and event",
        f"{counted[0]:,} arrivals, {counted[1]:,} captures{', as the driver counted' if accepted else ''}",
        _lost(intake, told, stored, answered),
    )


def digests_agree(intake: Intake, told: Sequence[Told], records: Sequence[Registered], stored: Stored) -> Result:
    """I11: digest at capture = digest at the centre; no row without its object, no orphan objects."""
    return judge(
        "I11",
        "the digest at capture is the digest at the centre, and the store holds exactly what rows name",
        f"{len(records):,} at the centre, {stored.objects:,} objects",
        _differing(intake, told, records, stored),
    )


def kept_by_events(told: Iterable[Told]) -> list[Kept]:
    """Read from the history which bytes must lie in the store."""
    return [
        Kept(
            recording_id=event.key,
            packet_version=event.data.get("packet_version", 0),
            dataref=event.data["dataref"],
            digest=event.data["digest"],
        )
        for event in told
        if event.type in (ApplicantArrived.event_type, ApplicantCorrected.event_type, CaptureAccepted.event_type)
    ]


def _lost(intake: Intake, told: Sequence[Told], stored: Stored, accepted: Accepted) -> Iterator[str]:
    rows = [*intake.arrivals, *intake.captures]
    heard = {(kept.recording_id, kept.packet_version) for kept in kept_by_events([*told, *intake.waiting])}
    for row in rows:
        if (row.recording_id, row.packet_version) not in heard:
            yield f"{_name(row)}: no event on Kafka"
        if row.dataref in stored.unreadable:
            yield f"{_name(row)}: its bytes cannot be read from the store"
    for recording_id in sorted(accepted.recordings - {row.recording_id for row in intake.arrivals}):
        yield f"recording {recording_id}: answered with 2xx, no row"
    for digest in sorted(accepted.packets - {row.digest for row in intake.captures}):
        yield f"packet {digest}: answered with 2xx, no row"


def _differing(intake: Intake, told: Sequence[Told], records: Sequence[Registered], stored: Stored) -> Iterator[str]:
    said = {(one.recording_id, one.packet_version): one for one in kept_by_events([*told, *intake.waiting])}
    rows: dict[Version, Kept] = {(one.recording_id, one.packet_version): one for one in intake.captures}
    for version, row in rows.items():
        if version in said and said[version].digest != row.digest:
            yield f"{_name(row)}: row and event say different digests"
    for record in records:
        captured = rows.get((record.recording_id, record.packet_version)) or said.get(
            (record.recording_id, record.packet_version)
        )
        if captured is None:
            yield f"recording {record.recording_id}: the centre holds version {record.packet_version}, never captured"
        elif captured.digest != record.digest:
            yield f"{_name(captured)}: the centre holds other bytes"
    for kept in {**said, **rows, **{(one.recording_id, 0): one for one in intake.arrivals}}.values():
        if kept.dataref in stored.unreadable:
            yield f"{_name(kept)}: its object is missing or damaged"
    for path in stored.orphans:
        yield f"object {path}: older than an hour, and no row names it"


def _name(kept: Kept) -> str:
    what = f"packet {kept.packet_version}" if kept.packet_version else "identity"
    return f"recording {kept.recording_id}, {what}"
