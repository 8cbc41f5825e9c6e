"""Numbers of a queue; a ticket is changed only while its recording is locked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.intake.domain.tickets import Ticket, TicketState
from shared.events.vocabulary import TicketLane
from shared.postgres.pool import Transaction

_OF_IDS = """
    SELECT id, number, lane, state, waiting_since, counter, valid_until, before
    FROM ticket
    WHERE id = ANY($1::uuid[])"""

_TAKE_NUMBERS = """
    INSERT INTO ticket_number (office, day, lane, last)
    SELECT office, day, lane, count
    FROM unnest($1::text[], $2::date[], $3::text[], $4::int[]) AS asked (office, day, lane, count)
    ORDER BY office, day, lane
    ON CONFLICT (office, day, lane) DO UPDATE SET last = ticket_number.last + excluded.last
    RETURNING office, day, lane, last"""

_ADD = """
    INSERT INTO ticket (
        id, lane, state, counter, valid_until, before, recording_id, office, day, number, waiting_since)
    SELECT *
    FROM unnest(
        $1::uuid[], $2::text[], $3::text[], $4::int[], $5::date[], $6::jsonb[], $7::uuid[], $8::text[], $9::date[],
        $10::text[], $11::timestamptz[])"""

_SAVE = """
    UPDATE ticket
    SET lane = saved.lane, state = saved.state, counter = saved.counter, valid_until = saved.valid_until,
        before = saved.before
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::date[], $6::jsonb[])
        AS saved (id, lane, state, counter, valid_until, before)
    WHERE ticket.id = saved.id"""

_RECORDING_OF = """
    SELECT recording_id
    FROM ticket
    WHERE id = $1 AND office LIKE ANY($2::text[])"""

_QUEUE = """
    SELECT
        ticket.id, ticket.number, ticket.lane, ticket.state, ticket.waiting_since, ticket.counter, ticket.valid_until,
        ticket.before, ticket.recording_id, arrival.purpose
    FROM ticket
    JOIN arrival ON arrival.ticket_id = ticket.id
    WHERE ticket.office = $1 AND ticket.state IN ('waiting', 'called', 'kept')
    ORDER BY ticket.waiting_since, ticket.id
    LIMIT $2"""  # leans on ticket_open

_NEXT = """
    SELECT ticket.recording_id
    FROM ticket
    JOIN arrival ON arrival.ticket_id = ticket.id
    WHERE ticket.office = $1 AND ticket.state = 'waiting'
        -- Who has only a Suket to collect may be finished at the centre before being called; the cancelled are not.
        AND arrival.progress ->> 'is_cancelled' IS DISTINCT FROM 'true'
    ORDER BY array_position($2::text[], ticket.lane), ticket.waiting_since, ticket.id
    LIMIT 1
    FOR UPDATE OF arrival, ticket"""  # waits for who is just being changed: nobody is overtaken for that

# After waiting for a lock PostgreSQL gives no row when that one has left the queue: a later look sees who is behind.
_LOOKS = 3

_WAITING = """
    SELECT ticket.recording_id
    FROM ticket
    JOIN arrival ON arrival.ticket_id = ticket.id
    WHERE ticket.office = $1 AND ticket.state = 'waiting' AND arrival.purpose = ANY($2::text[])
    ORDER BY ticket.recording_id"""

_TURN = """
    INSERT INTO queue_turn (office, turn)
    VALUES ($1, 0)
    ON CONFLICT (office) DO UPDATE SET turn = queue_turn.turn
    RETURNING turn"""
_READ_TURN = "SELECT turn FROM queue_turn WHERE office = $1"
_SAVE_TURN = "UPDATE queue_turn SET turn = $2 WHERE office = $1"

_LEFT_OPEN = """
    SELECT recording_id
    FROM ticket
    WHERE office = $1 AND state IN ('waiting', 'called') AND waiting_since < $2
    ORDER BY recording_id
    LIMIT $3"""  # leans on ticket_open


@dataclass(frozen=True, slots=True)
class Placed:
    """A ticket with where it stands; office, day and number never change."""

    recording_id: UUID
    office: str
    day: date
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Present:
    """A ticket as the queue's page shows it."""

    recording_id: UUID
    purpose: str
    ticket: Ticket


Place = tuple[str, date, TicketLane]


async def of_ids(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, Ticket]:
    """Read tickets by id."""
    rows = await tx.fetch(_OF_IDS, ids) if ids else []
    return {row["id"]: _ticket(row) for row in rows}


