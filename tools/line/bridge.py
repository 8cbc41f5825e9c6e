"""The two ends of one bridged connection, and the cuts between them."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tools.centre.wire import narrow, reset_transport
from tools.line import cuts
from tools.line.ends import End
from tools.line.turns import Turns

_QUIET_SECONDS = 0.01
_QUIET_TRIES = 30
# A request has arrived when its last bytes are acknowledged and so long nothing followed.
_ASKED_OUT_SECONDS = 0.1
_NARROW_WINDOW = 32 * 1024


class Cut(StrEnum):
    SETTLING = "settling: waiting for the near side's last acknowledgement"
    TRUE = "true cut: the kernel discards what arrives"
    ABANDONED = "abandoned: the kernel still acknowledges, so such a cut looks like a slow server"


def _ignore(_bridge: "Bridge") -> None: ...


@dataclass(eq=False, slots=True)
class Bridge:
    """`may_ask` is told before the near side can begin a request, `asks` at its first bytes."""

    near: End
    far: End
    cut: Cut | None = None
    is_hit: bool = False
    may_ask: Callable[["Bridge"], None] = _ignore
    asks: Callable[["Bridge"], None] = _ignore
    turns: Turns = field(default_factory=Turns)
    _limit: int | None = None
    _passed: int = 0
    _discarded_before: int = 0
    _timer: asyncio.TimerHandle | None = None

    @property
    def is_gone(self) -> bool:
        """Say whether both ends have ended."""
        return self.near.transport is None and self.far.transport is None

    @property
    def has_lost_bytes(self) -> bool:
        """Say whether bytes have vanished beyond the limit; without the privilege, whether they would have."""
        if self._limit is None or self.near.raw is None:
            return False
        if self.cut is Cut.ABANDONED:
            return self._passed >= self._limit
        with contextlib.suppress(OSError):
            return cuts.discarded(self.near.raw) > self._discarded_before
        return False

    def join(self) -> None:
        """Tie both ends together and listen whose turn it is."""
        self.near.heard, self.far.heard = self._hear_near, self._hear_far
        self.near.join(self.far)

    def cut_off(self) -> None:
        """Let nothing through in either direction, and nothing be acknowledged to the near side."""
        self.near.cut()
        self.far.cut()
        self.cut_beyond(0)
        self._discard_when_quiet(_QUIET_TRIES)

    def cut_when_asked(self) -> None:
        """Let a request arrive whole, nothing come back, and then cut off."""
        self.far.cut()
        self._cut_when_asked_out()

    def cut_beyond(self, more_bytes: int) -> None:
        """Let so many more bytes of the near side arrive and be acknowledged; what follows vanishes."""
        if self.near.raw is None:
            return
        self._limit, self._passed = more_bytes, 0
        try:
            self._discarded_before = cuts.discarded(self.near.raw)
            cuts.discard_beyond(self.near.raw, more_bytes)
            self.cut = Cut.TRUE
        except PermissionError:
            self.cut = Cut.ABANDONED
            if not more_bytes:
                self.near.cut()
        except OSError:
            self.abort()

    def slow_down(self, *, seconds: float, bytes_per_second: float | None) -> None:
        """Carry late by so much each way, or so much a second each way."""
        if bytes_per_second is not None:
            for end in (self.near, self.far):
                with contextlib.suppress(OSError):
                    if end.raw is not None:
                        narrow(end.raw, _NARROW_WINDOW)
        self.near.slow_down(seconds, bytes_per_second)
        self.far.slow_down(seconds, bytes_per_second)

    def mend(self) -> None:
        """Let everything through again; a near side that has gone meanwhile is found by keepalive."""
        self._wait_no_more()
        if self.cut is not None:
            self._let_all_pass()
        self.cut = self._limit = None
        self.is_hit = False
        self.near.mend()
        self.far.mend()

    def reset(self) -> None:
        """Tear both ends down so that both sides see RST."""
        self._wait_no_more()
        for end in (self.near, self.far):
            if end.transport is not None:
                reset_transport(end.transport)

    def abort(self) -> None:
        """Tear both ends down."""
        self._wait_no_more()
        for end in (self.near, self.far):
            if end.transport is not None:
                end.transport.abort()

    def _hear_near(self, data: bytes) -> None:
        if self.turns.hear_near(data):
            self.asks(self)
        if self._limit is not None:
            self._passed += len(data)
            if self.cut is Cut.ABANDONED and self._passed >= self._limit:
                self.near.cut()

    def _hear_far(self, data: bytes) -> None:
        if self.turns.hear_far(data):
            self.may_ask(self)

    def _cut_when_asked_out(self) -> None:
        loop = asyncio.get_running_loop()
        if self.far.is_drained and loop.time() - self.near.heard_at >= _ASKED_OUT_SECONDS:
            self.near.cut()
            self._discard_when_quiet(_QUIET_TRIES)
        elif not self.is_gone:
            self.cut = Cut.SETTLING
            self._timer = loop.call_later(_QUIET_SECONDS, self._cut_when_asked_out)

    def _discard_when_quiet(self, tries: int) -> None:
        # What the near side has not acknowledged yet would be sent again and again through the cut, and its
        # arrival would look like life to the near side's kernel: its delayed acknowledgement is awaited first.
        raw = self.near.raw
        if raw is None:
            return
        try:
            if tries and cuts.unacknowledged(raw):
                self.cut = Cut.SETTLING
                again = asyncio.get_running_loop().call_later
                self._timer = again(_QUIET_SECONDS, self._discard_when_quiet, tries - 1)
                return
            cuts.discard_all(raw)
            self.cut = Cut.TRUE
        except PermissionError:
            self.cut = Cut.ABANDONED
        except OSError:
            self.abort()

    def _let_all_pass(self) -> None:
        with contextlib.suppress(OSError):
            if self.near.raw is not None:
                cuts.let_all_pass(self.near.raw)
        with contextlib.suppress(OSError):
            if self.near.raw is not None:
                cuts.find_the_gone(self.near.raw)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
