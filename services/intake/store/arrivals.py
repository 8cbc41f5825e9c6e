"""Arrivals and the recordings they began."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from services.intake.domain.visits import NewArrival, Recording, Sight
from services.intake.store import tickets
from shared.events.progress import Progress
from shared.events.vocabulary import Purpose
from shared.postgres.pool import Transaction

_OPEN_OF_PEOPLE = """
    SELECT recording_id, nik_ref, office, purpose, arrived_at, receipt_code, check_hmac, created_by, is_open, sequence,
        packet_version, leaves_on, ticket_id, progress, identity_version
    FROM arrival
    WHERE nik_ref = ANY($1::uuid[]) AND is_open
    ORDER BY recording_id
    FOR UPDATE"""  # leans on arrival_open

_LOCK = """
    SELECT recording_id, nik_ref, office, purpose, arrived_at, receipt_code, check_hmac, created_by, is_open, sequence,
        packet_version, leaves_on, ticket_id, progress, identity_version
    FROM arrival
    WHERE recording_id = ANY($1::uuid[]) AND office LIKE ANY($2::text[])
        AND ($3::text IS NULL OR created_by = $3)
    ORDER BY recording_id
    FOR UPDATE"""

_LOCK_BY_RECEIPT = """
    SELECT recording_id, nik_ref, office, purpose, arrived_at, receipt_code, check_hmac, created_by, is_open, sequence,
        packet_version, leaves_on, ticket_id, progress, identity_version
    FROM arrival
    WHERE receipt_code = $1
    FOR UPDATE"""

_SHOW = """
    SELECT recording_id, nik_ref, office, purpose, arrived_at, receipt_code, check_hmac, created_by, is_open, sequence,
        packet_version, leaves_on, ticket_id, progress, identity_version, accepted_at, card_not_before, reference,
        paper_number, warnings
    FROM arrival
    WHERE recording_id = $1 AND office LIKE ANY($2::text[])
        AND ($3::text IS NULL OR created_by = $3)"""

_OPEN_HERE = """
    SELECT recording_id, nik_ref, office, purpose, arrived_at, receipt_code, check_hmac, created_by, is_open, sequence,
        packet_version, leaves_on, ticket_id, progress, identity_version
    FROM arrival
    WHERE nik_ref = ANY($1::uuid[]) AND is_open AND office LIKE ANY($2::text[])
        AND ($3::text IS NULL OR created_by = $3)
    ORDER BY recording_id"""

_ADD = """
    INSERT INTO arrival (
        recording_id, nik_ref, office, purpose, arrived_at, receipt_code, check_hmac, created_by, sequence, leaves_on,
        ticket_id, identity_version, identity_segment, identity_dataref, identity_digest, card_not_before, reference,
        paper_number, beside_reason, warnings)
    SELECT
        recording_id, nik_ref, office, purpose, arrived_at, receipt_code, check_hmac, created_by, sequence, leaves_on,
        ticket_id, identity_version, split_part(dataref, '#', 1), dataref, digest, card_not_before, reference,
        paper_number, beside_reason, string_to_array(warnings, ' ')
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
        $9::bigint[], $10::date[], $11::uuid[], $12::int[], $13::text[], $14::text[], $15::date[], $16::text[],
        $17::text[], $18::text[], $19::text[])
        AS fresh (
            recording_id, nik_ref, office, purpose, arrived_at, receipt_code, check_hmac, created_by, sequence,
            leaves_on, ticket_id, identity_version, dataref, digest, card_not_before, reference, paper_number,
            beside_reason, warnings)"""

_SAVE = """
    UPDATE arrival
    SET office = saved.office, is_open = saved.is_open, sequence = saved.sequence, leaves_on = saved.leaves_on,
        packet_version = saved.packet_version, ticket_id = saved.ticket_id, progress = saved.progress
    FROM unnest($1::uuid[], $2::text[], $3::bool[], $4::bigint[], $5::date[], $6::int[], $7::uuid[], $8::jsonb[])
        AS saved (recording_id, office, is_open, sequence, leaves_on, packet_version, ticket_id, progress)
    WHERE arrival.recording_id = saved.recording_id"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A recording with what only its own page tells."""

    recording: Recording
    more: dict[str, Any]


