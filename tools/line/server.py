"""The line put together: the proxy, its neutral neighbour, its switches and its true history."""

import asyncio
import contextlib
import datetime as dt
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import msgspec

from tools.centre.wire import Answer, Exchange, Request, plain_http
from tools.line.bridge import Bridge, Cut, End, reset_socket
from tools.line.door import Door

_CONNECT_SECONDS = 5.0
KINDS = frozenset({"down"})


class LineFault(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of PUT /faults; `neutral` says whether the neutral target dies with the line."""

    kind: str
    seconds: float | None = None
    neutral: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError("known kinds: " + ", ".join(sorted(KINDS)))


@dataclass(frozen=True, slots=True)
class LineSettings:
    target: tuple[str, int]
    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    neutral_port: int = 0

    @classmethod
    def from_environment(cls) -> Self:
        """Read REKAM_LINE_*; only the target has no default."""
        host, _, port = os.environ["REKAM_LINE_TARGET"].rpartition(":")
        return cls(
            target=(host or "127.0.0.1", int(port)),
            host=os.environ.get("REKAM_HTTP_HOST", "127.0.0.1"),
            port=int(os.environ.get("REKAM_LINE_PORT", "8443")),
            control_port=int(os.environ.get("REKAM_LINE_CONTROL_PORT", "8091")),
            neutral_port=int(os.environ.get("REKAM_LINE_NEUTRAL_PORT", "0")),
        )


@dataclass(slots=True)
class Death:
    died_at: dt.datetime
    kind: str
    returned_at: dt.datetime | None = None


class Line:
    """Bridges what comes to the near door to the target, unless it is down."""

    def __init__(self, settings: LineSettings, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        self._tasks = tasks
        self._near = Door(settings.host, settings.port, self._bridge)
        self._neutral = Door(settings.host, settings.neutral_port, self._keep_silent)
        self._bridges: set[Bridge] = set()
        self._silent: set[_Silent] = set()
        self._fault: LineFault | None = None
        self._return: asyncio.TimerHandle | None = None
        self.history: list[Death] = []

    @property
    def port(self) -> int:
        """Where the near side listens."""
        return self._near.port

    @property
    def neutral_port(self) -> int:
        """Where the neutral target listens."""
        return self._neutral.port

    def die(self, fault: LineFault) -> None:
        """Stop carrying anything; a line already down gets the new fault's time instead."""
        self.come_back()
        self._fault = fault
        self._near.go_down()
        if fault.neutral:
            self._neutral.go_down()
        for bridge in list(self._bridges):
            bridge.cut_off()
        self.history.append(Death(dt.datetime.now(dt.UTC), fault.kind))
        if fault.seconds is not None:
            self._return = asyncio.get_running_loop().call_later(fault.seconds, self.come_back)

    def come_back(self) -> None:
        """Carry again."""
        fault, self._fault = self._fault, None
        if fault is None:
            return
        if self._return is not None:
            self._return.cancel()
            self._return = None
        self.history[-1].returned_at = dt.datetime.now(dt.UTC)
        for bridge in list(self._bridges):
            bridge.mend()
        self._near.come_back()
        if fault.neutral:
            self._neutral.come_back()

    def shown(self) -> dict[str, Any]:
        """Say what is switched on, and how true the cut of open connections is."""
        cuts = {bridge.cut for bridge in self._bridges if bridge.cut}
        told = next((cut for cut in (Cut.ABANDONED, Cut.SETTLING, Cut.TRUE) if cut in cuts), None)
        return {
            "faults": msgspec.to_builtins(self._fault),
            "open_connections": told,
            "connections": len(self._bridges),
        }

    def close(self) -> None:
        """Tear everything down."""
        if self._return is not None:
            self._return.cancel()
        self._near.close()
        self._neutral.close()
        for bridge in list(self._bridges):
            bridge.abort()
        for silent in list(self._silent):
            silent.abort()

    def _bridge(self, accepted: socket.socket) -> None:
        self._tasks.create_task(self._join(accepted))

    def _keep_silent(self, accepted: socket.socket) -> None:
        self._tasks.create_task(self._attach_silent(accepted))

    async def _attach_silent(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(lambda: _Silent(self._silent), accepted)

    async def _join(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, far = await loop.create_connection(End, *self._settings.target)
        except (OSError, TimeoutError):
            reset_socket(accepted)
            return
        bridge = Bridge(End(), far)
        try:
            await loop.connect_accepted_socket(lambda: bridge.near, accepted)
        except OSError:
            bridge.abort()
        self._hold(bridge)

    def _hold(self, bridge: Bridge) -> None:
        def let_go() -> None:
            if bridge.is_gone:
                self._bridges.discard(bridge)

        self._bridges.add(bridge)
        bridge.near.gone = bridge.far.gone = let_go
        bridge.near.join(bridge.far)
        if self._fault is not None:
            bridge.cut_off()
        let_go()


class _Silent(asyncio.Protocol):
    """The neutral target: it accepts, which is all it is asked for."""

    def __init__(self, all_silent: "set[_Silent]") -> None:
        self._all = all_silent
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be counted."""
        self._transport = transport
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Be forgotten."""
        self._all.discard(self)

    def abort(self) -> None:
        """Tear it down."""
        if self._transport is not None:
            self._transport.close()


class LineControl:
    """The line's switches, over plain HTTP on loopback."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def serve(self, request: Request, exchange: Exchange) -> None:
        """Answer one request."""
        try:
            exchange.send(self._answer(request))
        except (msgspec.DecodeError, ValueError) as error:
            exchange.send(Answer(422, {"detail": str(error)}))

    def _answer(self, request: Request) -> Answer:
        match (request.method, request.path):
            case ("GET", "/livez"):
                return Answer(200, {"status": "ok"})
            case ("GET", "/history"):
                return Answer(200, {"items": self._line.history})
            case ("PUT", "/faults"):
                self._line.die(msgspec.json.decode(request.body, type=LineFault))
            case ("DELETE", "/faults"):
                self._line.come_back()
            case ("GET", "/faults"):
                pass
            case _:
                return Answer(404, {"detail": "no such switch"})
        return Answer(200, self._line.shown())


@dataclass(frozen=True, slots=True)
class RunningLine:
    line: Line
    control_port: int

    @property
    def control_url(self) -> str:
        """Where the control side listens."""
        return f"http://127.0.0.1:{self.control_port}"


@asynccontextmanager
async def running_line(settings: LineSettings) -> AsyncIterator[RunningLine]:
    """Run a line until the block ends."""
    async with asyncio.TaskGroup() as tasks:
        line = Line(settings, tasks)
        try:
            async with plain_http("127.0.0.1", settings.control_port, LineControl(line).serve) as control_port:
                yield RunningLine(line, control_port)
        finally:
            line.close()
