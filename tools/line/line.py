"""The line itself: bridges what comes to the near door to the target, and suffers the fault switched on."""

import asyncio
import datetime as dt
import socket
from dataclasses import dataclass
from typing import Any

import msgspec

from tools.line.bridge import Bridge, Cut
from tools.line.door import Door
from tools.line.ends import End, reset_socket
from tools.line.faults import LineFault, Trouble
from tools.line.names import Question, answer, failure
from tools.line.neutral import Neutral
from tools.line.settings import LineSettings

_CONNECT_SECONDS = 5.0
_LOOK_SECONDS = 0.02
_LIMITED = frozenset({"cut_before_request", "cut_after_bytes"})


@dataclass(slots=True)
class Death:
    """`hits` counts the calls, connections or questions that suffered, where the fault picks them."""

    died_at: dt.datetime
    kind: str
    returned_at: dt.datetime | None = None
    hits: int = 0


class Line:
    """One fault at a time; each is one branch of `_suffer`, `_before_a_request` or `_at_a_request`."""

    def __init__(self, settings: LineSettings, tasks: asyncio.TaskGroup) -> None:
        self._settings = settings
        self._tasks = tasks
        self._near = Door(settings.host, settings.port, self._bridge, settings.namespace)
        self._neutral = Neutral(settings.neutral_host or settings.host, settings.neutral_port, tasks)
        self._bridges: set[Bridge] = set()
        self._trouble: Trouble | None = None
        self._return: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._history: list[Death] = []

    @property
    def port(self) -> int:
        """Where the near side listens."""
        return self._near.port

    @property
    def neutral_port(self) -> int:
        """Where the neutral target listens."""
        return self._neutral.door.port

    @property
    def history(self) -> list[Death]:
        """Every fault there was, in order."""
        self._note_hits()
        return self._history

    def die(self, fault: LineFault) -> None:
        """Suffer a fault; one already on is ended first."""
        self.come_back()
        self._trouble = Trouble(fault)
        self._move_doors(fault)
        # The last used is the next used: a pool gives its connections out in that order.
        for bridge in sorted(self._bridges, key=lambda bridge: bridge.near.heard_at, reverse=True):
            self._suffer(bridge, self._trouble)
        self._history.append(Death(dt.datetime.now(dt.UTC), fault.kind))
        if fault.kind in _LIMITED:
            self._look_for_hits()
        if fault.seconds is not None:
            self._return = asyncio.get_running_loop().call_later(fault.seconds, self.come_back)

    def come_back(self) -> None:
        """Carry again."""
        if self._trouble is None:
            return
        self._note_hits()
        self._stop_timers()
        fault, self._trouble = self._trouble.fault, None
        self._history[-1].returned_at = dt.datetime.now(dt.UTC)
        for bridge in list(self._bridges):
            bridge.mend()
        if fault.kind in ("down", "reject"):
            self._near.come_back()
        if fault.kills_neutral:
            self._neutral.door.come_back()

    def name(self, question: Question) -> bytes | None:
        """Answer a question for a name, unless the fault is the names'."""
        trouble = self._trouble
        if trouble is None or trouble.fault.kind != "dns" or not trouble.strikes():
            return answer(question, self._settings.name, self._settings.address or self._settings.host)
        return None if trouble.fault.answer == "nothing" else failure(question)

    def shown(self) -> dict[str, Any]:
        """Say what is switched on, and how true the cut of open connections is."""
        told = {bridge.cut for bridge in self._bridges if bridge.cut}
        return {
            "faults": msgspec.to_builtins(self._trouble.fault) if self._trouble else None,
            "open_connections": next((cut for cut in (Cut.ABANDONED, Cut.SETTLING, Cut.TRUE) if cut in told), None),
            "connections": len(self._bridges),
        }

    def close(self) -> None:
        """Tear everything down."""
        self._stop_timers()
        self._near.close()
        self._neutral.close()
        for bridge in list(self._bridges):
            bridge.abort()

    def _move_doors(self, fault: LineFault) -> None:
        if fault.kind == "down":
            self._near.go_down()
        if fault.kind == "reject":
            self._near.shut()
        if fault.kills_neutral and fault.kind == "reject":
            self._neutral.door.shut()
        elif fault.kills_neutral:
            self._neutral.door.go_down()

    def _suffer(self, bridge: Bridge, trouble: Trouble) -> None:
        fault = trouble.fault
        match fault.kind:
            case "down":
                bridge.cut_off()
            case "reject":
                bridge.reset()
            case "cut_before_request" | "cut_after_bytes" if bridge.turns.is_idle:
                self._before_a_request(bridge)
            case "cut_while_waiting" if bridge.turns.asked_bytes:
                self._at_a_request(bridge)
            case "latency" | "bandwidth" if trouble.strikes():
                # Half of it each way: a round trip takes so much longer.
                each_way = (fault.milliseconds or 0.0) / 2000
                bridge.slow_down(seconds=each_way, bytes_per_second=fault.bytes_per_second)

    def _before_a_request(self, bridge: Bridge) -> None:
        trouble = self._trouble
        if trouble is None or trouble.fault.kind not in _LIMITED:
            return
        if trouble.aims():
            bridge.cut_beyond(trouble.fault.after_bytes or 0)
        else:
            bridge.mend()

    def _at_a_request(self, bridge: Bridge) -> None:
        trouble = self._trouble
        if trouble is not None and trouble.fault.kind == "cut_while_waiting" and trouble.strikes():
            bridge.cut_when_asked()

    def _look_for_hits(self) -> None:
        # The kernel discards without a word; only its count tells which connections were hit.
        trouble = self._trouble
        if trouble is None:
            return
        for bridge in self._bridges:
            if not bridge.is_hit and not trouble.is_spent and bridge.has_lost_bytes:
                bridge.is_hit = True
                trouble.hits += 1
        if not trouble.is_spent:
            self._look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look_for_hits)
            return
        for bridge in self._bridges:
            if not bridge.is_hit:
                bridge.mend()

    def _note_hits(self) -> None:
        if self._trouble is not None:
            self._history[-1].hits = self._trouble.hits

    def _stop_timers(self) -> None:
        for timer in (self._return, self._look):
            if timer is not None:
                timer.cancel()
        self._return = self._look = None

    def _bridge(self, accepted: socket.socket) -> None:
        self._tasks.create_task(self._join(accepted))

    async def _join(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, far = await loop.create_connection(End, *self._settings.target)
        except (OSError, TimeoutError):
            reset_socket(accepted)
            return
        bridge = Bridge(End(), far, may_ask=self._before_a_request, asks=self._at_a_request)
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
        if self._trouble is not None and self._trouble.fault.kind in ("latency", "bandwidth"):
            self._suffer(bridge, self._trouble)
        bridge.join()
        if self._trouble is not None and self._trouble.fault.kind in ("down", "reject"):
            self._suffer(bridge, self._trouble)
        let_go()
