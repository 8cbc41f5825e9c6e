"""The outage ledger: what was broken, whose it was, who was touched, and the report that can be handed over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.recording.api.commands import Commands
from services.recording.api.link import organisation_shown
from services.recording.api.report import canonical, page, report_of, sha256_of
from services.recording.domain.organisations import Organisation
from services.recording.store import outages
from services.recording.usecases.update_outage import update_outage
from shared.auth import Caller, needs
from shared.events.vocabulary import Owner
from shared.http import idempotency_key
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, Transaction
from shared.problems import NotFound, digits_are_personal

_INTERNAL = ("told_people", "told_at", "unclean_at", "sequence", "samples", "witnesses")
_NO_SCRIPT = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}


class OutageNews(BaseModel):
    """What a person promises about an outage; the note is kept here and told to nobody else."""

    model_config = ConfigDict(extra="forbid")
    next_news_at: AwareDatetime | None = None
    ticket_ref: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/#-]{0,39}$")] | None = None
    note: Annotated[str, Field(max_length=1000)] | None = None

    @field_validator("note", "ticket_ref")
    @classmethod
    def _holds_no_number(cls, text: str | None) -> str | None:
        if text and digits_are_personal(text):
            raise ValueError("it may not hold 8 or more consecutive digits")
        return text

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.next_news_at is None and self.ticket_ref is None and not self.note:
            raise ValueError("say next_news_at, ticket_ref or note")
        return self


def routes(database: Database, commands: Commands, organisations: Mapping[Owner, Organisation]) -> APIRouter:
    """Make the router of the outage ledger."""
    router = APIRouter(prefix="/outage-ledger", tags=["outages"])

    @router.get("")
    async def list_outages(
        *,
        _caller: Annotated[Caller, needs("read_attempts")],
        state: Literal["open", "closed", "merged"] | None = None,
        since: datetime | None = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """Outages, newest first; `since` takes those that began then or later."""
        async with database.connection() as tx:
            rows = await outages.list_all(tx, state, since, after, limit)
        items = [_shown(row, organisations) for row in rows]
        return {"items": items, "next": rows[-1]["id"] if len(rows) == limit else None}

    @router.get("/{outage_id}")
    async def read_outage(outage_id: UUID, _caller: Annotated[Caller, needs("read_attempts")]) -> dict[str, Any]:
        """One outage with what its sources saw, its sample attempts and its timeline."""
        async with database.connection() as tx:
            row = await _found(tx, outage_id)
            timeline = await outages.timeline(tx, outage_id)
        kept = {"samples": row["samples"], "witnesses": row["witnesses"]}
        return {**_shown(row, organisations), **kept, "timeline": [dict(entry) for entry in timeline]}

    @router.get("/{outage_id}/report", response_class=HTMLResponse)
    async def report(
        outage_id: UUID,
        _caller: Annotated[Caller, needs("read_attempts")],
        form: Annotated[Literal["html", "json", "canonical"] | None, Query(alias="format")] = None,
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """The *berita acara*, printable, or as `{report, sha256}`; `format=canonical` are the bytes that are hashed.

        Check a kept one with `jq -cjS .report report.json | sha256sum`.
        """
        async with database.connection() as tx:
            row = await _found(tx, outage_id)
            timeline = await outages.timeline(tx, outage_id)
            samples = await outages.samples(tx, row["samples"])
        made = report_of(row, timeline, samples, organisations[Owner(row["owner"])])
        if form == "canonical":
            return Response(canonical(made), media_type="application/json")
        if form == "json" or (form is None and "application/json" in accept):
            return JSONResponse({"report": made, "sha256": sha256_of(made)})
        return HTMLResponse(page(made, sha256_of(made)), headers=_NO_SCRIPT)

    @router.post("/{outage_id}/updates", status_code=201)
    async def update(
        outage_id: UUID,
        news: OutageNews,
        request: Request,
        caller: Annotated[Caller, needs("operate_gates")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Promise the next news, name the ticket at whose fault it is, or keep a note."""

        async def command(tx: Transaction, outbox: Outbox) -> dict[str, Any]:
            return await update_outage(tx, outage_id, **news.model_dump(), subject=caller.subject, outbox=outbox)

        return await commands.run(request, caller, key, command, status=201, location=f"/v1/outage-ledger/{outage_id}")

    return router


async def _found(tx: Transaction, outage_id: UUID) -> Any:
    row = await outages.read(tx, outage_id)
    if row is None:
        raise NotFound("No such outage.")
    return row


def _shown(row: Any, organisations: Mapping[Owner, Organisation]) -> dict[str, Any]:
    shown = {name: value for name, value in dict(row).items() if name not in _INTERNAL}
    return shown | {"organisation": organisation_shown(Owner(row["owner"]), organisations)}
