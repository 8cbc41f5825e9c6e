"""A TLS server that misbehaves exactly as a test says, one coroutine per connection."""

import asyncio
import functools
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast


@dataclass(slots=True)
class Caller:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> bytes:
        """Read one whole request and give its first line."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        size = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        await self.reader.readexactly(size)
        return head.partition(b"\r\n")[0]

    def stop_reading(self) -> None:
        """Leave what comes in the kernel's buffer, so that the window closes."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    def end_at_once(self) -> None:
        """Send a FIN before the loop runs again; uvloop's own socket object cannot."""
        with socket.socket(fileno=os.dup(self.writer.get_extra_info("socket").fileno())) as raw:
            raw.shutdown(socket.SHUT_WR)


Serve = Callable[[Caller], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """One that does with each connection what the test says, for as long as the test runs."""

    port: int = 0
    callers: list[Caller] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def attend(self, serve: Serve, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do as the test says with one connection, then close it."""
        caller = Caller(reader, writer)
        self.callers.append(caller)
        try:
            await serve(caller)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def server(keys: Path, serve: Serve, certificate: str = "centre.pem") -> AsyncIterator[Server]:
    """Run one on a free port until the block ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / certificate, keys / "centre.key")
    running = Server()
    listening = await asyncio.start_server(functools.partial(running.attend, serve), "127.0.0.1", 0, ssl=context)
    running.port = listening.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        running.over.set()
        listening.close()
        for caller in running.callers:
            caller.writer.transport.abort()
