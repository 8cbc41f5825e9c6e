"""What status does by itself: notice how fresh its hearing is."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from shared.lifecycle import keep_doing


class Freshness:
    """When this service last heard Kafka and reached its database, by the monotonic clock."""

    def __init__(self) -> None:
        self._at: float | None = None

    def mark(self) -> None:
        """Note that all is heard now."""
        self._at = time.monotonic()

    def age_seconds(self) -> float | None:
        """Tell how old the data may be; absent before the first hearing."""
        return None if self._at is None else time.monotonic() - self._at


async def watch_hearing(
    is_ready: Callable[[], Awaitable[dict[str, bool]]], freshness: Freshness, stop: asyncio.Event
) -> None:
    """Mark the freshness as long as every part works."""

    async def turn() -> float:
        async with asyncio.timeout(5):
            parts = await is_ready()
        if not all(parts.values()):
            return 0.2
        freshness.mark()
        return 2.0

    await keep_doing(turn, stop, name="watch hearing", rest=2.0)
