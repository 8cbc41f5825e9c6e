"""A secured connection to one host: resolve, connect, tls, each timed and each failing under its own name."""

import asyncio
import socket
import ssl

from services.recording.centre.connection import Connection
from services.recording.centre.evidence import Trail
from services.recording.centre.failures import NeverReached, error_name
from services.recording.centre.reaching import connected
from services.recording.centre.resolving import Resolver
from services.recording.centre.tls import TlsLayer
from shared.events.vocabulary import Phase


class Dialler:
    """Opens connections to one host."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        self._host, self._context = host, context
        self._resolver = Resolver(host, port)

    async def dial(self, trail: Trail, deadline: float) -> Connection:
        """Open a secured connection, or raise `Interrupted`; cancelled, it leaves no socket behind."""
        raw = await connected(self._resolver, trail, deadline)
        trail.enter(Phase.TLS)
        return await self._secure(raw, trail, deadline)

    def close(self) -> None:
        """Let the look-up threads go."""
        self._resolver.close()

    async def _secure(self, raw: socket.socket, trail: Trail, deadline: float) -> Connection:
        layer = TlsLayer(self._context, self._host)
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(raw, trail.address or "", layer, deadline - trail.started), sock=raw
            )
        except BaseException as error:
            raw.close()
            if isinstance(error, OSError):
                raise NeverReached(error_name(error)) from error
            raise
        await connection.secure(trail, deadline)
        return connection
