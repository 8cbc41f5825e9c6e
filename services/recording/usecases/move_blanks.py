from services.recording import events_out
from services.recording.store import blanks
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction
from shared.problems import Invalid


async def move_blanks(
    tx: Transaction, regency: str, *, kind: str, count: int, reason_code: str, moved_by: str, outbox: Outbox
) -> dict[str, int | str]:
    """Book a delivery, spoiled blanks or a count of the shelf; refuses to take away more than there are."""
    before = await blanks.lock_stock(tx, regency)
    by = {"delivered": count, "spoiled": -count, "counted": count - before}[kind]
    if before + by < 0:
        raise Invalid("See the errors.", errors=[{"pointer": "#/count", "detail": "More than the stock."}])
    stock, sequence = await blanks.change(tx, regency, by, events=1)
    await blanks.note_movement(tx, (regency, kind, count, stock, reason_code, moved_by))
    movement = {"kind": kind, "count": count, "stock": stock}
    await outbox.add(tx, [events_out.blanks_moved(regency, movement, sequence=sequence)])
    return {"regency": regency, "stock": stock}
