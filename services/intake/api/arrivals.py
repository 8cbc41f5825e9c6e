"""People at the counter, one at a time."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from services.intake.api.asking import asked_of, contact_of
from services.intake.api.bodies import ArrivalBody, ArrivalOut, ContactBody, ReturnBody, TicketOut
from services.intake.api.callers import keyed_request, known_office, sight_of
from services.intake.store import arrivals as store
from services.intake.usecases.accept_arrivals import Asked, Result
from services.intake.usecases.change_contact import change_contact, withdraw_contact
from services.intake.usecases.desk import Desk
from services.intake.usecases.return_applicant import return_applicant
from services.intake.usecases.tell_situation import tell_situation
from shared.auth import Caller, needs
from shared.clock import now
from shared.events.vocabulary import Purpose
from shared.http import idempotency_key
from shared.postgres.idempotency import once
from shared.problems import NotFound, Problem
from shared.telemetry import current_traceparent

Accept = Callable[[Asked], Awaitable[Result]]
_REGISTERED: dict[int | str, dict[str, Any]] = {
    200: {"model": ArrivalOut, "description": "Rejoined"},
    201: {"model": ArrivalOut},
}


class ShownArrival(BaseModel):
    """An arrival as intake knows it; the receipt is shown to those who may register; `version` is its identity's."""

    recording_id: UUID
    receipt_code: str | None
    ticket: TicketOut | None
    ticket_state: str | None
    valid_until: date | None
    office: str
    purpose: Purpose
    version: int
    is_open: bool
    situation: str
    arrived_at: datetime
    accepted_at: datetime
    leaves_on: date | None
    card_not_before: date | None
    reference: str | None
    paper_number: str | None
    packet_version: int
    warnings: list[str]


def arrivals_routes(desk: Desk, accept: Accept) -> APIRouter:
    """Make the routes of single arrivals; `accept` collects them into batches."""
    router = APIRouter(prefix="/v1/arrivals", tags=["arrivals"])
    _add_registering(router, desk, accept)
    _add_reading(router, desk)
    return router


def _add_registering(router: APIRouter, desk: Desk, accept: Accept) -> None:
    @router.post("", status_code=201, responses=_REGISTERED)
    async def register_arrival(
        body: ArrivalBody,
        caller: Annotated[Caller, needs("register_arrivals")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Register a person; answered when it is durable."""
        asked = asked_of(body, caller, desk, key=key, traceparent=current_traceparent(), now=now())
        result = await accept(asked)
        if isinstance(result, Problem):
            raise result
        return result.response()

    @router.post("/return", responses={200: {"model": ArrivalOut}})
    async def return_to_office(
        request: Request,
        body: ReturnBody,
        caller: Annotated[Caller, needs("register_arrivals")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Take a person back by the receipt; a recording open elsewhere moves here."""
        office = known_office(desk, caller, body.office)
        keyed = await keyed_request(desk, caller, key, request)
        traceparent = current_traceparent()
        async with desk.database.transaction() as tx:
            answer = await once(
                tx,
                keyed,
                lambda: return_applicant(
                    tx, desk, office=office, receipt_code=body.receipt_code, traceparent=traceparent, now=now()
                ),
            )
        return answer.response()


def _add_reading(router: APIRouter, desk: Desk) -> None:
    @router.get("/{recording_id}")
    async def show_arrival(
        recording_id: UUID, response: Response, caller: Annotated[Caller, needs("read_recordings")]
    ) -> ShownArrival:
        """Show an arrival of the caller's offices; the ETag is what a correction sends back as If-Match."""
        async with desk.database.connection() as connection:
            shown = await store.show(connection, recording_id, sight_of(caller))
        if shown is None:
            raise NotFound("No such recording in your offices.")
        response.headers["etag"] = f'"{shown.recording.identity_version}"'
        return _shown(shown, may_see_receipt="register_arrivals" in caller.scopes)

    @router.put("/{recording_id}/contact", status_code=204)
    async def put_contact(
        recording_id: UUID, body: ContactBody, caller: Annotated[Caller, needs("register_arrivals")]
    ) -> None:
        """Seal how the person wants to be told, and pass it on."""
        async with desk.database.transaction() as tx:
            await change_contact(
                tx, desk, recording_id, sight_of(caller), contact=contact_of(body), traceparent=current_traceparent()
            )

    @router.delete("/{recording_id}/contact", status_code=204)
    async def delete_contact(recording_id: UUID, caller: Annotated[Caller, needs("register_arrivals")]) -> None:
        """Pass on that the person wants no messages."""
        async with desk.database.transaction() as tx:
            await withdraw_contact(tx, desk, recording_id, sight_of(caller), current_traceparent())


def _shown(shown: store.Shown, *, may_see_receipt: bool) -> ShownArrival:
    one = shown.recording
    ticket = one.ticket
    return ShownArrival(
        recording_id=one.id,
        receipt_code=one.receipt_code if may_see_receipt else None,
        ticket=TicketOut(id=ticket.id, number=ticket.number, lane=ticket.lane) if ticket else None,
        ticket_state=ticket.state if ticket else None,
        valid_until=ticket.valid_until if ticket else None,
        office=one.office,
        purpose=one.purpose,
        version=one.identity_version,
        is_open=one.is_open,
        situation=tell_situation(one),
        arrived_at=one.since,
        leaves_on=one.leaves_on,
        packet_version=one.packet_version,
        **shown.more,
    )