async def take_numbers(tx: Transaction, wanted: Mapping[Place, int]) -> dict[Place, int]:
    """Draw so many numbers of each lane and give the number before the first; waits while the office draws others."""
    if not wanted:
        return {}
    columns = [list(column) for column in zip(*sorted((*place, count) for place, count in wanted.items()), strict=True)]
    rows = await tx.fetch(_TAKE_NUMBERS, *columns)
    last = {(row["office"], row["day"], TicketLane(row["lane"])): row["last"] for row in rows}
    return {place: last[place] - count for place, count in wanted.items()}


async def add(tx: Transaction, placed: Sequence[Placed]) -> None:
    """Write new tickets."""
    if placed:
        rows = [
            (*_row(new.ticket), new.recording_id, new.office, new.day, new.ticket.number, new.ticket.waiting_since)
            for new in placed
        ]
        await tx.execute(_ADD, *(list(column) for column in zip(*rows, strict=True)))


async def save(tx: Transaction, changed: Sequence[Ticket]) -> None:
    """Write back tickets whose recordings are locked."""
    if changed:
        await tx.execute(_SAVE, *(list(column) for column in zip(*map(_row, changed), strict=True)))


async def recording_of(tx: Transaction, ticket_id: UUID, offices: Sequence[str]) -> UUID | None:
    """Tell whose ticket this is, if it stands in one of these offices."""
    found: UUID | None = await tx.fetchval(_RECORDING_OF, ticket_id, offices)
    return found


async def present(tx: Transaction, office: str, limit: int) -> list[Present]:
    """Read an office's open tickets, longest waiting first."""
    rows = await tx.fetch(_QUEUE, office, limit)
    return [Present(row["recording_id"], row["purpose"], _ticket(row)) for row in rows]


async def lock_next(tx: Transaction, office: str, lanes: Sequence[TicketLane]) -> UUID | None:
    """Lock who goes next when the lanes are asked in this order."""
    for _ in range(_LOOKS):
        found: UUID | None = await tx.fetchval(_NEXT, office, lanes)
        if found is not None:
            return found
    return None


async def waiting(tx: Transaction, office: str, purposes: Sequence[str]) -> list[UUID]:
    """Name the recordings whose people wait in the room for these purposes."""
    return [row["recording_id"] for row in await tx.fetch(_WAITING, office, purposes)]


async def left_open(tx: Transaction, office: str, before: datetime, limit: int) -> list[UUID]:
    """Name the recordings whose tickets are still open and older than that moment."""
    return [row["recording_id"] for row in await tx.fetch(_LEFT_OPEN, office, before, limit)]


async def lock_turn(tx: Transaction, office: str) -> int:
    """Give whose turn it is among the lanes, locked."""
    turn: int = await tx.fetchval(_TURN, office)
    return turn


async def read_turn(tx: Transaction, office: str) -> int:
    """Give whose turn it is among the lanes."""
    turn: int | None = await tx.fetchval(_READ_TURN, office)
    return turn or 0


async def save_turn(tx: Transaction, office: str, turn: int) -> None:
    """Note whose turn is next."""
    await tx.execute(_SAVE_TURN, office, turn)


def _row(ticket: Ticket) -> tuple[Any, ...]:
    before = _step(ticket.before) if ticket.before else None
    return (ticket.id, ticket.lane, ticket.state, ticket.counter, ticket.valid_until, before)


def _step(ticket: Ticket) -> dict[str, Any]:
    return {
        "lane": ticket.lane,
        "state": ticket.state,
        "counter": ticket.counter,
        "valid_until": ticket.valid_until.isoformat() if ticket.valid_until else None,
        "before": _step(ticket.before) if ticket.before else None,
    }


def _ticket(row: Record) -> Ticket:
    fixed = {"id": row["id"], "number": row["number"], "waiting_since": row["waiting_since"]}
    return Ticket(
        **fixed,
        lane=TicketLane(row["lane"]),
        state=TicketState(row["state"]),
        counter=row["counter"],
        valid_until=row["valid_until"],
        before=_read_step(row["before"], fixed),
    )


def _read_step(step: dict[str, Any] | None, fixed: dict[str, Any]) -> Ticket | None:
    if step is None:
        return None
    until = step["valid_until"]
    return Ticket(
        **fixed,
        lane=TicketLane(step["lane"]),
        state=TicketState(step["state"]),
        counter=step["counter"],
        valid_until=date.fromisoformat(until) if until else None,
        before=_read_step(step["before"], fixed),
    )
