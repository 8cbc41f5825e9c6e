"""Recordings and the stages they have: opened by events, locked before they change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.events.vocabulary import Purpose, Stage
from shared.postgres.pool import Transaction

_OPEN = """
    INSERT INTO recording (id, office, purpose, created_by, reference, leaves_on, card_not_before, sealed_at,
        identity_ref, identity_digest, identity_version, arrived_at)
    SELECT *
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::date[], $8::text[],
        $9::text[], $10::text[], $11::int[], $12::timestamptz[])
    ON CONFLICT DO NOTHING"""

_LOCK = """
    SELECT *
    FROM recording
    WHERE id = ANY($1::uuid[])
    ORDER BY id
    FOR UPDATE"""

# A statement of its own: one that waited for the lock would show the stages as they were before it waited.
_DONE = """
    SELECT recording_id, array_agg(stage) AS done
    FROM stage
    WHERE recording_id = ANY($1::uuid[]) AND state = 'done'
    GROUP BY recording_id"""

_SAVE = """
    UPDATE recording r
    SET state = n.state, awaits = n.awaits, print_ready_at = n.print_ready_at, card_printed_at = n.card_printed_at,
        suket_until = n.suket_until, sequence = n.sequence, version = r.version + 1, changed_at = clock_timestamp()
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::date[], $7::int[])
        AS n (id, state, awaits, print_ready_at, card_printed_at, suket_until, sequence)
    WHERE r.id = n.id"""

_ATTACH = """
    UPDATE recording r
    SET packet_version = n.version, packet_ref = n.ref, packet_digest = n.digest, packet_size = n.size,
        captured_at = coalesce(r.captured_at, n.captured_at),
        version = r.version + 1, changed_at = clock_timestamp()
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[])
        AS n (id, version, ref, digest, size, captured_at)
    WHERE r.id = n.id AND n.version > coalesce(r.packet_version, 0)
    RETURNING r.id"""

_CORRECT = """
    UPDATE recording r
    SET identity_version = n.version, identity_ref = n.ref, identity_digest = n.digest, sealed_at = n.sealed_at,
        card_not_before = n.card_not_before
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::date[])
        AS n (id, version, ref, digest, sealed_at, card_not_before)
    WHERE r.id = n.id AND n.version > r.identity_version
    RETURNING r.id"""

# A check under way is left alone: whatever it answers is about the older identity, and it is asked anew then.
_CHECK_ANEW = """
    UPDATE stage
    SET state = 'waiting', due_at = clock_timestamp(), caused_by = n.caused_by, strikes = 0, first_failed_at = NULL,
        last_failure = NULL, signature = NULL, who_must_act = NULL, done_at = NULL
    FROM unnest($1::uuid[], $2::text[]) AS n (id, caused_by)
    WHERE recording_id = n.id AND stage = 'identity_check' AND state <> 'in_flight'
    RETURNING recording_id, stage, old.state"""

# What has never been tried is taken away: it begins when the corrected identity has been found right. An item of a
# group retry keeps its row, for the group waits to hear of it.
_CALL_OFF = """
    DELETE FROM stage
    WHERE recording_id = ANY($1::uuid[]) AND stage IN ('submission', 'suket_issue') AND state = 'waiting'
        AND attempts = 0 AND group_id IS NULL"""

# What was tried keeps its count; the check, once done, opens it and so brings it forward. An ask that waits goes on: it
# only tells what the centre has.
_HOLD_BACK = """
    UPDATE stage
    SET state = 'waiting', due_at = 'infinity', signature = NULL, who_must_act = NULL,
        last_failure = CASE WHEN state = 'waiting' THEN last_failure END
    WHERE recording_id = ANY($1::uuid[]) AND stage = 'submission'
        AND (state = 'parked' OR (state = 'waiting' AND operation = 'submission'))
    RETURNING recording_id, stage, old.state"""

_STILL_PARKED = """
    SELECT DISTINCT recording_id
    FROM stage
    WHERE recording_id = ANY($1::uuid[]) AND state = 'parked'"""

_MOVE = """
    UPDATE recording r
    SET office = n.office, version = r.version + 1, changed_at = clock_timestamp()
    FROM unnest($1::uuid[], $2::text[]) AS n (id, office)
    WHERE r.id = n.id"""

_MOVE_STAGES = """
    UPDATE stage s
    SET office = n.office
    FROM unnest($1::uuid[], $2::text[]) AS n (id, office)
    WHERE s.recording_id = n.id"""

_READ = """
    SELECT r.*
    FROM recording r
    WHERE r.id = $1 AND r.office LIKE ANY($2::text[])"""

_LIST = """
    SELECT r.*
    FROM recording r
    WHERE r.office LIKE ANY($1::text[])
        AND ($2::text IS NULL OR r.office LIKE $2)
        AND ($3::text IS NULL OR r.reference = $3)
        AND ($4::timestamptz IS NULL OR r.changed_at >= $4)
        AND ($5::uuid IS NULL OR r.id > $5)
        AND ($6::text IS NULL OR r.created_by = $6)
    ORDER BY r.id
    LIMIT $7"""

_STAGES = "SELECT * FROM stage WHERE recording_id = ANY($1::uuid[])"


@dataclass(slots=True)
class Recording:
    """A locked recording, changed in memory and saved once; `done` are its finished stages."""

    id: UUID
    office: str
    purpose: Purpose
    state: str
    created_by: str
    reference: str | None
    leaves_on: date | None
    card_not_before: date | None
    packet_version: int | None
    identity_version: int
    awaits: str | None
    print_ready_at: datetime | None
    card_printed_at: datetime | None
    suket_until: date | None
    arrived_at: datetime
    captured_at: datetime | None
    sequence: int
    version: int
    changed_at: datetime
    done: frozenset[Stage]

    @property
    def regency(self) -> str:
        """The regency an office belongs to: the first two parts of its code."""
        return self.office[:5]

    @property
    def is_open(self) -> bool:
        """Tell whether anything can still happen to it."""
        return self.state in ("in_progress", "parked")

    def next_sequence(self) -> int:
        """Give the number of its next event; the row is locked, so none is left out."""
        self.sequence += 1
        return self.sequence


async def open_all(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert recordings; one that exists already stays as it is."""
    await tx.execute(_OPEN, *map(list, zip(*rows, strict=True)))


