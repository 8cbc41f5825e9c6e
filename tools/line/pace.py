"""A slow line: what passes waits in a queue for its time, so that a delay never becomes a narrowness (R2)."""

import asyncio
from collections import deque
from collections.abc import Callable

_MOST_ON_THE_WAY = 64 * 1024 * 1024
_NARROW_QUEUE_SECONDS = 0.1
_SLICE_SECONDS = 0.02
_SMALLEST_SLICE = 1024


class Pace:
    """One direction; `deliver` gets each piece when it is due, `is_full` tells whether more should be read."""

    def __init__(
        self,
        deliver: Callable[[bytes], None],
        changed: Callable[[], None],
        *,
        seconds: float = 0.0,
        bytes_per_second: float | None = None,
    ) -> None:
        self._deliver = deliver
        self._changed = changed
        self._seconds = seconds
        self._rate = bytes_per_second
        self._queue: deque[tuple[float, bytes | Callable[[], None]]] = deque()
        self._size = 0
        self._free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        """Say whether reading should pause: a narrow line holds little, a long one all that is on its way."""
        return self._size > (_MOST_ON_THE_WAY if self._rate is None else self._rate * _NARROW_QUEUE_SECONDS)

    def put(self, data: bytes) -> None:
        """Take bytes."""
        for piece in self._sliced(data):
            self._queue.append((self._due(len(piece)), piece))
            self._size += len(piece)
        self._run()
        self._changed()

    def then(self, act: Callable[[], None]) -> None:
        """Do this once all that came before has passed."""
        self._queue.append((self._due(0), act))
        self._run()

    def flush(self) -> None:
        """Let everything pass at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            self._pass_first()

    def _sliced(self, data: bytes) -> list[bytes]:
        if self._rate is None:
            return [data]
        size = max(int(self._rate * _SLICE_SECONDS), _SMALLEST_SLICE)
        return [data[at : at + size] for at in range(0, len(data), size)]

    def _due(self, size: int) -> float:
        now = asyncio.get_running_loop().time()
        if self._rate is not None:
            self._free_at = max(self._free_at, now) + size / self._rate
            now = self._free_at
        return now + self._seconds

    def _run(self) -> None:
        self._timer = self._timer or asyncio.get_running_loop().call_at(self._queue[0][0], self._pass_due)

    def _pass_due(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._queue and self._queue[0][0] <= now:
            self._pass_first()
        if self._queue:
            self._run()
        self._changed()

    def _pass_first(self) -> None:
        _, item = self._queue.popleft()
        if isinstance(item, bytes):
            self._size -= len(item)
            self._deliver(item)
        else:
            item()
