"""I7: while a gate holds, no real call begins, and the network costs nobody a strike."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.events.recording import GateChanged
from tools.verify.result import Result, judge
from tools.verify.seen import Ledger, Outage, Told

_SHUT = ("holding", "paused")
_CLOCKS = timedelta(milliseconds=50)  # times of events and of claims are two clocks'


@dataclass(frozen=True, slots=True)
class Hold:
    operation: str
    began: datetime
    ended: datetime | None

    def covers(self, moment: datetime) -> bool:
        """Tell whether a moment lies surely inside."""
        return moment > self.began + _CLOCKS and (self.ended is None or moment < self.ended - _CLOCKS)


def gates_hold(told: Sequence[Told], ledger: Ledger, outages: Sequence[Outage] = ()) -> Result:
    """I7: no attempt of an operation began while its gate held, and only failures of the centre cost strikes."""
    holds = holds_of([*told, *ledger.waiting])
    looked_at = f"{len(holds):,} holds, {len(ledger.attempts):,} attempts"
    if outages:
        looked_at += f"; {_begun_in(outages, ledger):,} calls began while the line was truly dead"
    return judge(
        "I7",
        "while a gate holds the centre sees probes only, and the network costs no strike",
        looked_at,
        [*_begun_behind(holds, ledger), *_strikes_of_the_network(ledger)],
    )


def holds_of(told: Sequence[Told]) -> list[Hold]:
    """Read from the gates' events when each operation held."""
    changes: dict[str, dict[int, Told]] = defaultdict(dict)
    for event in told:
        if event.type == GateChanged.event_type:
            changes[event.key][event.sequence] = event
    holds = []
    for operation, by_sequence in changes.items():
        in_order = [by_sequence[number] for number in sorted(by_sequence)]
        since: datetime | None = None
        for event in in_order:
            if event.data["state"] in _SHUT:
                since = since or event.time
            elif since is not None:
                holds.append(Hold(operation, since, event.time))
                since = None
        if since is not None:
            holds.append(Hold(operation, since, None))
    return holds


def _begun_behind(holds: Sequence[Hold], ledger: Ledger) -> Iterator[str]:
    by_operation: dict[str, list[Hold]] = defaultdict(list)
    for hold in holds:
        by_operation[hold.operation].append(hold)
    for attempt_id, operation, started_at in _begun(ledger):
        if any(hold.covers(started_at) for hold in by_operation[operation]):
            yield f"attempt {attempt_id}: {operation} began at {started_at.isoformat()}, while its gate held"


def _begun(ledger: Ledger) -> Iterator[tuple[str, str, datetime]]:
    for row in ledger.attempts:
        yield row.id, row.operation, row.started_at
    for stage in ledger.stages:
        if stage.state == "in_flight" and stage.attempt_id and stage.started_at:
            yield stage.attempt_id, stage.operation, stage.started_at


def _strikes_of_the_network(ledger: Ledger) -> Iterator[str]:
    failures = Counter((row.recording_id, row.stage) for row in ledger.attempts if row.cause == "server")
    for stage in ledger.stages:
        earned = failures[stage.recording_id, stage.stage]
        if stage.strikes > earned:
            spent = f"{stage.strikes} strikes, and the centre failed {earned} times"
            yield f"recording {stage.recording_id}: {stage.stage} has {spent}"


def _begun_in(outages: Sequence[Outage], ledger: Ledger) -> int:
    spans = [Hold("", outage.began, outage.ended) for outage in outages]
    return sum(any(span.covers(started_at) for span in spans) for _, _, started_at in _begun(ledger))
