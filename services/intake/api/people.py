"""Persons without a receipt; every look is logged, and the NIK travels in the body, never in an address."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from services.intake.api.bodies import FindBody
from services.intake.api.callers import actor_of
from services.intake.domain.visits import Recording
from services.intake.usecases.desk import Desk
from services.intake.usecases.find_people import find_people
from services.intake.usecases.tell_situation import tell_situation
from shared.auth import Caller, needs
from shared.events.vocabulary import Purpose
from shared.http import idempotency_key


class FoundRecording(BaseModel):
    recording_id: UUID
    receipt_code: str
    office: str
    purpose: Purpose
    arrived_at: datetime
    situation: str
    ticket_number: str | None


class FoundRecordings(BaseModel):
    items: list[FoundRecording]
    next: None = None


def people_routes(desk: Desk) -> APIRouter:
    """Make the route that finds people."""
    router = APIRouter(prefix="/v1/people", tags=["people"])

    @router.post("/find", dependencies=[Depends(idempotency_key)])
    async def find(
        request: Request, body: FindBody, caller: Annotated[Caller, needs("find_people")]
    ) -> FoundRecordings:
        """Find the open recordings of a person at the caller's own offices; the look is logged."""
        actor = actor_of(caller, request)
        async with desk.database.transaction() as tx:
            found = await find_people(tx, desk, actor, body.nik, body.birth_date)
        return FoundRecordings(items=[_found(one) for one in found])

    return router


def _found(one: Recording) -> FoundRecording:
    return FoundRecording(
        recording_id=one.id,
        receipt_code=one.receipt_code,
        office=one.office,
        purpose=one.purpose,
        arrived_at=one.since,
        situation=tell_situation(one),
        ticket_number=one.ticket.number if one.ticket else None,
    )