async def lock(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, Recording]:
    """Lock recordings in the order of their ids, so that two batches never wait for each other."""
    rows = await tx.fetch(_LOCK, ids)
    done = {row["recording_id"]: row["done"] for row in await tx.fetch(_DONE, ids)}
    return {row["id"]: recording_of(row, done.get(row["id"], ())) for row in rows}


async def save(tx: Transaction, recordings: Sequence[Recording]) -> None:
    """Write what changed, and the sequence, of locked recordings."""
    rows = [
        (r.id, r.state, r.awaits, r.print_ready_at, r.card_printed_at, r.suket_until, r.sequence) for r in recordings
    ]
    if rows:
        await tx.execute(_SAVE, *map(list, zip(*rows, strict=True)))


async def attach(tx: Transaction, rows: Sequence[tuple[UUID, int, str, str, int, datetime]]) -> list[UUID]:
    """Note the newest packet of each recording and give those for which it was newer."""
    return [row["id"] for row in await tx.fetch(_ATTACH, *map(list, zip(*rows, strict=True)))]


async def correct(tx: Transaction, rows: Sequence[tuple[UUID, int, str, str, str, date | None]]) -> list[UUID]:
    """Note the newest identity of each recording and give those for which it was newer."""
    return [row["id"] for row in await tx.fetch(_CORRECT, *map(list, zip(*rows, strict=True)))]


async def check_identity_anew(tx: Transaction, caused_by: Mapping[UUID, str]) -> list[tuple[UUID, Stage]]:
    """Let identity checks begin again, before what is not yet sent; gives the stages that were parked or done."""
    ids = list(caused_by)
    checks = await tx.fetch(_CHECK_ANEW, ids, list(caused_by.values()))
    await tx.execute(_CALL_OFF, ids)
    held = await tx.fetch(_HOLD_BACK, ids)
    return [(row["recording_id"], Stage(row["stage"])) for row in (*checks, *held) if row["state"] != "waiting"]


async def still_parked(tx: Transaction, ids: Sequence[UUID]) -> set[UUID]:
    """Tell which of these recordings have a stage that waits for a person."""
    return {row["recording_id"] for row in await tx.fetch(_STILL_PARKED, ids)}


async def move(tx: Transaction, places: dict[UUID, str]) -> None:
    """Put recordings and their stages at another office."""
    await tx.execute(_MOVE, list(places), list(places.values()))
    await tx.execute(_MOVE_STAGES, list(places), list(places.values()))


async def read(tx: Transaction, recording_id: UUID, offices: Sequence[str]) -> Recording | None:
    """Read one recording if it lies in these offices."""
    row = await tx.fetchrow(_READ, recording_id, offices)
    return recording_of(row, ()) if row else None


async def list_all(  # noqa: PLR0917  these are the query's parameters, in its order
    tx: Transaction,
    offices: Sequence[str],
    office: str | None,
    reference: str | None,
    changed_since: datetime | None,
    after: UUID | None,
    created_by: str | None,
    limit: int,
) -> list[Recording]:
    """List recordings by id, that is by the time they arrived."""
    rows = await tx.fetch(_LIST, offices, office, reference, changed_since, after, created_by, limit)
    return [recording_of(row, ()) for row in rows]


async def stages_of(tx: Transaction, ids: Sequence[UUID]) -> list[Any]:
    """Read the stage rows of recordings, unlocked."""
    return await tx.fetch(_STAGES, ids)


def recording_of(row: Any, done: Sequence[str]) -> Recording:
    """Read a recording from its row."""
    fields = {name: row[name] for name in Recording.__slots__ if name not in ("done", "purpose")}
    return Recording(**fields, purpose=Purpose(row["purpose"]), done=frozenset(map(Stage, done)))
