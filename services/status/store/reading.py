"""What the API reads; the rights of the caller are conditions of every statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from services.status.domain.cursor import Cursor
from services.status.domain.journey import Journey, Visit
from shared.events.progress import Progress
from shared.postgres.pool import Transaction

# $1 patterns of the caller's offices, $2 the client when it may see only what it created.
# An event of no office (a gate) is for all but such clients; one of a regency for those who see the whole regency.
_MAY_SEE = """
    ($2::text IS NULL AND (e.office = '' OR e.office LIKE ANY($1::text[]) OR e.office || '.' LIKE ANY($1::text[]))
     OR EXISTS (
        SELECT FROM recording_view v
        WHERE v.recording_id = e.recording_id AND v.created_by = $2 AND v.office LIKE ANY($1::text[])))"""

HEAD = "SELECT epoch, position FROM event_head"

EVENTS = f"""
    SELECT e.*
    FROM event_log e
    WHERE e.position > $3 AND e.position <= $4
      AND ($5::text[] IS NULL OR e.type LIKE ANY($5))
      AND ($6::text IS NULL OR e.office LIKE $6)
      AND {_MAY_SEE}
    ORDER BY e.position
    LIMIT $7"""  # noqa: S608  joined from constants; leans on the primary key, the window bounds what is looked through

TIMELINE = "SELECT * FROM event_log WHERE key = $1 ORDER BY position DESC LIMIT $2"  # leans on event_log_key

JOURNEY = """
    SELECT recording_id, messages_heard, visit::text AS visit, progress::text AS progress
    FROM recording_view
    WHERE recording_id = $1 AND office LIKE ANY($2::text[]) AND ($3::text IS NULL OR created_by = $3)"""

SITUATIONS = """
    SELECT CASE WHEN $3 THEN situation_line_down WHEN $4 THEN situation_centre_failing ELSE situation END AS shown,
        count(*) AS people,
        min(unsent_since) AS unsent_since
    FROM recording_view
    WHERE office LIKE $1 AND (ended_at IS NULL OR ended_at > $2) AND situation <> ''
    GROUP BY 1"""  # leans on recording_view_board

QUEUE = """
    SELECT ticket_state, ticket_lane, count(*) AS people
    FROM recording_view
    WHERE office LIKE $1 AND ended_at IS NULL AND (ticket_state IN ('waiting', 'called', 'sent_home') OR ticket_at > $2)
    GROUP BY ticket_state, ticket_lane"""

CALLED = """
    SELECT ticket_number, counter, ticket_at
    FROM recording_view
    WHERE office LIKE $1 AND ended_at IS NULL AND ticket_state = 'called'
    ORDER BY ticket_at DESC
    LIMIT 10"""

NEWEST = "SELECT time FROM event_log ORDER BY position DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Logged:
    """One row of the log, its data decoded."""

    position: int
    id: UUID
    type: str
    source: str
    key: str
    office: str
    sequence: int
    time: datetime
    traceparent: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller may see: offices by pattern, and for agencies only what this client created."""

    patterns: list[str]
    only_created_by: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a reader asks for; absent means all."""

    types: list[str] | None
    office: str | None
    limit: int


async def head(tx: Transaction) -> Cursor:
    """Give the newest position."""
    row = await tx.fetchrow(HEAD)
    assert row is not None, "the migration wrote the head"  # noqa: S101  told to the type checker
    return Cursor(row["epoch"], row["position"])


async def events_between(tx: Transaction, sight: Sight, wanted: Wanted, after: int, until: int) -> list[Logged]:
    """List the events of this window that the caller may see and asked for."""
    rows = await tx.fetch(
        EVENTS, sight.patterns, sight.only_created_by, after, until, wanted.types, wanted.office, wanted.limit
    )
    return [_logged(row) for row in rows]


async def events_of(tx: Transaction, key: str, limit: int) -> list[Logged]:
    """List the newest events of one key, by time."""
    rows = [_logged(row) for row in await tx.fetch(TIMELINE, key, limit)]
    return sorted(rows, key=lambda event: (event.time, event.position))


async def journey_of(tx: Transaction, recording_id: UUID, sight: Sight) -> Journey | None:
    """Give a recording; absent when there is none, or none for this caller."""
    row = await tx.fetchrow(JOURNEY, recording_id, sight.patterns, sight.only_created_by)
    if row is None:
        return None
    visit = msgspec.json.decode(row["visit"], type=Visit)
    return Journey(visit, msgspec.json.decode(row["progress"], type=Progress), row["messages_heard"])


async def situations(
    tx: Transaction, office: str, since: datetime, *, line_is_down: bool, centre_is_failing: bool
) -> tuple[dict[str, int], datetime | None]:
    """Count people by shown situation (ended journeys only since then), and tell since when the oldest is unsent."""
    rows = await tx.fetch(SITUATIONS, office, since, line_is_down, centre_is_failing)
    oldest = min((row["unsent_since"] for row in rows if row["unsent_since"]), default=None)
    return {row["shown"]: row["people"] for row in rows}, oldest


async def queue(tx: Transaction, office: str, since: datetime) -> Mapping[tuple[str, str], int]:
    """Count tickets by state and lane; those done with only since then."""
    rows = await tx.fetch(QUEUE, office, since)
    return {(row["ticket_state"], row["ticket_lane"]): row["people"] for row in rows}


async def called(tx: Transaction, office: str) -> Sequence[tuple[str, int | None, datetime]]:
    """List the numbers called last."""
    return [(row["ticket_number"], row["counter"], row["ticket_at"]) for row in await tx.fetch(CALLED, office)]


async def newest_event_at(tx: Transaction) -> datetime | None:
    """Tell when the last logged event happened."""
    at: datetime | None = await tx.fetchval(NEWEST)
    return at


def _logged(row: Any) -> Logged:
    return Logged(
        position=row["position"],
        id=row["event_id"],
        type=row["type"],
        source=row["source"],
        key=row["key"],
        office=row["office"],
        sequence=row["sequence"],
        time=row["time"],
        traceparent=row["traceparent"],
        data=msgspec.json.decode(row["data"], type=dict[str, Any]),
    )
