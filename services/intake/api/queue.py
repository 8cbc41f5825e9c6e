"""The queue of an office: who waits, who is next, who was sent home with a kept place."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from services.intake.api.bodies import CallBody, RoomBody, SendHomeBody
from services.intake.api.callers import keyed_request, known_office, sight_of
from services.intake.usecases.call_next import call_next
from services.intake.usecases.desk import Desk
from services.intake.usecases.move_ticket import Moved, mark_no_show, send_one_home, serve_ticket, undo_step
from services.intake.usecases.send_room_home import room_to_send_home, send_room_home
from services.intake.usecases.show_queue import show_queue
from shared.auth import Caller, needs
from shared.clock import now, rfc3339
from shared.events.vocabulary import Purpose, TicketLane
from shared.http import idempotency_key
from shared.postgres.idempotency import Answer, once
from shared.postgres.pool import Transaction
from shared.telemetry import current_traceparent

Server = Annotated[Caller, needs("serve_queue")]
Key = Annotated[str, Depends(idempotency_key)]


class QueueItem(BaseModel):
    id: UUID
    number: str
    lane: TicketLane
    state: str
    recording_id: UUID
    purpose: Purpose
    waiting_since: datetime
    counter: int | None
    valid_until: date | None


class QueueOut(BaseModel):
    """`items` wait, in the order in which they are expected to be called."""

    office: str
    called: list[QueueItem]
    items: list[QueueItem]
    kept: list[QueueItem]
    next: None = None


class TicketAnswer(BaseModel):
    ticket: QueueItem | None


class RoomAnswer(BaseModel):
    dry_run: bool
    count: int
    valid_until: date
    tickets: list[str]


def queue_routes(desk: Desk) -> APIRouter:
    """Make the routes of the queue."""
    router = APIRouter(prefix="/v1", tags=["queue"])
    _add_office(router, desk)
    _add_room(router, desk)
    _add_tickets(router, desk)
    return router


def _add_office(router: APIRouter, desk: Desk) -> None:
    @router.get("/offices/{office}/queue")
    async def read_queue(
        office: str,
        caller: Annotated[Caller, needs("read_board")],
        limit: Annotated[int, Query(ge=1, le=500)] = 500,
    ) -> QueueOut:
        """Show who was called, who waits in expected order, and whose place is kept."""
        known_office(desk, caller, office)
        async with desk.database.connection() as connection:
            queue = await show_queue(connection, desk, office, limit, now())
        return QueueOut(office=office, called=queue.called, items=queue.waiting, kept=queue.kept)

    @router.post("/offices/{office}/queue/call-next", responses={200: {"model": TicketAnswer}})
    async def call_next_ticket(request: Request, office: str, body: CallBody, caller: Server, key: Key) -> Response:
        """Call who goes next to a counter; `ticket` is null when nobody waits."""
        known_office(desk, caller, office)
        traceparent = current_traceparent()

        async def do(tx: Transaction) -> Answer:
            moved = await call_next(tx, desk, office, body.counter, traceparent)
            return _ticket_answer(moved)

        return await _once(desk, request, caller, key, do)


def _add_room(router: APIRouter, desk: Desk) -> None:
    @router.post("/offices/{office}/queue/send-home", responses={200: {"model": RoomAnswer}})
    async def send_home_room(request: Request, office: str, body: RoomBody, caller: Server, key: Key) -> Response:
        """Send home all who wait for these purposes, or tell (`dry_run`) who that would be."""
        known_office(desk, caller, office)
        moment = now()
        traceparent = current_traceparent()

        async def do(tx: Transaction) -> Answer:
            if body.dry_run:
                waiting = await room_to_send_home(tx, office, body.purposes)
                numbers = [one.ticket.number for one in waiting if one.ticket]
            else:
                moved = await send_room_home(
                    tx,
                    desk,
                    office,
                    purposes=body.purposes,
                    reason_code=body.reason_code,
                    traceparent=traceparent,
                    now=moment,
                )
                numbers = [one.ticket.number for one in moved]
            return _room_answer(numbers, desk.kept_until(office, moment), dry_run=body.dry_run)

        return await _once(desk, request, caller, key, do)


def _add_tickets(router: APIRouter, desk: Desk) -> None:
    for name, step in (("serve", serve_ticket), ("no-show", mark_no_show), ("undo", undo_step)):
        _add_step(router, desk, name, step)

    @router.post("/tickets/{ticket_id}/send-home", responses={200: {"model": TicketAnswer}})
    async def send_home_ticket(
        request: Request, ticket_id: UUID, body: SendHomeBody, caller: Server, key: Key
    ) -> Response:
        """Send one person home with a kept place."""
        traceparent = current_traceparent()

        async def do(tx: Transaction) -> Answer:
            moved = await send_one_home(
                tx,
                desk,
                ticket_id,
                sight_of(caller),
                reason_code=body.reason_code,
                traceparent=traceparent,
                now=now(),
            )
            return _ticket_answer(moved)

        return await _once(desk, request, caller, key, do)


def _add_step(router: APIRouter, desk: Desk, name: str, step: Callable[..., Awaitable[Moved]]) -> None:
    async def take_step(request: Request, ticket_id: UUID, caller: Server, key: Key) -> Response:
        traceparent = current_traceparent()

        async def do(tx: Transaction) -> Answer:
            return _ticket_answer(await step(tx, desk, ticket_id, sight_of(caller), traceparent))

        return await _once(desk, request, caller, key, do)

    router.add_api_route(
        f"/tickets/{{ticket_id}}/{name}",
        take_step,
        methods=["POST"],
        name=step.__name__,
        description=step.__doc__,
        responses={200: {"model": TicketAnswer}},
    )


async def _once(
    desk: Desk, request: Request, caller: Caller, key: str, do: Callable[[Transaction], Awaitable[Answer]]
) -> Response:
    keyed = await keyed_request(desk, caller, key, request)
    async with desk.database.transaction() as tx:
        answer = await once(tx, keyed, lambda: do(tx))
    return answer.response()


def _ticket_answer(moved: Moved | None) -> Answer:
    return Answer(200, orjson.dumps({"ticket": _item(moved) if moved else None}))


def _item(moved: Moved) -> dict[str, Any]:
    ticket = moved.ticket
    return {
        "id": str(ticket.id),
        "number": ticket.number,
        "lane": ticket.lane,
        "state": ticket.state,
        "recording_id": str(moved.recording.id),
        "purpose": moved.recording.purpose,
        "waiting_since": rfc3339(ticket.waiting_since),
        "counter": ticket.counter,
        "valid_until": ticket.valid_until,
    }


def _room_answer(numbers: Sequence[str], until: date, *, dry_run: bool) -> Answer:
    body = {"dry_run": dry_run, "count": len(numbers), "valid_until": until, "tickets": numbers}
    return Answer(200, orjson.dumps(body))
