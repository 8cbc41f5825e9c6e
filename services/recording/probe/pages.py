"""/livez, /readyz and /metrics of the probe; a web framework would be most of its memory."""

import asyncio
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.lifecycle import Task

_PATIENCE_SECONDS = 5.0
_LONGEST_REQUEST = 8192


def pages(host: str, port: int, is_ready: Callable[[], bool]) -> Task:
    """Make the task that serves them until the stop."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(request.split(b" ", 2)[1].decode("ascii", "replace"), is_ready))
                await writer.drain()
        except (TimeoutError, OSError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    async def run(stop: asyncio.Event) -> None:
        server = await asyncio.start_server(answer, host, port, limit=_LONGEST_REQUEST)
        async with server:
            await stop.wait()

    return run


def _answer(path: str, is_ready: Callable[[], bool]) -> bytes:
    match path.partition("?")[0]:
        case "/livez":
            return _page("200 OK", "text/plain", b"alive\n")
        case "/readyz":
            ready = is_ready()
            body = b'{"ready":%s}' % (b"true" if ready else b"false")
            return _page("200 OK" if ready else "503 Service Unavailable", "application/json", body)
        case "/metrics":
            return _page("200 OK", CONTENT_TYPE_LATEST, generate_latest())
    return _page("404 Not Found", "text/plain", b"no such page\n")


def _page(status: str, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode("ascii") + body
