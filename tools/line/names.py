"""A small name server over UDP: it knows one name, and can fall silent or fail like a real one.

The resolver's own settings must point at it, and they know port 53 only: tests/support/netns.py gives a process such.
"""

import asyncio
import ipaddress
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from tools.line.namespace import inside

_HEADER = struct.Struct("!6H")
_IS_ANSWER, _ASKS_MORE, _KNOWS_MORE, _OPERATION = 0x8000, 0x0100, 0x0080, 0x7800
_SERVFAIL, _NXDOMAIN, _NOT_IMPLEMENTED = 2, 3, 4
_A, _INTERNET = 1, 1
_POINTER_TO_NAME = 0xC00C
_SECONDS_TO_LIVE = 1
_LONGEST_LABEL = 63


@dataclass(frozen=True, slots=True)
class Question:
    """`asked` is the question as it came, to be repeated in the answer."""

    query_id: int
    flags: int
    name: str
    kind: int
    asked: bytes


def read_question(packet: bytes) -> Question | None:
    """Read a query for one name, or None for what is no such thing."""
    try:
        query_id, flags, questions, *_ = _HEADER.unpack_from(packet)
        labels, at = [], _HEADER.size
        while size := packet[at]:
            if size > _LONGEST_LABEL:
                return None
            labels.append(packet[at + 1 : at + 1 + size].decode("ascii").lower())
            at += 1 + size
        kind, _ = struct.unpack_from("!2H", packet, at + 1)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    if flags & _IS_ANSWER or questions != 1:
        return None
    return Question(query_id, flags, ".".join(labels), kind, packet[_HEADER.size : at + 5])


def answer(question: Question, name: str, address: str) -> bytes:
    """Give the address of the one known name; it has no address of another kind."""
    if question.flags & _OPERATION:
        return _reply(question, _NOT_IMPLEMENTED)
    if question.name != name.lower():
        return _reply(question, _NXDOMAIN)
    if question.kind != _A:
        return _reply(question, 0)
    packed = ipaddress.IPv4Address(address).packed
    record = struct.pack("!3HIH", _POINTER_TO_NAME, _A, _INTERNET, _SECONDS_TO_LIVE, len(packed)) + packed
    return _reply(question, 0, record)


def failure(question: Question) -> bytes:
    """Say that the server itself failed."""
    return _reply(question, _SERVFAIL)


def _reply(question: Question, code: int, record: bytes = b"") -> bytes:
    flags = _IS_ANSWER | (question.flags & _ASKS_MORE) | _KNOWS_MORE | code
    return _HEADER.pack(question.query_id, flags, 1, 1 if record else 0, 0, 0) + question.asked + record


class Names(asyncio.DatagramProtocol):
    """Answers as `reply` decides."""

    def __init__(self, reply: Callable[[Question], bytes | None]) -> None:
        self._reply = reply
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hold the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one query."""
        question = read_question(data)
        reply = self._reply(question) if question else None
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


@asynccontextmanager
async def name_server(
    host: str, port: int, reply: Callable[[Question], bytes | None], namespace: str | None = None
) -> AsyncIterator[int]:
    """Serve names until the block ends; gives the port."""
    with inside(namespace):
        raw = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    raw.setblocking(False)
    raw.bind((host, port))
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Names(reply), sock=raw)
    try:
        yield raw.getsockname()[1]
    finally:
        transport.close()
