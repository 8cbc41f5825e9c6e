"""A small HTTP/1.1 server side on httptools: it shares two cores with everything it serves."""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import httptools
import orjson

LARGEST_BODY = 20 * 1024 * 1024
_SMALLEST_WINDOW = 4096
_USUAL_WINDOW = 128 * 1024
_SO_BUF_LOCK = 72
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"

    def encode(self) -> bytes:
        """Return the whole answer as bytes for one write."""
        body = self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, '')}", f"content-type: {self.content_type}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines.append(f"content-length: {len(body)}\r\n\r\n")
        return "\r\n".join(lines).encode() + body


Serve = Callable[[Request, "Exchange"], None]
# Told of a request's head before its body is read; False leaves the rest in the kernel.
Admit = Callable[[Request, "HttpConnection"], bool]


class Exchange:
    """One request's way back; it may be answered later, never, or by tearing the connection down."""

    __slots__ = ("_connection",)

    def __init__(self, connection: "HttpConnection") -> None:
        self._connection = connection

    def send(self, answer: Answer) -> None:
        """Answer, and let the connection go on with its next request."""
        self._connection.write(answer.encode())
        self._connection.go_on()

    def send_raw(self, raw: bytes) -> None:
        """Write these very bytes and close."""
        self._connection.write(raw)
        self.close()

    def close(self) -> None:
        """Close in order, whether answered or not."""
        self._connection.close()

    def reset(self) -> None:
        """Tear the connection down so that the caller sees RST."""
        self._connection.reset()


class HttpConnection(asyncio.Protocol):
    """One keep-alive connection; pipelined requests wait for their turn."""

    def __init__(self, serve: Serve, open_connections: "set[HttpConnection]", admit: Admit | None = None) -> None:
        self._serve = serve
        self._admit = admit
        self._is_deaf = False
        self._open_connections = open_connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._is_busy = False
        self._closes_after_answer = False
        self._start_request()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be counted among the open connections."""
        self._transport = cast("asyncio.Transport", transport)
        self._open_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Drop what nobody waits for any more."""
        self._open_connections.discard(self)
        self._waiting.clear()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what is not HTTP ends the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.write(Answer(400, {"detail": "not HTTP"}).encode())
            self.close()

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one header, its name in lower case."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Read on or not; invite a body that waits to be asked for."""
        if self._admit is not None and not self._admit(self._request(b""), self):
            self._stop_reading()
        elif self._headers.get("expect", "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body up to the largest size taken."""
        self._size += len(body)
        if self._size <= LARGEST_BODY:
            self._body.append(body)
            return
        self.write(Answer(413, {"detail": "too large"}).encode())
        self.close()

    def on_message_complete(self) -> None:
        """Queue the request behind those before it."""
        request = self._request(self._body[0] if len(self._body) == 1 else b"".join(self._body))
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._start_request()
        self._serve_next()

    def write(self, raw: bytes) -> None:
        """Write if the caller is still there."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(raw)

    def go_on(self) -> None:
        """Take the next request, or close when the caller asked for it."""
        self._is_busy = False
        if self._closes_after_answer:
            self.close()
        else:
            self._serve_next()

    def close(self) -> None:
        """Close in order."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Close with RST."""
        if self._transport is not None:
            reset_transport(self._transport)

    def listen_again(self) -> None:
        """Read on where reading had stopped."""
        if self._is_deaf and self._transport is not None:
            self._is_deaf = False
            widen(self._transport.get_extra_info("socket"))
            self._transport.resume_reading()
            self._serve_next()

    def _stop_reading(self) -> None:
        self._is_deaf = True
        if self._transport is not None:
            narrow(self._transport.get_extra_info("socket"), _SMALLEST_WINDOW)
            self._transport.pause_reading()

    def _request(self, body: bytes) -> Request:
        path, _, query = self._url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode()
        return Request(method, unquote(path), dict(parse_qsl(query)), self._headers, body)

    def _serve_next(self) -> None:
        if self._is_busy or self._is_deaf or not self._waiting:
            return
        request, keeps_alive = self._waiting.popleft()
        self._is_busy = True
        self._closes_after_answer = not keeps_alive
        self._serve(request, Exchange(self))

    def _start_request(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0


def narrow(raw: Any, window: int) -> None:
    """Have the kernel take little more than is read, so that the sender feels who does not read."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)


def widen(raw: Any) -> None:
    """Let the kernel choose again how much it takes; older kernels keep what they are told here."""
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _USUAL_WINDOW)
        raw.setsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK, 0)


def reset_transport(transport: asyncio.Transport) -> None:
    """Close so that the other side sees RST; a transport already closing may have no socket left."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


@asynccontextmanager
async def plain_http(host: str, port: int, serve: Serve) -> AsyncIterator[int]:
    """Serve plain HTTP until the block ends; gives the port."""
    connections: set[HttpConnection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpConnection(serve, connections), host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(connections):
            connection.close()
