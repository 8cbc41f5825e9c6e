"""The centre's TLS door: open, shut, or open with the wrong papers, always on one port."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import cast

from tools.centre.faults import Door
from tools.centre.wire import Admit, HttpConnection, Serve

_BACKLOG = 512
_CERTIFICATES = {Door.OPEN: "centre.pem", Door.EXPIRED: "expired.pem", Door.WRONG_HOST: "wronghost.pem"}


class Listener:
    """Owns the port; while shut the port is held, so that nobody else takes it and callers see RST."""

    def __init__(self, host: str, port: int, keys_dir: Path, serve: Serve, admit: Admit) -> None:
        # Bound and never listening: it keeps the port ours while the door is shut.
        self._holder = _bound((host, port))
        self._address: tuple[str, int] = self._holder.getsockname()
        self._serve, self._admit = serve, admit
        self._contexts = {door: _context(keys_dir, name) for door, name in _CERTIFICATES.items()}
        self._connections: set[HttpConnection] = set()
        self._server: asyncio.Server | None = None
        self._turn = asyncio.Lock()
        self._door = Door.CLOSED

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self._address[1]

    async def switch(self, door: Door) -> None:
        """Stand as asked; open connections are torn down when anything changes."""
        async with self._turn:
            if door is self._door:
                return
            self._shut()
            await self._open(door)
            self._door = door

    async def stop(self) -> None:
        """Shut, and give the port back."""
        await self.switch(Door.CLOSED)
        self._holder.close()

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.reset()

    async def _open(self, door: Door) -> None:
        if door is Door.CLOSED:
            return
        listening = _bound(self._address)
        listening.listen(_BACKLOG)
        loop = asyncio.get_running_loop()
        if door is Door.ACCEPTS_AND_CLOSES:
            self._server = await loop.create_server(_ClosesAtOnce, sock=listening)
            return
        self._server = await loop.create_server(
            lambda: HttpConnection(self._serve, self._connections, self._admit),
            sock=listening,
            ssl=self._contexts[door],
        )


class _ClosesAtOnce(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


def _bound(address: tuple[str, int]) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    bound.bind(address)
    return bound


def _context(keys_dir: Path, certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys_dir / certificate, keys_dir / "centre.key")
    context.set_alpn_protocols(["http/1.1"])
    # Nobody resumes a session here, and the line tells an answer by its being the first bytes back.
    context.num_tickets = 0
    return context
