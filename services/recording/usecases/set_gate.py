from dataclasses import dataclass
from datetime import timedelta

from services.recording.domain.gate import Gate
from services.recording.domain.operating import UNSAID, Order, Unsaid, ordered, up_to_date
from services.recording.store import gates
from services.recording.usecases.change_gate import change_gate
from shared.events.envelope import Data, Event
from shared.events.vocabulary import Operation
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction, clock


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator asks of a gate, for how long, and why."""

    by: str
    reason_code: str
    lasts: timedelta
    pauses: bool | None = None
    per_second: float | Unsaid | None = UNSAID


async def set_gate(tx: Transaction, operation: Operation, wish: Wish, *, outbox: Outbox) -> Gate:
    """Pause a gate, let it go on, or set and lift its ceiling; always with an end, and always told (API §4)."""
    before, sequence = await gates.lock(tx, operation)
    now = await clock(tx)
    order = Order(wish.by, wish.reason_code, now + wish.lasts, wish.pauses, wish.per_second)
    after = ordered(before, order, now)
    await outbox.add(tx, await change_gate(tx, operation, before, after, sequence, changed_by=wish.by))
    return after


async def end_orders(tx: Transaction, operation: Operation) -> list[Event[Data]]:
    """Let what an operator ordered end by the clock, though no claim came by."""
    before, sequence = await gates.lock(tx, operation)
    after = up_to_date(before, await clock(tx))
    return await change_gate(tx, operation, before, after, sequence, changed_by="clock")
