"""Keeps connections to the centre warm: at most so many, the last used first, none that has ended."""

import asyncio
import time

from services.recording.centre.connection import Connection
from services.recording.centre.dialling import Dialler
from services.recording.centre.evidence import Trail
from services.recording.centre.failures import CLOSED, NO_SLOT, NeverLeft

_CLOSE_SECONDS = 2.0


class Pool:
    """Every `take` is answered by one `give_back`, also when the call was cancelled."""

    def __init__(self, dialler: Dialler, *, size: int, idle_seconds: float) -> None:
        self._dialler = dialler
        self._slots = asyncio.Semaphore(size)
        self._idle_seconds = idle_seconds
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def take(self, trail: Trail, deadline: float) -> Connection:
        """Give an idle connection that is still fit, else a new one; raises `Interrupted`."""
        await self._wait_for_slot(deadline)
        try:
            return self._fit_one(trail) or await self._new_one(trail, deadline)
        except BaseException:
            self._slots.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next call, or drop it when it cannot carry one."""
        self._slots.release()
        if self._is_closed or not connection.can_go_on:
            connection.abort()
            return
        connection.rested_since = time.monotonic()
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep_in(self._idle_seconds)

    async def close(self) -> None:
        """Drop every connection, those in use too, and wait until the sockets are closed."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            await asyncio.wait([connection.gone for connection in self._open], timeout=_CLOSE_SECONDS)
        self._dialler.close()

    async def _wait_for_slot(self, deadline: float) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)):
                await self._slots.acquire()
        except TimeoutError as late:
            raise NeverLeft(NO_SLOT) from late

    def _fit_one(self, trail: Trail) -> Connection | None:
        oldest = time.monotonic() - self._idle_seconds
        while self._idle:
            connection = self._idle.pop()
            if connection.rested_since >= oldest and connection.is_fit:
                trail.reused = True
                return connection
            connection.abort()
        return None

    async def _new_one(self, trail: Trail, deadline: float) -> Connection:
        if self._is_closed:
            raise NeverLeft(CLOSED)
        connection = await self._dialler.dial(trail, deadline)
        self._open.add(connection)
        connection.gone.add_done_callback(lambda _: self._open.discard(connection))
        return connection

    def _sweep_in(self, seconds: float) -> None:
        self._sweep = asyncio.get_running_loop().call_later(seconds, self._drop_rested)

    def _drop_rested(self) -> None:
        oldest = time.monotonic() - self._idle_seconds
        rested = [connection for connection in self._idle if connection.rested_since <= oldest]
        self._idle = [connection for connection in self._idle if connection.rested_since > oldest]
        for connection in rested:
            connection.abort()
        self._sweep = None
        if self._idle:
            self._sweep_in(self._idle[0].rested_since - oldest)
