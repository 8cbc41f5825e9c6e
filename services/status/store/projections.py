"""The log and its head, the views, and what a rebuild needs."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from services.status.domain.journey import Journey, Visit
from services.status.domain.line import Gate
from shared.events.catalog import NOT_OF_A_RECORDING
from shared.events.envelope import Data, Event
from shared.events.progress import Progress
from shared.postgres.pool import Transaction

ENSURE = """
    INSERT INTO recording_view (recording_id)
    SELECT id FROM unnest($1::uuid[]) AS id
    ORDER BY id
    ON CONFLICT DO NOTHING"""  # two replicas may hear two topics of one new key: both need a row to lock

LOCK = """
    SELECT recording_id, messages_heard, visit::text AS visit, progress::text AS progress
    FROM recording_view
    WHERE recording_id = ANY($1)
    ORDER BY recording_id
    FOR UPDATE"""

SAVE = """
    UPDATE recording_view v
    SET office = f.office, purpose = f.purpose, created_by = f.created_by, reference = f.reference,
        situation = f.situation, situation_line_down = f.line_down, situation_centre_failing = f.centre_failing,
        ticket_state = f.ticket_state, ticket_lane = f.ticket_lane, ticket_number = f.ticket_number,
        ticket_at = f.ticket_at, counter = f.counter, unsent_since = f.unsent_since, opened_at = f.opened_at,
        ended_at = f.ended_at, changed_at = f.changed_at, messages_heard = f.messages_heard,
        visit = f.visit::jsonb, progress = f.progress::jsonb
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::int[], $14::timestamptz[],
        $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::bigint[], $19::text[], $20::text[])
        AS f (recording_id, office, purpose, created_by, reference, situation, line_down, centre_failing,
              ticket_state, ticket_lane, ticket_number, ticket_at, counter, unsent_since, opened_at, ended_at,
              changed_at, messages_heard, visit, progress)
    WHERE v.recording_id = f.recording_id"""

SAVE_GATES = """
    INSERT INTO gate_view AS g (operation, sequence, state, gate_limit, cause, changed_by, changed_at, shut_since)
    SELECT *
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::int[], $5::text[], $6::text[], $7::timestamptz[],
        $8::timestamptz[])
    ORDER BY 1
    ON CONFLICT (operation) DO UPDATE
    SET (sequence, state, gate_limit, cause, changed_by, changed_at, shut_since)
        = (excluded.sequence, excluded.state, excluded.gate_limit, excluded.cause, excluded.changed_by,
           excluded.changed_at, excluded.shut_since)"""

GATES = "SELECT * FROM gate_view ORDER BY operation"

SAVE_BLANKS = """
    INSERT INTO blank_view AS b (regency, sequence, stock, changed_at)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::int[], $4::timestamptz[]) ORDER BY 1
    ON CONFLICT (regency) DO UPDATE
    SET (sequence, stock, changed_at) = (excluded.sequence, excluded.stock, excluded.changed_at)
    WHERE b.sequence < excluded.sequence OR excluded.sequence = 0"""

NUMBER = "UPDATE event_head SET position = position + $1 RETURNING position - $1"

APPEND = """
    INSERT INTO event_log (position, event_id, type, source, key, recording_id, office, sequence, time, traceparent,
        data)
    SELECT $1 + place, event_id, type, source, key, recording_id, office, sequence, time, traceparent, data
    FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::bigint[],
        $9::timestamptz[], $10::text[], $11::bytea[]) WITH ORDINALITY
        AS said (event_id, type, source, key, recording_id, office, sequence, time, traceparent, data, place)"""

KNOWN = "SELECT event_id FROM event_log WHERE event_id = ANY($1)"

HASHED = {
    "event_log": """
        SELECT event_id, type, source, key, office, sequence, time, traceparent, data
        FROM event_log
        ORDER BY event_id""",
    "recording_view": "SELECT * FROM recording_view ORDER BY recording_id",
    "gate_view": GATES,
    "blank_view": "SELECT * FROM blank_view ORDER BY regency",
}


_IN_QUARANTINE = "SELECT headers ->> 'ce_id' FROM quarantine WHERE replayed_at IS NULL"


async def lock_journeys(tx: Transaction, recordings: Iterable[UUID]) -> dict[UUID, Journey]:
    """Lock the rows of these recordings, made when missing, always in the same order."""
    wanted = sorted(recordings)
    await tx.execute(ENSURE, wanted)
    return {
        row["recording_id"]: Journey(
            msgspec.json.decode(row["visit"], type=Visit),
            msgspec.json.decode(row["progress"], type=Progress),
            row["messages_heard"],
        )
        for row in await tx.fetch(LOCK, wanted)
    }


async def save_journeys(tx: Transaction, journeys: Mapping[UUID, Journey]) -> None:
    """Write the folded recordings in one statement."""
    rows = [_row(recording_id, journey) for recording_id, journey in journeys.items()]
    if rows:
        await tx.execute(SAVE, *map(list, zip(*rows, strict=True)))


async def read_gates(tx: Transaction) -> dict[str, tuple[int, Gate]]:
    """Give the gates by operation, each with the sequence last applied."""
    return {row["operation"]: (row["sequence"], _gate(row)) for row in await tx.fetch(GATES)}


async def save_gates(tx: Transaction, gates: Iterable[tuple[int, str, Gate]]) -> None:
    """Write gates: (sequence, who changed it, gate)."""
    rows = [
        (g.operation, sequence, g.state, g.limit, g.cause, changed_by, g.changed_at, g.shut_since)
        for sequence, changed_by, g in gates
    ]
    if rows:
        await tx.execute(SAVE_GATES, *map(list, zip(*rows, strict=True)))


async def save_blanks(tx: Transaction, blanks: Iterable[tuple[str, int, int, datetime]]) -> None:
    """Write blank stocks: (regency, sequence, stock, when)."""
    rows = list(blanks)
    if rows:
        await tx.execute(SAVE_BLANKS, *map(list, zip(*rows, strict=True)))


async def append_events(tx: Transaction, events: Sequence[Event[Data]]) -> None:
    """Write the events under new positions: last before the commit, for the head stays locked until then."""
    before = await tx.fetchval(NUMBER, len(events))
    rows = [
        (e.id, e.type, e.source, e.key, _recording(e), e.office, e.sequence, e.time, e.traceparent, e.value())
        for e in events
    ]
    await tx.execute(APPEND, before, *map(list, zip(*rows, strict=True)))


async def known_events(tx: Transaction, events: Sequence[Event[Data]]) -> set[UUID]:
    """Tell which of these events the log holds already."""
    return {row["event_id"] for row in await tx.fetch(KNOWN, [event.id for event in events])}


async def held_events(tx: Transaction) -> set[str]:
    """Give the ids of events that wait in quarantine."""
    return {row[0] for row in await tx.fetch(_IN_QUARANTINE) if row[0]}


async def rows_to_hash(tx: Transaction, table: str) -> AsyncIterator[bytes]:
    """Give every row of a table as bytes, in a stable order, without position and receive time."""
    async for row in tx.cursor(f"SELECT to_jsonb(r)::text AS said FROM ({HASHED[table]}) r", prefetch=1000):  # noqa: S608  the statements are ours
        yield row["said"].encode()


async def make_schema(tx: Transaction, schema: str) -> None:
    """Make an empty schema for a rebuild."""
    await tx.execute(f'CREATE SCHEMA "{schema}"')


async def drop_schema(tx: Transaction, schema: str) -> None:
    """Remove a rebuild's schema with all that is in it."""
    await tx.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


def _recording(event: Event[Data]) -> UUID | None:
    return None if isinstance(event.data, NOT_OF_A_RECORDING) else event.recording_id


def _row(recording_id: UUID, journey: Journey) -> tuple[Any, ...]:
    visit, progress = journey.visit, journey.progress
    return (
        recording_id,
        journey.office,
        visit.purpose or "",
        visit.created_by,
        visit.reference,
        journey.situation(),
        journey.situation(line_is_down=True),
        journey.situation(centre_is_failing=True),
        visit.ticket_state,
        visit.ticket_lane or "",
        visit.ticket_number,
        visit.ticket_at,
        visit.counter,
        journey.unsent_since,
        journey.opened_at,
        progress.ended_at,
        journey.changed_at,
        journey.messages_heard,
        msgspec.json.encode(visit).decode(),
        msgspec.json.encode(progress).decode(),
    )


def _gate(row: Any) -> Gate:
    said = {name: row[name] for name in ("operation", "state", "cause", "shut_since", "changed_at")}
    return msgspec.convert({**said, "limit": row["gate_limit"]}, type=Gate)
