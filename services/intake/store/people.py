"""Who a NIK belongs to, by its HMAC; the row's lock makes two arrivals of one person follow each other."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from shared.postgres.pool import Transaction

_ADD = """
    INSERT INTO person (key_version, nik_hmac)
    SELECT $1::int, fresh.nik_hmac
    FROM unnest($2::bytea[]) AS fresh (nik_hmac)
    WHERE NOT EXISTS (
        SELECT
        FROM unnest($3::int[], $4::bytea[], $5::bytea[]) AS older (key_version, nik_hmac, newest)
        JOIN person USING (key_version, nik_hmac)
        WHERE older.newest = fresh.nik_hmac)
    ORDER BY fresh.nik_hmac
    ON CONFLICT DO NOTHING"""  # waits for whoever inserts the same person, so that the next statement sees the row

_LOCK = """
    SELECT person.key_version, person.nik_hmac, person.nik_ref
    FROM unnest($1::int[], $2::bytea[]) AS asked (key_version, nik_hmac)
    JOIN person USING (key_version, nik_hmac)
    ORDER BY person.nik_ref
    FOR UPDATE OF person"""

_FIND = """
    SELECT nik_ref
    FROM unnest($1::int[], $2::bytea[]) AS asked (key_version, nik_hmac)
    JOIN person USING (key_version, nik_hmac)"""

Hmacs = Mapping[int, bytes]


async def lock_people(tx: Transaction, asked: Sequence[Hmacs]) -> list[UUID]:
    """Give each person's reference, made when new, locked until the transaction ends in an order all agree on."""
    newest = max(asked[0])
    fresh = sorted({hmacs[newest] for hmacs in asked})
    older = {(version, hmac, hmacs[newest]) for hmacs in asked for version, hmac in hmacs.items() if version != newest}
    versions, hmacs_, belongs = (list(column) for column in zip(*older, strict=True)) if older else ([], [], [])
    await tx.execute(_ADD, newest, fresh, versions, hmacs_, belongs)
    known = {(version, hmac) for hmacs in asked for version, hmac in hmacs.items()}
    rows = await tx.fetch(_LOCK, *(list(column) for column in zip(*known, strict=True)))
    references = {(row["key_version"], row["nik_hmac"]): row["nik_ref"] for row in rows}
    return [next(references[one] for one in hmacs.items() if one in references) for hmacs in asked]


async def find_person(tx: Transaction, hmacs: Hmacs) -> list[UUID]:
    """Give the references of one NIK under any key version; empty for a person never seen."""
    return [row["nik_ref"] for row in await tx.fetch(_FIND, list(hmacs), list(hmacs.values()))]
