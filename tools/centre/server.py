"""The simulated centre put together: what it knows, its TLS door and its control."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from weakref import WeakSet

from shared.sealing import OpeningKey
from tools.centre.calls import Call, read_call
from tools.centre.capacity import Capacity
from tools.centre.control import Control
from tools.centre.desk import Desk
from tools.centre.faults import CALL_FAULTS, OVERLOAD, FaultRequest, Faults, refusal
from tools.centre.journal import Journal
from tools.centre.listener import Listener
from tools.centre.register import AppendedFile, Register
from tools.centre.wire import Answer, Exchange, HttpConnection, Request, plain_http

_OVERLOADED = 503


@dataclass(frozen=True, slots=True)
class CentreSettings:
    keys_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    data_dir: Path | None = None
    deduplication_seconds: float = 5.0

    @classmethod
    def from_environment(cls) -> Self:
        """Read REKAM_*; only the folder of keys has no default."""
        data_dir = os.environ.get("REKAM_CENTRE_DIR")
        return cls(
            keys_dir=Path(os.environ["REKAM_KEYS_DIR"]),
            host=os.environ.get("REKAM_HTTP_HOST", "127.0.0.1"),
            port=int(os.environ.get("REKAM_CENTRE_PORT", "0")),
            control_port=int(os.environ.get("REKAM_CENTRE_CONTROL_PORT", "8090")),
            data_dir=Path(data_dir) if data_dir else None,
            deduplication_seconds=float(os.environ.get("REKAM_CENTRE_DEDUPLICATION_SECONDS", "5")),
        )


class Centre:
    """Takes calls one at a time through capacity, faults, desk and journal."""

    def __init__(self, settings: CentreSettings) -> None:
        if settings.data_dir is not None:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._files = [AppendedFile(_in(settings.data_dir, name)) for name in ("register.jsonl", "journal.jsonl")]
        self.register = Register(self._files[0], settings.deduplication_seconds)
        self.journal = Journal(self._files[1])
        self.register.duplicate_acks = self.journal.duplicate_acks()
        self.faults = Faults()
        self.capacity = Capacity()
        self._unheard: WeakSet[HttpConnection] = WeakSet()
        self._desk = Desk(self.register, OpeningKey.from_file(settings.keys_dir / "centre_sealing.private.json"))

    def serve(self, request: Request, exchange: Exchange) -> None:
        """Take one request of the TLS side."""
        call = read_call(request)
        if call is None:
            exchange.send(Answer(404, {"detail": "no such door"}))
            return
        wait = self.capacity.wait_seconds(time.monotonic())
        if wait is None:
            self.journal.write(call, None, _OVERLOADED, OVERLOAD)
            exchange.send(refusal(_OVERLOADED, self.capacity.limit.retry_after))
        elif wait > 0:
            asyncio.get_running_loop().call_later(wait, self._answer, call, exchange)
        else:
            self._answer(call, exchange)

    def admit(self, head: Request, connection: HttpConnection) -> bool:
        """Say whether the body of a request is read: not while the centre has stopped reading."""
        call = read_call(head)
        fault = self.faults.strike_head(call.operation) if call else None
        if call is None or fault is None:
            return True
        self.journal.write(call, None, fault.asked.kind, fault.asked.kind)
        self._unheard.add(connection)
        if fault.ends_at is not None:
            seconds = max(fault.ends_at - time.monotonic(), 0.0)
            asyncio.get_running_loop().call_later(seconds, connection.listen_again)
        return False

    def listen_if_well(self) -> None:
        """Read on everywhere once no fault is left."""
        if not self.faults.shown():
            for connection in list(self._unheard):
                connection.listen_again()
            self._unheard.clear()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def _answer(self, call: Call, exchange: Exchange) -> None:
        strike = self.faults.strike(call.operation)
        if strike.fault is not None:
            self._misbehave(call, exchange, strike.fault)
        elif strike.wait_seconds > 0:
            asyncio.get_running_loop().call_later(strike.wait_seconds, self._answer_well, call, exchange)
        else:
            self._answer_well(call, exchange)

    def _answer_well(self, call: Call, exchange: Exchange) -> None:
        done = self._desk.answer(call)
        self.journal.write(call, done, done.answer.status, None)
        exchange.send(done.answer)

    def _misbehave(self, call: Call, exchange: Exchange, fault: FaultRequest) -> None:
        how = CALL_FAULTS[fault.kind]
        done_anyway = self._desk.answer(call) if how.does_effect else None
        answered = fault.status if how.answers_status else fault.kind
        self.journal.write(call, done_anyway, answered, fault.kind)
        how.reply(exchange, done_anyway.answer if done_anyway else Answer(200, {}), fault)


@dataclass(frozen=True, slots=True)
class RunningCentre:
    centre: Centre
    port: int
    control_port: int

    @property
    def url(self) -> str:
        """Where the TLS side listens."""
        return f"https://localhost:{self.port}"

    @property
    def control_url(self) -> str:
        """Where the control side listens."""
        return f"http://127.0.0.1:{self.control_port}"


@asynccontextmanager
async def running_centre(settings: CentreSettings) -> AsyncIterator[RunningCentre]:
    """Run a centre until the block ends."""
    centre = Centre(settings)
    listener = Listener(settings.host, settings.port, settings.keys_dir, centre.serve, centre.admit)
    stop = asyncio.Event()
    changed = asyncio.Event()

    async def stand() -> None:
        await listener.switch(centre.faults.door())
        centre.listen_if_well()
        changed.set()

    try:
        await stand()
        async with asyncio.TaskGroup() as tasks:
            control = _control(centre, stand, tasks)
            async with plain_http("127.0.0.1", settings.control_port, control.serve) as control_port:
                tasks.create_task(_heal_on_time(centre.faults, listener, changed, stop))
                yield RunningCentre(centre, listener.port, control_port)
            stop.set()
            changed.set()
    finally:
        await listener.stop()
        centre.close()


def _control(centre: Centre, stand: Callable[[], Awaitable[None]], tasks: asyncio.TaskGroup) -> Control:
    return Control(
        register=centre.register,
        journal=centre.journal,
        faults=centre.faults,
        capacity=centre.capacity,
        stand=stand,
        tasks=tasks,
    )


async def _heal_on_time(faults: Faults, listener: Listener, changed: asyncio.Event, stop: asyncio.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), faults.door_moves_in(time.monotonic()))
        changed.clear()
        if not stop.is_set():
            await listener.switch(faults.door())


def _in(folder: Path | None, name: str) -> Path | None:
    return folder / name if folder else None
