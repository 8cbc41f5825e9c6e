"""The neutral target: a neighbour that accepts connections, which is all it is asked for."""

import asyncio
import contextlib
import socket

from tools.line.door import Door


class Neutral:
    """It dies with the line when a fault says so."""

    def __init__(self, host: str, port: int, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._silent: set[_Silent] = set()
        self.door = Door(host, port, self._welcome)

    def close(self) -> None:
        """Tear everything down."""
        self.door.close()
        for silent in list(self._silent):
            silent.abort()

    def _welcome(self, accepted: socket.socket) -> None:
        self._tasks.create_task(self._attach(accepted))

    async def _attach(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(lambda: _Silent(self._silent), accepted)


class _Silent(asyncio.Protocol):
    def __init__(self, all_silent: "set[_Silent]") -> None:
        self._all = all_silent
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._all.discard(self)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.close()
