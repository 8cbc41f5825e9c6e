"""One TLS connection to the centre; it carries one call at a time and says what it saw of it."""

import asyncio
import socket
import ssl
import time
from typing import cast

from services.recording.centre import tcp
from services.recording.centre.dialogue import Answer, Dialogue
from services.recording.centre.evidence import Call, Trail
from services.recording.centre.failures import (
    CLOSED,
    EOF,
    ConnectionEnded,
    Interrupted,
    NeverReached,
    OutOfTime,
    error_name,
    verify_code,
)
from services.recording.centre.tls import TlsLayer
from shared.events.vocabulary import Phase

_SAMPLE_SECONDS = 1.0


class Connection(asyncio.Protocol):
    """The callbacks of asyncio and one waiting caller meet here; whoever is interrupted ends the connection."""

    def __init__(self, raw: socket.socket, address: str, layer: TlsLayer, survives_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.address = address
        self.rested_since = 0.0
        self.gone: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._raw = raw
        self._layer = layer
        self._survives_seconds = survives_seconds
        self._dialogue = Dialogue()
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self._waiter: asyncio.Future[Answer | None] | None = None
        self._trail = Trail()
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._request_size = 0
        self._totals_before: dict[str, int] = {}

    @property
    def can_go_on(self) -> bool:
        """Say whether another call may use this connection."""
        return self._is_open and self._dialogue.can_go_on and not self._is_paused

    @property
    def is_fit(self) -> bool:
        """Ask the kernel, too: what the peer ended while idle is found here, before a byte is written."""
        return self.can_go_on and tcp.is_silent(self._raw)

    async def secure(self, trail: Trail, deadline: float) -> None:
        """Shake hands, or raise `Interrupted`."""
        waiter = self._begin(trail, deadline)
        self._shake_hands(b"")
        await self._settled(waiter)

    async def exchange(self, call: Call, headers: list[tuple[str, str]], trail: Trail, deadline: float) -> Answer:
        """Send a request and gather its answer, or raise `Interrupted`."""
        if self._survives_seconds < call.deadline_seconds:
            tcp.prepare(self._raw, call.deadline_seconds)
            self._survives_seconds = call.deadline_seconds
        if not self._is_open:
            raise NeverReached(EOF)
        request = self._dialogue.ask(call.method, call.path, headers, call.body)
        self._request_size = len(request)
        self._totals_before = tcp.totals(self._raw)
        waiter = self._begin(trail, deadline)
        trail.enter(Phase.SEND)
        self._write(self._layer.encrypt(request))
        if not self._is_paused and self._is_open:
            self._all_left()
        answer = await self._settled(waiter)
        return cast("Answer", answer)

    def abort(self) -> None:
        """Drop the connection; a caller still waiting is told."""
        self._interrupt(ConnectionEnded(CLOSED))

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be told at once when bytes stay in our buffer, and when the last of them has left."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """Decrypt and hear; bytes that nobody asked for end the connection."""
        try:
            if not self._layer.is_secured:
                self._shake_hands(data)
                return
            plain = self._layer.decrypt(data)
        except ssl.SSLError as error:
            self._interrupt(ConnectionEnded(error_name(error)))
            return
        self._write(self._layer.outgoing())
        if plain:
            self._hear(plain)
        if self._layer.is_ended:
            self._end_in_order()

    def pause_writing(self) -> None:
        """Note that bytes wait in our buffer."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Note that all bytes have left for the kernel."""
        self._is_paused = False
        if self._waiter is not None and self._trail.phase is Phase.SEND:
            self._all_left()

    def eof_received(self) -> None:
        """Treat an end without TLS's closing alert as a loss."""
        self._interrupt(self._lost(None))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the waiting caller, and whoever waits for the end."""
        self._interrupt(self._lost(exc))
        self._transport = None
        if not self.gone.done():
            self.gone.set_result(None)

    # What happens to the caller's turn.

    def _begin(self, trail: Trail, deadline: float) -> "asyncio.Future[Answer | None]":
        self._trail, self._deadline = trail, deadline
        self._waiter = waiter = self._loop.create_future()
        self._look_later()
        return waiter

    async def _settled(self, waiter: "asyncio.Future[Answer | None]") -> Answer | None:
        try:
            return await waiter
        finally:
            self._waiter = None
            if self._timer is not None:
                self._timer.cancel()
            if waiter.cancelled():
                self.abort()
            else:
                waiter.exception()  # seen, also when the caller was cancelled at the same moment

    def _settle(self, answer: Answer | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(answer)

    def _interrupt(self, why: Interrupted) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._look_at_tcp()
            self._count_sent()
            self._waiter.set_exception(why)
        if self._transport is not None:
            self._transport.abort()

    def _look_later(self) -> None:
        seconds = min(_SAMPLE_SECONDS, self._deadline - time.monotonic())
        self._timer = self._loop.call_later(max(seconds, 0.0), self._look)

    def _look(self) -> None:
        if time.monotonic() >= self._deadline:
            self._interrupt(OutOfTime())
        else:
            self._look_at_tcp()
            self._look_later()

    def _look_at_tcp(self) -> None:
        # After a close the kernel says nothing more: the sample before it stays.
        if counters := tcp.sample(self._raw):
            self._trail.look(tcp.since(counters, self._totals_before))

    # What goes over the line.

    def _shake_hands(self, received: bytes) -> None:
        try:
            is_done = self._layer.shake_hands(received)
        except ssl.SSLError as error:
            self._write(self._layer.outgoing())
            self._trail.verify_code = verify_code(error)
            self._interrupt(NeverReached(error_name(error)))
            return
        self._write(self._layer.outgoing())
        if is_done:
            self._settle(None)

    def _hear(self, plain: bytes) -> None:
        if self._waiter is None:
            self.abort()
            return
        if self._trail.phase is not Phase.RECEIVE:
            self._trail.enter(Phase.RECEIVE)
        self._trail.bytes_received += len(plain)
        self._hear_out(plain)

    def _end_in_order(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._trail.ended_in_order = True
            self._hear_out(b"")
        self.abort()

    def _hear_out(self, plain: bytes) -> None:
        try:
            answer = self._dialogue.hear(plain)
        except Interrupted as why:
            self._interrupt(why)
            return
        if answer is not None:
            self._count_sent()
            self._settle(answer)

    def _all_left(self) -> None:
        self._count_sent()
        self._trail.enter(Phase.WAIT)

    def _count_sent(self) -> None:
        held_back = 0
        if self._is_paused and self._is_open:
            held_back = cast("asyncio.Transport", self._transport).get_write_buffer_size()
        elif self._is_paused and self._trail.tcp:
            held_back = self._request_size - self._trail.tcp.get("bytes_acked", self._request_size)
        self._trail.bytes_sent = min(max(self._request_size - held_back, 0), self._request_size)

    def _write(self, sealed: bytes) -> None:
        if sealed and self._is_open:
            cast("asyncio.Transport", self._transport).write(sealed)

    def _lost(self, error: Exception | None) -> Interrupted:
        kind = ConnectionEnded if self._layer.is_secured else NeverReached
        return kind(error_name(error))

    @property
    def _is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()
