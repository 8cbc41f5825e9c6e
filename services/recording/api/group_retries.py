"""Retries of many stages at once: a plan by dry run, the run itself, and what becomes of each item (API §4)."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from services.recording.api.commands import Commands
from services.recording.api.decisions import RetryReason
from services.recording.domain.group_retry import ItemState
from services.recording.store import group_items, group_retries
from services.recording.store.group_retries import GroupRow, Wanted
from services.recording.usecases.retry_groups import (
    Asker,
    Planned,
    cancel_group,
    pause_group,
    plan_group,
    resume_group,
    run_plan,
    waits_for_link,
)
from shared.auth import Caller, needs
from shared.events.vocabulary import Cause, GroupRetryState, Stage
from shared.http import idempotency_key
from shared.ids import uuid7
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, Transaction
from shared.problems import Invalid, NotFound

_UNAIDED = "will drain unaided"
_Step = Callable[..., Awaitable[GroupRow]]


class GroupFilter(BaseModel):
    """Which stages; at least one of the four must narrow it down."""

    model_config = ConfigDict(extra="forbid")
    stage: Stage | None = None
    cause: Cause | None = None
    signature: str | None = Field(None, min_length=1, max_length=200)
    office: str | None = Field(None, pattern=r"^\d{2}(\.\d{2,4}){0,3}\.?$")
    state: Literal["parked", "waiting"] = "parked"

    @model_validator(mode="after")
    def _narrows(self) -> "GroupFilter":
        if not (self.stage or self.cause or self.signature or self.office):
            raise ValueError("a filter needs a stage, a cause, a signature or an office")
        return self

    def wanted(self, caller: Caller) -> Wanted:
        """Give it as the store takes it, within the caller's offices."""
        office = f"{self.office}%" if self.office and self.office.endswith(".") else self.office
        return Wanted(self.state, caller.office_patterns(), self.stage, self.cause, self.signature, office)


class GroupRetryRequest(RetryReason):
    """Either a filter, frozen at once, or a plan whose ids were frozen by a dry run."""

    filter: GroupFilter | None = None
    plan_id: UUID | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "GroupRetryRequest":
        if (self.filter is None) == (self.plan_id is None):
            raise ValueError("give a filter or a plan_id")
        if self.dry_run and self.plan_id:
            raise ValueError("a dry run takes a filter")
        return self


def routes(database: Database, commands: Commands) -> APIRouter:
    """Make the router of group retries."""
    router = APIRouter(tags=["group retries"])
    _add_commands(router, commands)
    _add_lists(router, database)
    return router


