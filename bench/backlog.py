"""A backlog of the whole country: 700,000 stages that wait, over 7,285 offices, one of them with 15,600."""

from datetime import timedelta
from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
OFFICES = 7_285
LARGEST = 15_600

# Office n of 1..7,284 gets an even share; office 0 is the largest. A tenth travels, two tenths are of today.
_FILL = """
    WITH person AS (
        SELECT uuidv7() AS id, n,
            CASE WHEN n < $2 THEN '99.99.01'
                 ELSE (11 + n % 7284 / 90)::text || '.' || to_char(n % 7284 % 90 + 1, 'FM00') || '.01'
            END AS office,
            CASE WHEN n % 10 = 0 THEN 'traveller' WHEN n % 10 < 3 THEN 'today' ELSE 'backlog' END AS lane
        FROM generate_series(0, $1::int - 1) AS n),
    arrived AS (
        INSERT INTO recording (id, office, purpose, sealed_at, identity_ref, identity_digest, identity_version,
            arrived_at)
        SELECT id, office, 'suket_extension', office, 'none', 'none', 1, now() FROM person)
    INSERT INTO stage (recording_id, stage, operation, lane, office, due_at)
    SELECT id, 'identity_check', 'identity_check', lane, office, now() + $3::interval + n * interval '1 millisecond'
    FROM person"""


async def fill(connection: Connection, number: int, due_in: timedelta) -> None:
    """Write a backlog of which the first is due then, in place of whatever was there."""
    await connection.execute("TRUNCATE recording, stage", timeout=60)
    largest = round(number * LARGEST / 700_000)
    await connection.execute(_FILL, number, largest, due_in, timeout=600)
    for table in ("recording", "stage"):
        await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=600)
