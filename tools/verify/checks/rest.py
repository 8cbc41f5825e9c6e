"""I6, I10 and I13: the history gives the same views, tells nobody's name, and comes to rest."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tools.verify.result import Result, judge
from tools.verify.seen import Kept, Ledger, Rebuild, RecordingRow, Rest, Search, StageRow

_MEGABYTE = 1_000_000


def rebuild_is_same(rebuild: Rebuild) -> Result:
    """I6: rebuilding status from Kafka gives the same tables, by hash."""
    differs = [f"live {rebuild.live[:16]}… of {rebuild.live_events:,} events, rebuilt {rebuild.rebuilt[:16]}…"]
    return judge(
        "I6",
        "status rebuilt from Kafka is the status that is served, by hash",
        f"{rebuild.events:,} events, {rebuild.rebuilt[:12]}",
        differs if rebuild.live != rebuild.rebuilt else [],
    )


def no_personal_data(search: Search) -> Result:
    """I10: no marker bytes of a person in topics, logs, spans, tables or store."""
    return judge(
        "I10",
        "no personal data in topics, logs, spans, tables or store",
        f"{search.mode}, {search.places:,} places, {search.size / _MEGABYTE:,.0f} MB",
        (f"{found.place}: {found.what}" for found in search.found),
    )


def all_is_finished(ledger: Ledger, arrivals: Sequence[Kept], rest: Rest) -> Result:
    """I13: nothing unparked is unfinished but what waits for a person or a date; nothing is on its way."""
    excused: Counter[str] = Counter()
    faults = [*_unfinished(ledger, arrivals, excused), *_on_its_way(rest)]
    waits = "".join(f", {count:,} {reason}" for reason, count in sorted(excused.items()))
    return judge(
        "I13",
        "nothing unparked is unfinished; outboxes, lag and quarantine are empty",
        f"{len(ledger.recordings):,} recordings{waits}",
        faults,
    )


def _unfinished(ledger: Ledger, arrivals: Sequence[Kept], excused: "Counter[str]") -> Iterator[str]:
    recordings = {row.id: row for row in ledger.recordings}
    for arrival in arrivals:
        if arrival.recording_id not in recordings:
            yield f"recording {arrival.recording_id}: arrived, and recording never opened it"
    at_work: set[str] = set()
    for stage in ledger.stages:
        if stage.state in ("waiting", "in_flight"):
            at_work.add(stage.recording_id)
            if _is_asked_later(stage, ledger):
                excused["asked again later"] += 1
            else:
                yield f"recording {stage.recording_id}: {stage.stage} is {stage.state}"
    for row in ledger.recordings:
        if row.state == "in_progress" and row.id not in at_work:
            if reason := _waits_for_a_person(row, ledger):
                excused[reason] += 1
            else:
                yield f"recording {row.id}: in progress, and nothing is to be done"


def _is_asked_later(stage: StageRow, ledger: Ledger) -> bool:
    """The centre still works on it: neither failing nor overdue."""
    is_an_ask = stage.stage == "deduplication" and stage.state == "waiting" and stage.first_failed_at is None
    return is_an_ask and stage.due_at > ledger.now


def _waits_for_a_person(row: RecordingRow, ledger: Ledger) -> str | None:
    if row.is_printed:
        return "wait for hand-over"
    if row.awaits == "birthday" and row.card_not_before and row.card_not_before > ledger.now.date():
        return "wait for a birthday"
    if row.awaits == "blank" and ledger.stock.get(row.office[:5], 0) == 0:
        return "wait for a blank"
    if row.packet_version is None and row.purpose != "suket_extension":
        return "wait for a capture"
    return None


def _on_its_way(rest: Rest) -> Iterator[str]:
    for what, counts in (("unpublished events", rest.outbox), ("records in quarantine", rest.quarantine)):
        for service, count in counts.items():
            if count:
                yield f"{service}: {count:,} {what}"
    for place, behind in rest.lag.items():
        if behind:
            yield f"{place}: {behind:,} records behind"
