"""From a name to addresses, within a time of our own choosing."""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

Address: TypeAlias = tuple[int, tuple[Any, ...]]  # family and what connect() takes


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
        loop = asyncio.get_running_loop()
        if self._pending is None or self._pending.done() or self._pending.get_loop() is not loop:
            self._pending = loop.run_in_executor(self._threads, _look_up, self._host, self._port, 0)
            self._pending.add_done_callback(_be_seen)
        return await asyncio.shield(self._pending)

    def at_once(self) -> list[Address]:
        """Give a written address."""
        return _look_up(self._host, self._port, socket.AI_NUMERICHOST)

    def close(self) -> None:
        """Let the threads go; a hung look-up ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]


def _be_seen(lookup: "asyncio.Future[list[Address]]") -> None:
    """Take the exception of a look-up whose callers have all gone, so that asyncio does not complain of it."""
    if not lookup.cancelled():
        lookup.exception()