async def lock_open(tx: Transaction, nik_refs: Iterable[UUID]) -> list[Recording]:
    """Lock the open recordings of these people, whatever the office, oldest first."""
    return await _with_tickets(tx, await tx.fetch(_OPEN_OF_PEOPLE, list(nik_refs)))


async def lock(tx: Transaction, ids: Iterable[UUID], sight: Sight) -> list[Recording]:
    """Lock those of these recordings that the caller may see, ordered by id."""
    rows = await tx.fetch(_LOCK, list(ids), sight.offices, sight.created_by)
    return await _with_tickets(tx, rows)


async def lock_by_receipt(tx: Transaction, receipt_code: str) -> Recording | None:
    """Lock the recording of a receipt, whatever the office: its holder may go on anywhere."""
    found = await _with_tickets(tx, await tx.fetch(_LOCK_BY_RECEIPT, receipt_code))
    return found[0] if found else None


async def show(tx: Transaction, recording_id: UUID, sight: Sight) -> Shown | None:
    """Read one arrival that the caller may see."""
    row = await tx.fetchrow(_SHOW, recording_id, sight.offices, sight.created_by)
    if row is None:
        return None
    names = ("accepted_at", "card_not_before", "reference", "paper_number", "warnings")
    return Shown((await _with_tickets(tx, [row]))[0], {name: row[name] for name in names})


async def open_here(tx: Transaction, nik_refs: Sequence[UUID], sight: Sight) -> list[Recording]:
    """Read the open recordings of a person at the caller's offices."""
    rows = await tx.fetch(_OPEN_HERE, nik_refs, sight.offices, sight.created_by)
    return await _with_tickets(tx, rows)


async def add(tx: Transaction, arrivals: Sequence[NewArrival]) -> None:
    """Write new arrivals."""
    if arrivals:
        await tx.execute(_ADD, *(list(column) for column in zip(*map(_new_row, arrivals), strict=True)))


async def save(tx: Transaction, recordings: Sequence[Recording]) -> None:
    """Write back locked recordings."""
    if not recordings:
        return
    rows = [
        (r.id, r.office, r.is_open, r.sequence, r.leaves_on, r.packet_version, _ticket_of(r), _written(r.progress))
        for r in recordings
    ]
    await tx.execute(_SAVE, *(list(column) for column in zip(*rows, strict=True)))


def _written(progress: Progress) -> Any:
    return msgspec.to_builtins(progress, str_keys=True)


def _new_row(new: NewArrival) -> tuple[Any, ...]:
    one = new.recording
    return (
        one.id,
        one.nik_ref,
        one.office,
        one.purpose,
        one.since,
        one.receipt_code,
        one.check_hmac,
        one.created_by,
        one.sequence,
        one.leaves_on,
        _ticket_of(one),
        new.identity_version,
        new.dataref,
        new.digest,
        new.card_not_before,
        new.reference,
        new.paper_number,
        new.beside_reason,
        " ".join(new.warnings),
    )


def _ticket_of(recording: Recording) -> UUID:
    if recording.ticket is None:
        raise ValueError("a recording without a ticket")
    return recording.ticket.id


async def _with_tickets(tx: Transaction, rows: Sequence[Record]) -> list[Recording]:
    # A statement of its own: it sees what was committed while the locks were waited for.
    found = await tickets.of_ids(tx, [row["ticket_id"] for row in rows])
    return [replace(_recording(row), ticket=found.get(row["ticket_id"])) for row in rows]


def _recording(row: Record) -> Recording:
    return Recording(
        id=row["recording_id"],
        nik_ref=row["nik_ref"],
        office=row["office"],
        purpose=Purpose(row["purpose"]),
        since=row["arrived_at"],
        receipt_code=row["receipt_code"],
        check_hmac=row["check_hmac"],
        created_by=row["created_by"],
        is_open=row["is_open"],
        sequence=row["sequence"],
        packet_version=row["packet_version"],
        identity_version=row["identity_version"],
        leaves_on=row["leaves_on"],
        progress=msgspec.convert(row["progress"], Progress),
    )
