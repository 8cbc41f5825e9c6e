"""Calls over our own way to the centre, and servers that answer, say nothing, or say what a test wants."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.recording.centre.evidence import Answered, Call, Failed
from services.recording.centre.tls import trusting
from services.recording.centre.transport import Transport
from services.recording.centre.verdict import Verdict, verdict
from tests.support.tls_server import Caller, Serve

OK = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"is": "so"}'[:-1]
PATIENCE = 5.0
LINE_DEADLINE = 4.0


@asynccontextmanager
async def transport(
    keys: Path, port: int, host: str = "localhost", connections: int = 4, idle_seconds: float = 30.0
) -> AsyncIterator[Transport]:
    """Open a way to a server on this machine."""
    opened = Transport(host, port, trusting(keys / "ca.pem"), connections=connections, idle_seconds=idle_seconds)
    try:
        yield opened
    finally:
        await opened.close()


def a_call(deadline: float = PATIENCE, body: bytes = b"") -> Call:
    """Make a call that changes something only when it has a body."""
    return Call("PUT" if body else "GET", "/recordings/1", (), body, deadline, None)


def judged(outcome: Answered | Failed) -> Verdict:
    """Judge a failed call by its own evidence alone."""
    assert isinstance(outcome, Failed), outcome
    return verdict(outcome.evidence)


async def answers(caller: Caller) -> None:
    """Answer every request."""
    while await caller.request():
        caller.writer.write(OK)


async def says_nothing(caller: Caller) -> None:
    """Read and never answer."""
    await caller.reader.read()


def says(raw: bytes) -> Serve:
    """Answer one request with these bytes and close."""

    async def serve(caller: Caller) -> None:
        await caller.request()
        caller.writer.write(raw)

    return serve
