"""I5: what Kafka tells of each key is numbered without a hole and only goes where it may."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from shared.events import intake, recording
from shared.events.catalog import NOT_OF_A_RECORDING
from tools.verify.checks.journey import Journey
from tools.verify.result import Result, judge
from tools.verify.seen import Attempt, Told

_NOT_OF_A_RECORDING = {event.event_type for event in NOT_OF_A_RECORDING}


def history_is_legal(told: Sequence[Told], attempts: Sequence[Attempt]) -> Result:
    """I5: only legal transitions, nothing after the end, sequence 1..n per source and key."""
    streams = _streams(told)
    return judge(
        "I5",
        "events are numbered 1..n per source and key, only legal steps are told, nothing leaves an ended journey",
        f"{sum(map(len, streams.values())):,} events of {len(streams):,} sources and keys",
        _faults(streams, {row.id: row.started_at for row in attempts}),
    )


def _streams(told: Sequence[Told]) -> dict[tuple[str, str], list[Told]]:
    """Sort by source and key, each event once: a late publish of a stopped relay is a legal duplicate."""
    streams: dict[tuple[str, str], list[Told]] = defaultdict(list)
    known: set[str] = set()
    for event in sorted(told, key=lambda one: (one.topic, one.partition, one.offset)):
        if event.id not in known and event.topic != intake.CONTACTS_TOPIC:
            known.add(event.id)
            streams[event.source, event.key].append(event)
    return streams


def _faults(streams: Mapping[tuple[str, str], Sequence[Told]], started: Mapping[str, datetime]) -> Iterator[str]:
    for (source, key), events in streams.items():
        for before, after in pairwise([0, *(event.sequence for event in events)]):
            if after != before + 1:
                yield f"{source} {key}: {after} follows {before}"
        if source == intake.SOURCE:
            yield from _wrong_visit(key, events)
        if source == recording.SOURCE and events[0].type not in _NOT_OF_A_RECORDING:
            visit = streams.get((intake.SOURCE, key), ())
            fault = _wrong_journey(visit, events, started)
            if fault:
                yield f"recording {key}: {fault}"


def _wrong_visit(key: str, events: Sequence[Told]) -> Iterator[str]:
    arrivals = [event for event in events if event.type == intake.ApplicantArrived.event_type]
    if len(arrivals) != 1 or arrivals[0] is not events[0]:
        yield f"recording {key}: {len(arrivals)} arrivals, first told is {events[0].type}"
    versions = _versions(events)
    if sorted(set(versions)) != versions:
        yield f"recording {key}: packet versions are told as {versions}"


def _wrong_journey(visit: Sequence[Told], events: Sequence[Told], started: Mapping[str, datetime]) -> str | None:
    if not visit:
        return "has a journey, and nobody arrived"
    journey = Journey(
        purpose=visit[0].data.get("purpose", ""),
        may_start_anew=len(_versions(visit)) > 1,
        was_corrected=any(event.type == intake.ApplicantCorrected.event_type for event in visit),
        started=started,
    )
    return next((fault for event in events if (fault := journey.hear(event))), None)


def _versions(events: Sequence[Told]) -> list[int]:
    return [event.data["packet_version"] for event in events if event.type == intake.CaptureAccepted.event_type]
