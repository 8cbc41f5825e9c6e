"""The gates as operators read and set them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from services.recording.api.commands import Commands
from services.recording.domain.drain import drain_eta
from services.recording.domain.gate import Gate
from services.recording.domain.operating import UNSAID, up_to_date
from services.recording.store import backlog, gates
from services.recording.store.backlog import Waiting
from services.recording.usecases.set_gate import Wish, set_gate
from shared.auth import Caller, needs
from shared.clock import now
from shared.events.vocabulary import Lane, Operation
from shared.http import idempotency_key
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, Transaction

_MOST_MINUTES = 24 * 60
_RATE_OVER = timedelta(seconds=30)


class GateOrder(BaseModel):
    """What is not said stays as it is; `paused: false` and `ceiling_per_second: null` lift."""

    model_config = ConfigDict(extra="forbid")
    paused: bool | None = None
    ceiling_per_second: Annotated[float, Field(gt=0, le=10_000)] | None = None
    minutes: Annotated[float, Field(gt=0, le=_MOST_MINUTES)] = 60
    reason_code: Literal["asked_by_centre", "maintenance", "overload", "incident", "cause_gone", "test"]

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.paused is None and "ceiling_per_second" not in self.model_fields_set:
            raise ValueError("say paused or ceiling_per_second")
        return self

    def wish(self, subject: str) -> Wish:
        """Give it to the use case."""
        says_ceiling = "ceiling_per_second" in self.model_fields_set
        per_second = self.ceiling_per_second if says_ceiling else UNSAID
        return Wish(subject, self.reason_code, timedelta(minutes=self.minutes), self.paused, per_second)


def routes(database: Database, commands: Commands) -> APIRouter:
    """Make the router of gates."""
    router = APIRouter(tags=["gates"])

    @router.get("/gates")
    async def list_gates(_caller: Annotated[Caller, needs("read_attempts")]) -> dict[str, Any]:
        """Each operation's gate, and what waits behind it: exact up to 2,000 a lane, beyond it estimated by sample."""
        async with database.connection() as tx:
            rows = await gates.list_all(tx)
            waiting = await backlog.waiting(tx)
            done = await backlog.done_since(tx, now() - _RATE_OVER)
        return {"items": [_shown(row, waiting, done.get(row["operation"], 0)) for row in rows], "next": None}

    @router.patch("/gates/{operation}")
    async def order(
        operation: Operation,
        wanted: GateOrder,
        request: Request,
        caller: Annotated[Caller, needs("operate_gates")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Pause a gate, let it go on, or set its ceiling: always for a time, at most a day."""

        async def command(tx: Transaction, outbox: Outbox) -> dict[str, Any]:
            gate = await set_gate(tx, operation, wanted.wish(caller.subject), outbox=outbox)
            return {"operation": operation, **_gate_shown(gate)}

        return await commands.run(request, caller, key, command)

    return router


def _shown(row: Any, waiting: Sequence[Waiting], done: int) -> dict[str, Any]:
    gate: Gate = up_to_date(gates.gate_of(row), row["now"])
    own = [one for one in waiting if one.operation == row["operation"]]
    due = sum(one.due for one in own)
    eta = drain_eta(gate, due, done / _RATE_OVER.total_seconds(), row["now"])
    return {
        "operation": row["operation"],
        **_gate_shown(gate),
        "in_flight": row["in_flight"],
        "backlog": {lane: sum(one.count for one in own if one.lane == lane) for lane in Lane},
        "oldest_due_at": _oldest(own),
        "drain_eta": {"low": eta[0], "high": eta[1]} if eta else None,
    }


def _gate_shown(gate: Gate) -> dict[str, Any]:
    is_paused = gate.orders.paused_until is not None
    return {
        "state": gate.state,
        "since": gate.since,
        "cause": gate.cause,
        "limit": gate.pace.calls,
        "ceiling_per_second": gate.orders.per_second,
        "paused_by": gate.orders.by if is_paused else None,
        "reason_code": gate.orders.reason_code,
        "expires_at": gate.orders.until,
        "not_before": gate.not_before,
    }


def _oldest(own: Sequence[Waiting]) -> datetime | None:
    return min((one.first_due for one in own), default=None)
