"""Card blanks as a plain stock count per regency, and the published order of printing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from shared.postgres.pool import Transaction

_TAKE = """
    INSERT INTO blank_stock (regency) VALUES ($1)
    ON CONFLICT (regency) DO UPDATE SET stock = blank_stock.stock
    RETURNING stock"""

_CHANGE = """
    UPDATE blank_stock
    SET stock = stock + $2, sequence = sequence + $3
    WHERE regency = $1
    RETURNING stock, sequence"""

_MOVED = """
    INSERT INTO blank_movement (regency, kind, count, stock_after, reason_code, moved_by)
    VALUES ($1, $2, $3, $4, $5, $6)"""

_MOVEMENTS = "SELECT * FROM blank_movement WHERE regency = $1 AND id > $2 ORDER BY id LIMIT $3"
_STOCK = "SELECT stock FROM blank_stock WHERE regency = $1"

_FIRST_IN_LINE = """
    SELECT id
    FROM recording
    WHERE awaits = 'blank' AND left(office, 5) = $1 AND state = 'in_progress'
    ORDER BY (purpose <> 'first_recording'), print_ready_at
    LIMIT $2"""  # leans on recording_print_order

_REGENCIES_WITH_BOTH = """
    SELECT s.regency
    FROM blank_stock s
    WHERE s.stock > 0 AND EXISTS (
        SELECT 1
        FROM recording r
        WHERE r.awaits = 'blank' AND left(r.office, 5) = s.regency AND r.state = 'in_progress')"""

_BIRTHDAYS = """
    SELECT id
    FROM recording
    WHERE awaits = 'birthday' AND card_not_before <= (clock_timestamp() AT TIME ZONE 'Asia/Jakarta')::date
    LIMIT $1"""  # leans on recording_birthdays


async def lock_stock(tx: Transaction, regency: str) -> int:
    """Lock a regency's stock and give it."""
    stock: int = await tx.fetchval(_TAKE, regency)
    return stock


async def change(tx: Transaction, regency: str, by: int, *, events: int = 0) -> tuple[int, int]:
    """Change a locked stock; gives the new stock and the last event's sequence."""
    row = await tx.fetchrow(_CHANGE, regency, by, events)
    if row is None:
        raise LookupError(regency)
    return row["stock"], row["sequence"]


async def note_movement(tx: Transaction, movement: Sequence[Any]) -> None:
    """Keep who moved how many blanks and why."""
    await tx.execute(_MOVED, *movement)


async def movements(tx: Transaction, regency: str, after: int, limit: int) -> list[Any]:
    """List the movements of a regency, oldest first."""
    return await tx.fetch(_MOVEMENTS, regency, after, limit)


async def stock(tx: Transaction, regency: str) -> int:
    """Read a regency's stock; none known is none there."""
    return await tx.fetchval(_STOCK, regency) or 0


async def first_in_line(tx: Transaction, regency: str, limit: int) -> list[UUID]:
    """Give whose cards are printed next."""
    return [row["id"] for row in await tx.fetch(_FIRST_IN_LINE, regency, limit)]


async def regencies_with_both(tx: Transaction) -> list[str]:
    """Find regencies that have blanks and people waiting for them."""
    return [row["regency"] for row in await tx.fetch(_REGENCIES_WITH_BOTH)]


async def of_age(tx: Transaction, limit: int) -> list[UUID]:
    """Find recordings whose person has turned 17."""
    return [row["id"] for row in await tx.fetch(_BIRTHDAYS, limit)]
