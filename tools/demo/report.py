"""The report at the end of the day, in words an officer understands; every figure comes from the running services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tools.demo.day import LAST_TICKET, LINE_DIES, LINE_RETURNS, SERVED_THAT_DAY, SPEED, TICKETS_BY_TEN, OfficeClock
from tools.demo.play import Played


@dataclass(frozen=True, slots=True)
class Findings:
    """What the ledger, the centre's journal and the line's own history say."""

    network_failures: Sequence[Mapping[str, Any]]
    calls_while_dead: int
    probes: int
    gate_returned_at: datetime | None
    truth: Mapping[str, Any]
    registered: int
    sukets: int
    twice: int
    lost: int
    strikes: int


def print_report(played: Played, found: Findings) -> None:
    """Print the report."""
    history, clock = played.desk.history, played.clock
    died = min((_time(row["started_at"]) for row in found.network_failures), default=None)
    returned = _shown(_time(found.truth["returned_at"]), clock)
    by_ten = _served_by(played, LAST_TICKET)
    rows = [
        ("Registered by 10:00", f"{len(history.arrivals)} people (that day: {TICKETS_BY_TEN})"),
        (
            "Served by 10:00",
            f"{by_ten} (that day: {SERVED_THAT_DAY}); {len(history.served)} in all",
        ),
        ("Recorded while the line was dead", f"{played.recorded_while_dead} people"),
        ("Sent home with their place kept", f"{played.sent_home}, all for a Suket that only the centre can extend"),
        ("Sukets extended", f"{found.sukets} of {_asked_for_suket(played)}"),
        ("Neither served nor kept a place", str(len(history.arrivals) - len(history.served) - played.sent_home)),
        ("Reached the centre", f"{found.registered} of {len(history.captures)} recordings"),
        ("Registered there twice", str(found.twice)),
        ("Lost", str(found.lost)),
        ("Line died", f"{_shown(died, clock)} by our ledger, {_shown(_time(found.truth['died_at']), clock)} in truth"),
        ("Line returned", f"{_shown(found.gate_returned_at, clock)} by our ledger, {returned} in truth"),
        ("Calls started into the dead line", f"{found.calls_while_dead}, and {found.probes} probes"),
        ("Strikes spent on the outage", str(found.strikes)),
        ("Backlog drained", _drained(played)),
    ]
    print(f"\nThe day of {LINE_DIES:%d %B %Y}, {LINE_DIES:%H:%M}-{LINE_RETURNS:%H:%M} without a line, as Rekam ran it")
    for name, value in rows:
        print(f"  {name:34} {value}")
    print(
        "\nWhat the day was like: 232 tickets by ten o'clock, the line dead from 08:30 to 10:40, 44 people served;\n"
        "our sources do not say what became of the others. Here six counters took 3 to 5 minutes a recording:\n"
        "that is our assumption, so compare the outage, not the pace. One office second took 1/120 of a real one.\n"
    )


def _served_by(played: Played, office_time: datetime) -> int:
    return sum(played.clock.at(moment) <= office_time for moment in played.desk.history.served.values())


def _asked_for_suket(played: Played) -> int:
    return sum(person.purpose == "suket_extension" for person in played.desk.history.arrivals.values())


def _drained(played: Played) -> str:
    if played.drained_at is None:
        return "not before the report was written"
    wait: timedelta = played.drained_at - LINE_RETURNS
    minutes = max(0.0, wait.total_seconds() / 60)
    return f"{minutes:.0f} office minutes after the line's return ({minutes * 60 / SPEED:.1f} real seconds)"


def _shown(moment: datetime | None, clock: OfficeClock) -> str:
    return f"{clock.at(moment):%H:%M:%S}" if moment else "unknown"


def _time(written: str | datetime) -> datetime:
    return written if isinstance(written, datetime) else datetime.fromisoformat(written)
