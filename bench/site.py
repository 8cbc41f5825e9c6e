"""Where a measurement takes place: a stack that runs, a client with a token, people, and a window of time."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import orjson

from bench.client import BenchFailed, Client, expect
from bench.meter import Cost, Meter
from bench.people import REGENCY, People
from shared.events.vocabulary import Purpose
from tools.local import Stack
from tools.token import fetch_token

SETTINGS = {
    "intake": {"REKAM_CLOSING_HOUR": "24"},
    "recording": {"REKAM_ASK_AFTER_SECONDS": "[0.5, 1, 2, 5]"},
    "centre": {"REKAM_CENTRE_DEDUPLICATION_SECONDS": "0.2"},
}
_COUNTER = re.compile(r"^rekam_attempts_total\{(?P<labels>[^}]*)\} (?P<value>\S+)$", re.MULTILINE)
_CALLS_TO_LOSE = 100
_LOOKED_EVERY = 0.05
Work = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and how much at most."""

    seconds: float
    warm_up: float
    most: int
    is_line_down: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """When was measured, by the clock of this machine, and what it cost."""

    opened: float
    closed: float
    cost: Cost

    @property
    def seconds(self) -> float:
        """How long it was open."""
        return self.closed - self.opened

    def holds(self, moment: float) -> bool:
        """Whether a moment lies in it."""
        return self.opened <= moment < self.closed


class Site:
    """One running stack as a measurement sees it."""

    def __init__(self, stack: Stack, people: People) -> None:
        self.stack = stack
        self.people = people
        self.meter = Meter(stack.pids())
        ends, office = stack.endpoints, f"{REGENCY}."
        self.intake = Client(ends.intake, fetch_token(ends.issuer, "officer", office))
        self.status = Client(ends.status, fetch_token(ends.issuer, "regency", office))
        self.recording = Client(ends.recording, fetch_token(ends.issuer, "sre", "*"))

    def close(self) -> None:
        """Hang up."""
        for client in (self.intake, self.status, self.recording):
            client.close()

    async def measure(self, plan: Plan, work: Work) -> Window:
        """Let the work run through warm-up and window; it ends soon after `stop`, or by itself."""
        stop = asyncio.Event()
        async with asyncio.timeout(plan.warm_up + plan.seconds * 4 + 60), asyncio.TaskGroup() as group:
            working = group.create_task(_run(work, stop))
            await asyncio.wait([working], timeout=plan.warm_up)
            self.meter.open()
            opened = time.time()
            await self.meter.sample_while(working, plan.seconds)
            closed, cost = time.time(), self.meter.close()
            stop.set()
        return Window(opened, closed, cost)

    async def post_arrival(self, purpose: Purpose) -> dict[str, Any]:
        """Register one person."""
        key, body = self.people.next(purpose)
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return dict(orjson.loads(expect(await self.intake.post("/v1/arrivals", body, headers), 201).body))

    async def post_batch(self, count: int, purpose: Purpose, *, has_contact: bool = False) -> list[dict[str, Any]]:
        """Register many; gives the reports of the lines, all of them accepted."""
        body = self.people.batch(count, purpose, has_contact=has_contact)
        answer = expect(
            await self.intake.post("/v1/arrival-batches", body, {"Content-Type": "application/x-ndjson"}), 200
        )
        report = orjson.loads(answer.body)
        if report["accepted"] != count:
            raise BenchFailed(f"of {count} lines {report['accepted']} were accepted")
        return list(report["items"])

    async def attempts(self, stage: str) -> int:
        """Tell how many attempts of a stage ended well so far, by the service's own counter."""
        text = expect(await self.recording.get("/metrics"), 200).body.decode()
        wanted = (f'stage="{stage}"', 'outcome="done"')
        found = (match for match in _COUNTER.finditer(text) if all(label in match["labels"] for label in wanted))
        return int(sum(float(match["value"]) for match in found))

    async def hold_gate(self) -> None:
        """Cut the line and let calls into it until the gate of identity checks holds and nothing is under way."""
        await asyncio.to_thread(_cut_line, self.stack.endpoints.line_control)
        await self.post_batch(_CALLS_TO_LOSE, Purpose.FIRST_RECORDING)
        await wait_until(self._is_held, 60, "the gate did not hold")

    async def _is_held(self) -> bool:
        gates = orjson.loads(expect(await self.recording.get("/v1/gates"), 200).body)["items"]
        return any(
            gate["operation"] == "identity_check" and gate["state"] == "holding" and gate["in_flight"] == 0
            for gate in gates
        )

    async def rows(self, service: str, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask a service's database, once."""
        connection = await asyncpg.connect(self.stack.endpoints.postgres[service], timeout=10)
        try:
            return list(await connection.fetch(statement, *arguments, timeout=60))
        finally:
            await connection.close(timeout=5)


async def _run(work: Work, stop: asyncio.Event) -> None:
    await work(stop)


async def wait_until(is_so: Callable[[], Awaitable[bool]], within: float, otherwise: str) -> None:
    """Look until it is so; raises `BenchFailed` when it takes too long."""
    until = time.monotonic() + within
    while not await is_so():
        if time.monotonic() > until:
            raise BenchFailed(otherwise)
        await asyncio.sleep(_LOOKED_EVERY)


def _cut_line(control: str) -> None:
    httpx.put(f"{control}/faults", json={"kind": "down"}, timeout=10).raise_for_status()
