"""An office's board: how many stand where, what the line does, what the counter should do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.status.domain.line import Advice, Gate, Line, Verdict, advise
from services.status.store import projections, reading
from shared.events.vocabulary import GateState, Operation, Purpose, TicketLane
from shared.postgres.pool import Transaction


@dataclass(frozen=True, slots=True)
class Link:
    """One operation's way to the centre."""

    operation: Operation
    verdict: Verdict
    state: GateState
    limit: int
    shut_since: datetime | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Called:
    """A number on the wall."""

    number: str
    counter: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """Who waits, by lane; what became of the others today."""

    waiting: dict[TicketLane, int]
    called: int
    served: int
    no_show: int
    sent_home: int
    last_called: list[Called]


@dataclass(frozen=True, slots=True)
class Ages:
    """How old what is shown may be; absent when nothing was heard or nothing waits."""

    data_seconds: float | None
    newest_event_at: datetime | None
    oldest_unsent_at: datetime | None
    oldest_unsent_seconds: float | None


@dataclass(frozen=True, slots=True)
class Board:
    """What an office sees at one glance."""

    office: str
    shown_at: datetime
    line_is_down: bool
    centre_is_failing: bool
    link: list[Link]
    advice: dict[Purpose, Advice]
    situations: dict[str, int]
    queue: Queue
    ages: Ages


@dataclass(frozen=True, slots=True)
class Asked:
    """Which board, when, and how fresh our hearing is."""

    office: str
    pattern: str
    now: datetime
    midnight: datetime
    patience: timedelta
    data_seconds: float | None


async def show_board(tx: Transaction, asked: Asked) -> Board:
    """Count and judge for one office or a prefix of offices."""
    gates = [gate for _, gate in (await projections.read_gates(tx)).values()]
    line = Line.of(gates)
    situations, unsent_at = await reading.situations(
        tx,
        asked.pattern,
        asked.midnight,
        line_is_down=line.line_is_down,
        centre_is_failing=line.centre_is_failing,
    )
    return Board(
        office=asked.office,
        shown_at=asked.now,
        line_is_down=line.line_is_down,
        centre_is_failing=line.centre_is_failing,
        link=[_link(gate) for gate in gates],
        advice={purpose: advise(purpose, line, asked.now, patience=asked.patience) for purpose in Purpose},
        situations=situations,
        queue=await _queue(tx, asked),
        ages=Ages(
            data_seconds=asked.data_seconds,
            newest_event_at=await reading.newest_event_at(tx),
            oldest_unsent_at=unsent_at,
            oldest_unsent_seconds=(asked.now - unsent_at).total_seconds() if unsent_at else None,
        ),
    )


async def _queue(tx: Transaction, asked: Asked) -> Queue:
    counts = await reading.queue(tx, asked.pattern, asked.midnight)
    by_state = {state: sum(n for (s, _), n in counts.items() if s == state) for state, _ in counts}
    return Queue(
        waiting={lane: counts.get(("waiting", lane), 0) for lane in TicketLane},
        called=by_state.get("called", 0),
        served=by_state.get("served", 0),
        no_show=by_state.get("no_show", 0),
        sent_home=by_state.get("sent_home", 0),
        last_called=[Called(*row) for row in await reading.called(tx, asked.pattern)],
    )


def _link(gate: Gate) -> Link:
    return Link(gate.operation, gate.verdict, gate.state, gate.limit, gate.shut_since, gate.changed_at)
