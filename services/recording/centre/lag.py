"""How late the event loop is: a blocked loop must not be taken for a slow centre."""

import asyncio
import time
from collections import deque

_TICK_SECONDS = 0.1
_WORTH_KEEPING = 0.02


class LoopLag:
    """Ticks while anyone watches; the tick that has not come yet counts too."""

    def __init__(self) -> None:
        self._watchers = 0
        self._expected: float | None = None
        self._late: deque[tuple[float, float]] = deque(maxlen=256)

    def watch(self) -> None:
        """Begin to watch, for one call."""
        self._watchers += 1
        if self._expected is None:
            self._tick_later()

    def unwatch(self) -> None:
        """Stop watching; the last one lets the ticking end."""
        self._watchers -= 1

    def worst_since(self, started: float) -> float:
        """Give the longest stretch, in milliseconds, that the loop stood still since then."""
        now = time.monotonic()
        # A stretch that began before the call is not this call's.
        stretches = [min(lag, at - started) for at, lag in self._late if at > started]
        if self._expected is not None:
            stretches.append(min(now - self._expected, now - started))
        return round(max(0.0, *stretches, 0.0) * 1000, 3)

    def _tick_later(self) -> None:
        self._expected = time.monotonic() + _TICK_SECONDS
        asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        lag = now - (self._expected or now)
        if lag > _WORTH_KEEPING:
            self._late.append((now, lag))
        self._expected = None
        if self._watchers > 0:
            self._tick_later()
