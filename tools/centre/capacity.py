"""How much the centre can do a second, and how long its own queue is."""

import msgspec


class CapacityRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of PUT /capacity; null is unlimited, and a refusal names a time to come back only when told one."""

    per_second: float | None = None
    queue: int | None = None
    retry_after: int | None = None

    def __post_init__(self) -> None:
        if self.per_second is not None and self.per_second <= 0:
            raise ValueError("per_second is above 0")


class Capacity:
    """A leaky bucket: each call takes the next free turn, or none when the queue is full."""

    def __init__(self, limit: CapacityRequest | None = None) -> None:
        self.limit = limit or CapacityRequest()
        self._next_turn_at = 0.0

    def set(self, limit: CapacityRequest) -> None:
        """Change the limit from the next call on."""
        self.limit = limit
        self._next_turn_at = 0.0

    def wait_seconds(self, now: float) -> float | None:
        """Take a turn and return the wait for it, or None when the queue is full."""
        if self.limit.per_second is None:
            return 0.0
        turn_at = max(self._next_turn_at, now)
        waiting = (turn_at - now) * self.limit.per_second
        if self.limit.queue is not None and waiting > self.limit.queue:
            return None
        self._next_turn_at = turn_at + 1 / self.limit.per_second
        return turn_at - now
