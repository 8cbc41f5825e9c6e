"""The two ends of one bridged connection, and the cut between them."""

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, cast

from tools.centre.wire import reset_transport

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
# One classic BPF instruction, "return 0": the kernel discards whatever arrives, its acknowledgements too.
_DISCARD = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
_DISCARD_ALL = struct.pack("HP", 1, ctypes.addressof(_DISCARD))
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_QUIET_SECONDS = 0.01
_QUIET_TRIES = 30


class Cut(StrEnum):
    SETTLING = "settling: waiting for the near side's last acknowledgement"
    TRUE = "true cut: the kernel discards what arrives"
    ABANDONED = "abandoned: the kernel still acknowledges, so such a cut looks like a slow server"


class End(asyncio.Protocol):
    """One end; what it receives goes to its peer, at the pace the peer takes it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: End | None = None
        self.gone: Callable[[], None] | None = None
        self._early: list[bytes] = []
        self._is_full = False
        self._is_cut = False
        self._has_ended = False
        self._owed: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hold the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self.peer is None:
            self._early.append(data)
        elif self.peer.transport is not None:
            self.peer.transport.write(data)

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
        """Read again, and hear what was kept back."""
        self._is_cut = False
        self.settle()
        if self._owed is not None:
            self._owed()
            self._owed = None

    def settle(self) -> None:
        """Read only while whole, and while the peer takes what is read."""
        if self.transport is None or self.transport.is_closing():
            return
        if self._is_cut or (self.peer is not None and self.peer._is_full):  # noqa: SLF001  the peer is of this class
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

    def _settle_peer(self) -> None:
        if self.peer is not None:
            self.peer.settle()

    def _tell_peer(self, tell: Callable[[asyncio.Transport], None]) -> None:
        peer = self.peer
        if peer is None or peer.transport is None:
            return
        if peer._is_cut:  # noqa: SLF001  the peer is of this class
            peer._owed = partial(tell, peer.transport)  # noqa: SLF001  the peer is of this class
        else:
            tell(peer.transport)


@dataclass(eq=False, slots=True)
class Bridge:
    near: End
    far: End
    cut: Cut | None = None
    _settling: asyncio.TimerHandle | None = None

    @property
    def is_gone(self) -> bool:
        """Say whether both ends have ended."""
        return self.near.transport is None and self.far.transport is None

    def cut_off(self) -> None:
        """Let nothing through in either direction, and nothing be acknowledged to the near side."""
        self.near.cut()
        self.far.cut()
        self._discard_when_quiet(_QUIET_TRIES)

    def _discard_when_quiet(self, tries: int) -> None:
        # What the near side has not acknowledged yet would be sent again and again through the cut, and its
        # arrival would look like life to the near side's kernel: its delayed acknowledgement is awaited first.
        raw = _raw(self.near)
        if raw is None:
            return
        if tries and _unacknowledged(raw):
            self.cut = Cut.SETTLING
            self._settling = asyncio.get_running_loop().call_later(_QUIET_SECONDS, self._discard_when_quiet, tries - 1)
            return
        try:
            raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _DISCARD_ALL)
            self.cut = Cut.TRUE
        except PermissionError:
            self.cut = Cut.ABANDONED
        except OSError:
            self.abort()

    def mend(self) -> None:
        """Let everything through again; a near side that has gone meanwhile is found by keepalive."""
        self.cut = None
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        raw = _raw(self.near)
        with contextlib.suppress(OSError):
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
                _find_the_gone(raw)
        self.near.mend()
        self.far.mend()

    def abort(self) -> None:
        """Tear both ends down."""
        for end in (self.near, self.far):
            if end.transport is not None:
                end.transport.abort()


def _close(transport: asyncio.Transport) -> None:
    transport.close()


def _write_eof(transport: asyncio.Transport) -> None:
    if not transport.is_closing() and transport.can_write_eof():
        with contextlib.suppress(OSError):
            transport.write_eof()


def reset_socket(accepted: socket.socket) -> None:
    """Close a socket that has no transport yet so that the other side sees RST."""
    with contextlib.suppress(OSError):
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    accepted.close()


def _raw(end: End) -> Any:
    return end.transport.get_extra_info("socket") if end.transport is not None else None


def _unacknowledged(raw: Any) -> int:
    return int.from_bytes(raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)[24:28], sys.byteorder)


def _find_the_gone(raw: Any) -> None:
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
        raw.setsockopt(socket.IPPROTO_TCP, option, 2)
