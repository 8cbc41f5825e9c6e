"""The HTTP API of notification (API §5): the message ledger and the kill switch of each channel."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.notification import store
from services.notification.domain.sending import MessageState
from services.notification.usecases.resend_message import AlreadyTold, resend_message
from shared.auth import Caller, needs
from shared.events.situation import Situation
from shared.http import idempotency_key
from shared.postgres.idempotency import Answer, KeyedRequest, fingerprint, once
from shared.postgres.pool import Database
from shared.problems import Conflict, NotFound


class AlreadySent(Conflict):
    """The message was sent, or is being sent: nobody is told the same twice."""

    slug = "already-sent"


class Message(BaseModel):
    """One message of the ledger; the address is nowhere."""

    id: UUID
    recording_id: UUID
    office: str
    situation: Situation
    channel: str
    state: MessageState
    reason: str | None
    template: str
    template_version: int
    attempts: int
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None


class Messages(BaseModel):
    """Messages, newest first."""

    items: list[Message]
    next: str | None


class Channel(BaseModel):
    """A way out and its switch."""

    name: str
    is_enabled: bool
    reason_code: str | None
    changed_by: str
    changed_at: datetime


class Channels(BaseModel):
    """All ways out."""

    items: list[Channel]
    next: None = None


class Switch(BaseModel):
    """Turn a channel on or off; while it is off messages wait, none is lost."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=20, pattern=r"^[a-z_]+$")
    is_enabled: bool
    reason_code: str = Field(max_length=40, pattern=r"^[a-z_]+$")


class ResendOrder(BaseModel):
    """Why a message is sent again."""

    model_config = ConfigDict(extra="forbid")

    reason_code: str = Field(max_length=40, pattern=r"^[a-z_]+$")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the API leans on."""

    database: Database
    request_key: bytes


def routes(ledger: Ledger) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/v1")
    _add_messages(router, ledger)
    _add_resend(router, ledger)
    _add_channels(router, ledger)
    return router


def _add_messages(router: APIRouter, ledger: Ledger) -> None:
    @router.get("/messages", tags=["messages"])
    async def messages(
        caller: Annotated[Caller, needs("read_messages")],
        recording_id: UUID | None = None,
        state: MessageState | None = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Messages:
        """List messages, newest first."""
        async with ledger.database.connection() as connection:
            rows = await store.list_messages(
                connection, caller.office_patterns(), recording_id, state=state, after=after, limit=limit
            )
        more = str(rows[-1]["id"]) if len(rows) == limit else None
        return Messages(items=[Message(**row) for row in rows], next=more)


def _add_resend(router: APIRouter, ledger: Ledger) -> None:
    @router.post("/messages/{message_id}/resend", tags=["messages"], status_code=202, response_model=Message)
    async def resend(
        request: Request,
        message_id: UUID,
        _order: ResendOrder,
        caller: Annotated[Caller, needs("retry_stages")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Send a message again that did not get through; one that did is refused with 409."""
        print_ = fingerprint(ledger.request_key, "POST", request.url.path, await request.body())

        async with ledger.database.transaction() as tx:

            async def do() -> Answer:
                try:
                    message = await resend_message(tx, message_id, caller.office_patterns())
                except AlreadyTold:
                    raise AlreadySent("Only messages that did not get through are sent again.") from None
                if message is None:
                    raise NotFound("No such message in your offices.")
                body = Message(**message).model_dump_json().encode()
                return Answer(202, body, f"/v1/messages?recording_id={message['recording_id']}")

            answer = await once(tx, KeyedRequest(caller.client_id, key, print_), do)
        return answer.response()


def _add_channels(router: APIRouter, ledger: Ledger) -> None:
    @router.get("/channels", tags=["channels"])
    async def channels(_: Annotated[Caller, needs("read_messages")]) -> Channels:
        """List the channels."""
        async with ledger.database.connection() as connection:
            return Channels(items=[Channel(**row) for row in await store.channels(connection)])

    @router.patch("/channels", tags=["channels"])
    async def switch(order: Switch, caller: Annotated[Caller, needs("operate_gates")]) -> Channel:
        """Turn a channel off or on for the whole installation."""
        async with ledger.database.transaction() as tx:
            row = await store.switch_channel(
                tx,
                order.name,
                is_enabled=order.is_enabled,
                reason_code=order.reason_code,
                changed_by=caller.subject,
            )
        if row is None:
            raise NotFound("No such channel.")
        return Channel(**row)