def _add_commands(router: APIRouter, commands: Commands) -> None:
    @router.post("/group-retries", status_code=202)
    async def retry_group(
        body: GroupRetryRequest,
        request: Request,
        caller: Annotated[Caller, needs("retry_groups")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Plan (200) or run (202) a retry of everything that fits a filter, or run a plan."""
        group_id = body.plan_id or uuid7()

        async def command(tx: Transaction, outbox: Outbox) -> dict[str, Any]:
            return await _plan_or_run(tx, outbox, group_id, body, caller)

        status, location = (200, "") if body.dry_run else (202, f"/v1/group-retries/{group_id}")
        return await commands.run(request, caller, key, command, status=status, location=location)

    @router.post("/group-retries/{group_id}/{verb}")
    async def steer(
        *,
        group_id: UUID,
        verb: Literal["pause", "resume", "cancel"],
        request: Request,
        caller: Annotated[Caller, needs("retry_groups")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Pause, resume or cancel; what it is already, it stays."""
        steps: dict[str, _Step] = {"pause": pause_group, "resume": resume_group, "cancel": cancel_group}

        async def command(tx: Transaction, outbox: Outbox) -> dict[str, Any]:
            return await _shown(tx, await steps[verb](tx, group_id, asker=_asker(caller), outbox=outbox))

        return await commands.run(request, caller, key, command)


def _add_lists(router: APIRouter, database: Database) -> None:
    @router.get("/group-retries")
    async def list_group_retries(
        *,
        caller: Annotated[Caller, needs("retry_groups")],
        state: GroupRetryState | None = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """List group retries, the newest first."""
        patterns, subject = caller.office_patterns(), caller.subject
        async with database.connection() as tx:
            found = await group_retries.list_all(tx, patterns, subject, state, after, limit)
            shown = await _all_shown(tx, found)
        return {"items": shown, "next": found[-1].id if len(found) == limit else None}

    @router.get("/group-retries/{group_id}")
    async def read_group_retry(group_id: UUID, caller: Annotated[Caller, needs("retry_groups")]) -> dict[str, Any]:
        """Show one: how many of its items are where, who asked, and why it rests."""
        async with database.connection() as tx:
            return await _shown(tx, await _read(tx, group_id, caller))

    @router.get("/group-retries/{group_id}/items")
    async def list_items(
        *,
        group_id: UUID,
        caller: Annotated[Caller, needs("retry_groups")],
        state: ItemState | None = None,
        after: Annotated[str | None, Query(pattern=r"^[0-9a-f-]{36}:[a-z_]+$")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """List its items in the order of their turns."""
        async with database.connection() as tx:
            await _read(tx, group_id, caller)
            rows = await group_items.list_all(tx, group_id, caller.office_patterns(), state, _place(after), limit)
        following = f"{rows[-1]['recording_id']}:{rows[-1]['stage']}" if len(rows) == limit else None
        return {"items": [dict(row) for row in rows], "next": following}


async def _plan_or_run(
    tx: Transaction, outbox: Outbox, group_id: UUID, body: GroupRetryRequest, caller: Caller
) -> dict[str, Any]:
    planned = None
    if body.filter:
        told = {"reason_code": body.reason_code, "filter": body.filter.model_dump(mode="json", exclude_none=True)}
        planned = await plan_group(tx, group_id, told, body.filter.wanted(caller), asker=_asker(caller))
    if planned and body.dry_run:
        return _plan_shown(group_id, planned, body.filter)
    group = await run_plan(tx, group_id, reason_code=body.reason_code, asker=_asker(caller), outbox=outbox)
    return await _shown(tx, group)


def _plan_shown(group_id: UUID, planned: Planned, wanted: GroupFilter | None) -> dict[str, Any]:
    is_unaided = wanted is not None and wanted.state == "waiting" and planned.waits_for_link
    return {
        "plan_id": str(group_id),
        "count": planned.plan.by_office.total(),
        "by_office": dict(sorted(planned.plan.by_office.items())),
        "estimate": {"waves": planned.waves, "seconds": {"low": planned.seconds_low, "high": planned.seconds_high}},
        "note": _UNAIDED if is_unaided else None,
    }


async def _shown(tx: Transaction, group: GroupRow) -> dict[str, Any]:
    return (await _all_shown(tx, [group]))[0]


async def _all_shown(tx: Transaction, groups: list[GroupRow]) -> list[dict[str, Any]]:
    counts = await group_items.counts(tx, [group.id for group in groups])
    return [_one_shown(group, counts[group.id], note=await _note(tx, group)) for group in groups]


async def _note(tx: Transaction, group: GroupRow) -> str | None:
    """What only waits for the line drains when it is back, faster than by any retry."""
    return _UNAIDED if group.takes == "waiting" and await waits_for_link(tx, group.operations) else None


def _one_shown(group: GroupRow, counts: dict[str, int], *, note: str | None) -> dict[str, Any]:
    return {
        "id": str(group.id),
        "state": group.life.state,
        "wave": group.life.wave,
        "count": group.total,
        "counts": counts,
        "filter": group.filter,
        "reason_code": group.reason_code,
        "requested_by": group.requested_by,
        "paused_because": group.life.paused_because,
        "paused_signature": group.life.paused_signature,
        "paused_by": group.life.paused_by,
        "note": note,
        "made_at": group.made_at,
        "started_at": group.started_at,
        "changed_at": group.changed_at,
    }


async def _read(tx: Transaction, group_id: UUID, caller: Caller) -> GroupRow:
    group = await group_retries.read(tx, group_id, caller.office_patterns(), caller.subject)
    if group is None:
        raise NotFound("No such group retry in your offices.")
    return group


def _asker(caller: Caller) -> Asker:
    return Asker(caller.subject, caller.office_patterns())


def _place(after: str | None) -> group_items.Key:
    recording, _, stage = (after or f"{UUID(int=0)}:").partition(":")
    try:
        return UUID(recording), stage
    except ValueError as error:
        raise Invalid("after is what the page before gave as next.") from error
