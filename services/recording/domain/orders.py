"""What a person may order of a gate, always with an end: a pause, a ceiling. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

# What may start at once under a ceiling: a quarter of a second's worth, but at least one call.
_BURST_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A token bucket: so many calls a second until then."""

    per_second: float
    until: datetime
    tokens: float
    counted_at: datetime

    def filled(self, now: datetime) -> float:
        """Tell what is in the bucket."""
        gathered = max(0.0, (now - self.counted_at).total_seconds()) * self.per_second
        return min(max(1.0, self.per_second * _BURST_SECONDS), self.tokens + gathered)

    def left(self, now: datetime) -> int:
        """Tell how many calls may start now."""
        return int(self.filled(now))

    def seconds_to_next(self, now: datetime) -> float:
        """Tell how long until a call may start."""
        return max(0.0, (1 - self.filled(now)) / self.per_second)

    def after(self, calls: int, now: datetime) -> "Ceiling":
        """Take what started calls cost."""
        return replace(self, tokens=self.filled(now) - calls, counted_at=now)


@dataclass(frozen=True, slots=True)
class Orders:
    """What is in force, with who ordered it last and why."""

    paused_until: datetime | None = None
    ceiling: Ceiling | None = None
    by: str | None = None
    reason_code: str | None = None

    @property
    def until(self) -> datetime | None:
        """Say when what is in force ends: the pause first, else the ceiling."""
        return self.paused_until or (self.ceiling.until if self.ceiling else None)

    @property
    def per_second(self) -> float | None:
        """Give the ceiling, if there is one."""
        return self.ceiling.per_second if self.ceiling else None


NO_ORDERS = Orders()


def in_force(orders: Orders, now: datetime) -> Orders:
    """Drop what has ended; who ordered it goes with the last of it."""
    ceiling = orders.ceiling if orders.ceiling and now < orders.ceiling.until else None
    paused = orders.paused_until if orders.paused_until and now < orders.paused_until else None
    if ceiling is None and paused is None:
        return NO_ORDERS
    return replace(orders, paused_until=paused, ceiling=ceiling)
