"""What an operator's orders make of a gate, and their end by the clock. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from services.recording.domain.gate import Gate
from services.recording.domain.orders import Ceiling, in_force
from services.recording.domain.pace import restarted
from shared.events.vocabulary import GateState


class Unsaid(Enum):
    """What a command leaves as it is; None lifts it."""

    UNSAID = "unsaid"


UNSAID = Unsaid.UNSAID


@dataclass(frozen=True, slots=True)
class Order:
    """One command about a gate."""

    by: str
    reason_code: str
    until: datetime
    pauses: bool | None = None
    per_second: float | Unsaid | None = UNSAID


def ordered(gate: Gate, order: Order, now: datetime) -> Gate:
    """Carry an order out."""
    gate = up_to_date(gate, now)
    orders = replace(gate.orders, by=order.by, reason_code=order.reason_code)
    if not isinstance(order.per_second, Unsaid):
        orders = replace(orders, ceiling=_ceiling(order.per_second, order.until, now))
    if order.pauses:
        paused = replace(orders, paused_until=order.until)
        since = gate.since if gate.state is GateState.PAUSED else now
        return replace(gate, state=GateState.PAUSED, since=since, orders=paused)
    if order.pauses is False:
        # A person who says "go on" outweighs what the centre asked of us some minutes ago.
        gate = replace(_resumed(gate, now), not_before=None)
        orders = replace(orders, paused_until=None)
    return replace(gate, orders=in_force(orders, now))


def up_to_date(gate: Gate, now: datetime) -> Gate:
    """Let orders end by the clock: a pause into holding if the gate held before, else into a slow start."""
    orders = in_force(gate.orders, now)
    if orders == gate.orders and (gate.state is not GateState.PAUSED or orders.paused_until):
        return gate
    gate = replace(gate, orders=orders)
    return gate if orders.paused_until else _resumed(gate, now)


def _resumed(gate: Gate, now: datetime) -> Gate:
    if gate.state is not GateState.PAUSED:
        return gate
    gate = replace(gate, since=now, pace=restarted(gate.pace), failing=(), broken=(), losses=0)
    if gate.cause is not None:
        return replace(gate, state=GateState.HOLDING, probe_at=now)
    return replace(gate, state=GateState.FLOWING)


def _ceiling(per_second: float | None, until: datetime, now: datetime) -> Ceiling | None:
    return None if per_second is None else Ceiling(per_second, until, tokens=1.0, counted_at=now)
