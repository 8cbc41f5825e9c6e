"""From a name to a connected socket: resolve and connect, each timed and each failing under its own name."""

import asyncio
import socket
import time
from typing import Any

from services.recording.centre import tcp
from services.recording.centre.evidence import Trail
from services.recording.centre.failures import NeverReached, OutOfTime, error_name
from services.recording.centre.resolving import Address, Resolver
from shared.events.vocabulary import Phase

_SHORTEST_SECONDS = 0.001


async def connected(resolver: Resolver, trail: Trail, deadline: float) -> socket.socket:
    """Reach the first address that answers, or raise `Interrupted`; cancelled, it leaves no socket behind."""
    addresses = await _resolve(resolver, trail, deadline)
    trail.enter(Phase.CONNECT)
    failure = NeverReached("EAI_NODATA")
    for tried, (family, address) in enumerate(addresses):
        trail.address = f"{address[0]}:{address[1]}"
        # A dead first address leaves the others their share of the time.
        share = _seconds_to(deadline) / (len(addresses) - tried)
        try:
            return await _connect(family, address, share, deadline - trail.started)
        except OSError as error:
            failure = NeverReached(error_name(error))
    raise failure


async def _resolve(resolver: Resolver, trail: Trail, deadline: float) -> list[Address]:
    if not resolver.is_needed:
        return resolver.at_once()
    trail.enter(Phase.RESOLVE)
    try:
        async with asyncio.timeout(_seconds_to(deadline)):
            return await resolver.resolve()
    except TimeoutError as late:
        raise OutOfTime from late
    except OSError as error:
        raise NeverReached(error_name(error)) from error


async def _connect(family: int, address: tuple[Any, ...], seconds: float, survives_seconds: float) -> socket.socket:
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


def _seconds_to(deadline: float) -> float:
    return max(deadline - time.monotonic(), _SHORTEST_SECONDS)
