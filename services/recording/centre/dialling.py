"""From a name to a secured connection: resolve, connect, tls, each timed and each failing under its own name."""

import asyncio
import ipaddress
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from services.recording.centre import tcp
from services.recording.centre.connection import Connection
from services.recording.centre.evidence import Trail
from services.recording.centre.failures import NeverReached, OutOfTime, error_name
from services.recording.centre.tls import TlsLayer
from shared.events.vocabulary import Phase

Address: TypeAlias = tuple[int, tuple[Any, ...]]  # family and what connect() takes
_SHORTEST_SECONDS = 0.001


class Resolver:
    """Look-ups run in threads of their own: asyncio's default executor may be starved by others' work."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="centre-dns")
        self._pending: asyncio.Future[list[Address]] | None = None

    @property
    def is_needed(self) -> bool:
        """Say whether the host is a name; a written address resolves to itself."""
        try:
            ipaddress.ip_address(self._host)
        except ValueError:
            return True
        return False

    async def resolve(self) -> list[Address]:
        """Give the addresses; all who ask at once share one look-up, so a hung one takes one thread only."""
        if self._pending is None or self._pending.done():
            loop = asyncio.get_running_loop()
            self._pending = loop.run_in_executor(self._threads, _look_up, self._host, self._port, 0)
            self._pending.add_done_callback(_be_seen)
        return await asyncio.shield(self._pending)

    def at_once(self) -> list[Address]:
        """Give a written address."""
        return _look_up(self._host, self._port, socket.AI_NUMERICHOST)

    def close(self) -> None:
        """Let the threads go; a hung look-up ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class Dialler:
    """Opens connections to one host."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        self._host, self._context = host, context
        self._resolver = Resolver(host, port)

    async def dial(self, trail: Trail, deadline: float) -> Connection:
        """Open a secured connection, or raise `Interrupted`; cancelled, it leaves no socket behind."""
        addresses = await self._resolve(trail, deadline)
        trail.enter(Phase.CONNECT)
        raw = await self._connect(addresses, trail, deadline)
        trail.enter(Phase.TLS)
        return await self._secure(raw, trail, deadline)

    def close(self) -> None:
        """Let the look-up threads go."""
        self._resolver.close()

    async def _resolve(self, trail: Trail, deadline: float) -> list[Address]:
        if not self._resolver.is_needed:
            return self._resolver.at_once()
        trail.enter(Phase.RESOLVE)
        try:
            async with asyncio.timeout(_seconds_to(deadline)):
                return await self._resolver.resolve()
        except TimeoutError as late:
            raise OutOfTime from late
        except OSError as error:
            raise NeverReached(error_name(error)) from error

    async def _connect(self, addresses: list[Address], trail: Trail, deadline: float) -> socket.socket:
        failure = NeverReached("EAI_NODATA")
        for tried, (family, address) in enumerate(addresses):
            trail.address = f"{address[0]}:{address[1]}"
            # A dead first address leaves the others their share of the time.
            share = _seconds_to(deadline) / (len(addresses) - tried)
            try:
                return await _connected(family, address, share, deadline - trail.started)
            except OSError as error:
                failure = NeverReached(error_name(error))
        raise failure

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


async def _connected(family: int, address: tuple[Any, ...], seconds: float, survives_seconds: float) -> socket.socket:
    raw = socket.socket(family, socket.SOCK_STREAM)
    try:
        raw.setblocking(False)
        tcp.prepare(raw, survives_seconds)
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(raw, address)
    except BaseException:
        raw.close()
        raise
    return raw


def _look_up(host: str, port: int, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]


def _be_seen(lookup: "asyncio.Future[list[Address]]") -> None:
    """Take the exception of a look-up whose callers have all gone, so that asyncio does not complain of it."""
    if not lookup.cancelled():
        lookup.exception()


def _seconds_to(deadline: float) -> float:
    return max(deadline - time.monotonic(), _SHORTEST_SECONDS)
