"""One end of a bridged connection; what it receives goes to the other."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from tools.centre.wire import reset_transport
from tools.line import cuts
from tools.line.pace import Pace


class End(asyncio.Protocol):
    """It passes on what it receives at the pace the peer takes it; `heard` is told before a byte is passed on."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: End | None = None
        self.gone: Callable[[], None] | None = None
        self.heard: Callable[[bytes], None] | None = None
        self.heard_at = 0.0
        self._early: list[bytes] = []
        self._pace: Pace | None = None
        self._is_full = False
        self._is_cut = False
        self._has_ended = False
        self._owed: Callable[[], None] | None = None

    @property
    def raw(self) -> Any:
        """The socket, or None when it has gone."""
        return self.transport.get_extra_info("socket") if self.transport is not None else None

    @property
    def is_drained(self) -> bool:
        """Say whether the other side's kernel has acknowledged all we were given for it."""
        if self.transport is None or self.transport.get_write_buffer_size():
            return False
        with contextlib.suppress(OSError):
            return not cuts.unacknowledged(self.raw)
        return False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hold the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self.peer is None:
            self._early.append(data)
            return
        self.heard_at = asyncio.get_running_loop().time()
        if self.heard is not None:
            self.heard(data)
        if self._pace is not None:
            self._pace.put(data)
        else:
            self._deliver(data)

    def eof_received(self) -> bool:
        """Pass the end on and keep the other direction open."""
        self._has_ended = True
        if self.peer is None or not self.peer._has_ended:  # noqa: SLF001  the peer is of this class
            self._tell_peer(_write_eof)
            return True
        # Both directions have ended: returning False closes this end, and losing it closes the other.
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other side the way this one ended."""
        self.transport = None
        self._tell_peer(_close if exc is None else reset_transport)
        if self.gone is not None:
            self.gone()

    def pause_writing(self) -> None:
        """Let the peer read no faster than we can write."""
        self._is_full = True
        self._settle_peer()

    def resume_writing(self) -> None:
        """Let the peer read on."""
        self._is_full = False
        self._settle_peer()

    def cut(self) -> None:
        """Read nothing and tell nothing until mended."""
        self._is_cut = True
        self.settle()

    def mend(self) -> None:
        """Read again, at once, and hear what was kept back."""
        self._is_cut = False
        if self._pace is not None:
            pace, self._pace = self._pace, None
            pace.flush()
        self.settle()
        if self._owed is not None:
            self._owed()
            self._owed = None

    def slow_down(self, seconds: float, bytes_per_second: float | None) -> None:
        """Pass on late, or narrowly, until mended."""
        self._pace = Pace(self._deliver, self.settle, seconds=seconds, bytes_per_second=bytes_per_second)

    def settle(self) -> None:
        """Read only while whole, and while the peer takes what is read."""
        if self.transport is None or self.transport.is_closing():
            return
        is_pace_full = self._pace is not None and self._pace.is_full
        if self._is_cut or is_pace_full or (self.peer is not None and self.peer._is_full):  # noqa: SLF001  as above
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def join(self, peer: "End") -> None:
        """Tie both ends together; whichever has gone meanwhile takes the other along."""
        self.peer, peer.peer = peer, self
        for end in (self, peer):
            early, end._early = end._early, []  # noqa: SLF001  the peer is of this class
            for data in early:
                end.data_received(data)
            if end.transport is None:
                end.connection_lost(None)

    def _deliver(self, data: bytes) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.write(data)

    def _settle_peer(self) -> None:
        if self.peer is not None:
            self.peer.settle()

    def _tell_peer(self, tell: Callable[[asyncio.Transport], None]) -> None:
        if self._pace is not None:
            self._pace.then(partial(self._tell_peer_now, tell))
        else:
            self._tell_peer_now(tell)

    def _tell_peer_now(self, tell: Callable[[asyncio.Transport], None]) -> None:
        peer = self.peer
        if peer is None or peer.transport is None:
            return
        if peer._is_cut:  # noqa: SLF001  the peer is of this class
            peer._owed = partial(tell, peer.transport)  # noqa: SLF001  the peer is of this class
        else:
            tell(peer.transport)


def _close(transport: asyncio.Transport) -> None:
    transport.close()


def _write_eof(transport: asyncio.Transport) -> None:
    if not transport.is_closing() and transport.can_write_eof():
        with contextlib.suppress(OSError):
            transport.write_eof()


def reset_socket(accepted: socket.socket) -> None:
    """Close a socket that has no transport yet so that the other side sees RST."""
    with contextlib.suppress(OSError):
        cuts.reset_on_close(accepted)
    accepted.close()
