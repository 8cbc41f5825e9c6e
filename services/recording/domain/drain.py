"""When a queue will be empty, as far as can be told. Pure."""

from datetime import datetime, timedelta

from services.recording.domain.gate import Gate
from shared.events.vocabulary import GateState

_EITHER_WAY = 1.3
_MOST_GROWTH = 4.0


def drain_eta(gate: Gate, due: int, done_per_second: float, now: datetime) -> tuple[datetime, datetime] | None:
    """Say between when and when what is due is done; nothing when nobody can know, or nothing waits.

    The recent rate, a third either way; sooner when the limit still has room to grow, never above the ceiling.
    """
    is_waiting = gate.state is not GateState.FLOWING or (gate.not_before is not None and now < gate.not_before)
    if due == 0 or done_per_second <= 0 or is_waiting:
        return None
    growth = min(_MOST_GROWTH, max(_EITHER_WAY, gate.pace.most / gate.pace.allowed))
    highest = gate.orders.per_second or float("inf")
    fast, slow = (min(highest, rate) for rate in (done_per_second * growth, done_per_second / _EITHER_WAY))
    return now + timedelta(seconds=due / fast), now + timedelta(seconds=due / slow)
