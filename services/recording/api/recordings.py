"""Recordings as they stand."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query

from services.recording.api.shown import HELD, recording_shown
from services.recording.store import gates
from services.recording.store import recordings as store
from shared.auth import Caller, needs
from shared.events.situation import Situation
from shared.postgres.pool import Database, Transaction
from shared.problems import NotFound

_LONGEST_WAIT = 10.0
_LOOK_AGAIN = 0.25


def routes(database: Database) -> APIRouter:
    """Make the router of recordings."""
    router = APIRouter(tags=["recordings"])

    @router.get("/recordings/{recording_id}")
    async def read_recording(
        *,
        recording_id: UUID,
        caller: Annotated[Caller, needs("read_recordings")],
        prefer: Annotated[str | None, Header()] = None,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        """Show one recording; with `Prefer: wait=5` and the version known in If-None-Match, wait for a change."""
        deadline = asyncio.get_running_loop().time() + _wait_of(prefer)
        while True:
            shown = await show(database, recording_id, caller)
            is_news = str(shown["version"]) != (if_none_match or "").strip('"')
            if is_news or asyncio.get_running_loop().time() >= deadline:
                return shown
            await asyncio.sleep(_LOOK_AGAIN)

    @router.get("/recordings")
    async def list_recordings(
        *,
        caller: Annotated[Caller, needs("read_recordings")],
        reference: str | None = None,
        situation: Situation | None = None,
        office: str | None = None,
        changed_since: datetime | None = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """List recordings by the time they arrived; a situation is looked for within each page."""
        async with database.connection() as tx:
            found = await store.list_all(
                tx,
                caller.office_patterns(),
                _pattern(office),
                reference,
                changed_since,
                after,
                caller.client_id if caller.role == "agency" else None,
                limit,
            )
            shown = await _show_all(tx, found)
        items = [one for one in shown if situation is None or one["situation"] is situation]
        return {"items": items, "next": found[-1].id if len(found) == limit else None}

    return router


async def show(database: Database, recording_id: UUID, caller: Caller) -> dict[str, Any]:
    """Show a recording, or refuse one outside the caller's offices as if it did not exist."""
    async with database.connection() as tx:
        found = await store.read(tx, recording_id, caller.office_patterns())
        if found is None or (caller.role == "agency" and found.created_by != caller.client_id):
            raise NotFound("No such recording in your offices.")
        return (await _show_all(tx, [found]))[0]


async def _show_all(tx: Transaction, found: list[store.Recording]) -> list[dict[str, Any]]:
    rows: dict[UUID, list[Any]] = {one.id: [] for one in found}
    for row in await store.stages_of(tx, list(rows)):
        rows[row["recording_id"]].append(row)
    held = await gates.operations_in(tx, HELD)
    return [recording_shown(one, rows[one.id], held) for one in found]


def _pattern(office: str | None) -> str | None:
    return f"{office}%" if office and office.endswith(".") else office


def _wait_of(prefer: str | None) -> float:
    name, _, seconds = (prefer or "").partition("=")
    return min(float(seconds), _LONGEST_WAIT) if name.strip() == "wait" and seconds.isdigit() else 0.0
