"""A keep-alive HTTP/1.1 client that costs little: the driver shares the cores with what it measures."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

_PATIENCE_SECONDS = 30.0


class BenchFailed(Exception):
    """What was to be measured did not work."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One request at a time; the parser calls `on_body` and `on_message_complete`."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._answer: asyncio.Future[Answer] | None = None

    @property
    def is_open(self) -> bool:
        """Whether another request may be sent here."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes) -> Answer:
        """Send a whole request and wait for its answer."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for a request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is none of asyncio's

    def data_received(self, data: bytes) -> None:
        """Pass on what came."""
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        """Keep a part of the answer's body."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """Give the answer to who waits."""
        answer, self._parts = Answer(self._parser.get_status_code(), b"".join(self._parts)), []
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits that no answer will come."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed without an answer"))


class Client:
    """Requests to one service with one token, over as many connections as are in use at once."""

    def __init__(self, url: str, token: str) -> None:
        self._address = urlsplit(url)
        self._common = f"Host: {self._address.netloc}\r\nAuthorization: Bearer {token}\r\n"
        self._idle: list[Connection] = []

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post once."""
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\n{self._common}{said}Content-Length: {len(body)}\r\n\r\n"
        return await self._exchange(head.encode() + body)

    async def get(self, path: str) -> Answer:
        """Get once."""
        return await self._exchange(f"GET {path} HTTP/1.1\r\n{self._common}\r\n".encode())

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _exchange(self, request: bytes) -> Answer:
        connection = await self._connection()
        answer = await connection.exchange(request)
        self._idle.append(connection)
        return answer

    async def _connection(self) -> Connection:
        while self._idle:
            if (connection := self._idle.pop()).is_open:
                return connection
        loop = asyncio.get_running_loop()
        host, port = self._address.hostname or "127.0.0.1", self._address.port or 80
        _, fresh = await loop.create_connection(Connection, host, port)
        return fresh


def expect(answer: Answer, *statuses: int) -> Answer:
    """Give the answer back when its status is one of these; raises `BenchFailed` without the body's personal data."""
    if answer.status not in statuses:
        raise BenchFailed(f"answered {answer.status}")
    return answer
