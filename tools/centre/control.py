"""The centre's switches and its journal, over plain HTTP on loopback."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from tools.centre.capacity import Capacity, CapacityRequest
from tools.centre.faults import FaultRequest, Faults
from tools.centre.journal import Journal
from tools.centre.register import STATES, Register
from tools.centre.wire import Answer, Exchange, Request

_PAGE = 1000
_LARGEST_PAGE = 100_000
_IDENTITY_RESULTS = frozenset({"mismatch", "not_found"})
_Body = TypeVar("_Body")


class Control:
    """Changes the centre's faults, outcomes and capacity, and tells what it saw."""

    def __init__(
        self,
        *,
        register: Register,
        journal: Journal,
        faults: Faults,
        capacity: Capacity,
        stand: Callable[[], Awaitable[None]],
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._register = register
        self._journal = journal
        self._faults = faults
        self._capacity = capacity
        self._stand = stand
        self._tasks = tasks
        self._switches: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "livez"): lambda _: Answer(200, {"status": "ok", "what": "a simulated centre, a test double"}),
            ("GET", "journal"): self._read_journal,
            ("GET", "records"): lambda _: Answer(200, {"items": self._register.all_records()}),
            ("POST", "reset"): lambda _: self._reset(),
            ("PUT", "outcomes"): self._set_outcomes,
            ("GET", "outcomes"): lambda _: Answer(200, self._register.outcomes),
            ("PUT", "capacity"): self._set_capacity,
            ("GET", "capacity"): lambda _: Answer(200, msgspec.to_builtins(self._capacity.limit)),
        }

    def serve(self, request: Request, exchange: Exchange) -> None:
        """Answer one request; those that move the listener answer when it has moved."""
        root, _, rest = request.path.strip("/").partition("/")
        if root == "faults":
            self._tasks.create_task(self._change_faults(request, rest, exchange))
            return
        try:
            exchange.send(self._answer(request, root))
        except (msgspec.DecodeError, ValueError) as error:
            exchange.send(Answer(422, {"detail": str(error)}))

    def _answer(self, request: Request, root: str) -> Answer:
        switch = self._switches.get((request.method, root))
        return switch(request) if switch else Answer(404, {"detail": "no such switch"})

    def _set_capacity(self, request: Request) -> Answer:
        self._capacity.set(_decoded(request.body, CapacityRequest))
        return Answer(200, msgspec.to_builtins(self._capacity.limit))

    def _read_journal(self, request: Request) -> Answer:
        query = request.query
        after, limit = int(query.get("after", 0)), min(int(query.get("limit", _PAGE)), _LARGEST_PAGE)
        items = self._journal.after(after, limit, query.get("recording_id"))
        return Answer(200, {"items": items, "next": items[-1]["seq"] if items else after})

    def _reset(self) -> Answer:
        self._register.reset()
        self._journal.reset()
        return Answer(200, {"status": "empty"})

    def _set_outcomes(self, request: Request) -> Answer:
        outcomes = _decoded(request.body, dict[str, str])
        allowed = STATES | _IDENTITY_RESULTS
        if not set(outcomes.values()) <= allowed or outcomes.get("default") in _IDENTITY_RESULTS:
            raise ValueError("known outcomes: " + ", ".join(sorted(allowed)))
        self._register.change({"change": "outcomes", "outcomes": outcomes})
        return Answer(200, outcomes)

    async def _change_faults(self, request: Request, operation: str, exchange: Exchange) -> None:
        try:
            if request.method == "PUT":
                self._faults.switch_on(operation, _decoded(request.body, FaultRequest))
            elif request.method == "DELETE":
                self._faults.clear()
        except (msgspec.DecodeError, ValueError) as error:
            exchange.send(Answer(422, {"detail": str(error)}))
            return
        await self._stand()
        exchange.send(Answer(200, self._faults.shown()))


def _decoded(body: bytes, kind: type[_Body]) -> _Body:
    return msgspec.json.decode(body, type=kind)
