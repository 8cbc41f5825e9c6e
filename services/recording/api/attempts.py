"""The ledger as operators read it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from services.recording.api.shown import attempt_shown
from services.recording.store import ledger, recordings
from shared.auth import Caller, needs
from shared.events.vocabulary import Cause, Stage
from shared.postgres.pool import Database
from shared.problems import NotFound


def routes(database: Database, traces_url: str) -> APIRouter:
    """Make the router of attempts and failures."""
    router = APIRouter(tags=["attempts"])

    @router.get("/recordings/{recording_id}/attempts")
    async def attempts_of_recording(
        recording_id: UUID, caller: Annotated[Caller, needs("read_recordings")]
    ) -> dict[str, Any]:
        """All attempts of one recording, oldest first; the evidence is shown to those who may read attempts."""
        async with database.connection() as tx:
            found = await recordings.read(tx, recording_id, caller.office_patterns())
            if found is None or (caller.role == "agency" and found.created_by != caller.client_id):
                raise NotFound("No such recording in your offices.")
            rows = await ledger.of_recording(tx, recording_id)
        with_evidence = caller.role != "agency"
        return {"items": [attempt_shown(row, traces_url, with_evidence=with_evidence) for row in rows], "next": None}

    @router.get("/attempts")
    async def list_attempts(
        *,
        caller: Annotated[Caller, needs("read_attempts")],
        stage: Stage | None = None,
        cause: Cause | None = None,
        office: str | None = None,
        signature: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """Attempts of all recordings, newest first."""
        pattern = f"{office}%" if office and office.endswith(".") else office
        filters = {
            "stage": stage,
            "cause": cause,
            "office": pattern,
            "signature": signature,
            "since": since,
            "until": until,
            "after": after,
        }
        async with database.connection() as tx:
            rows = await ledger.list_all(tx, caller.office_patterns(), filters, limit)
        items = [attempt_shown(row, traces_url, with_evidence=True) for row in rows]
        return {"items": items, "next": rows[-1]["id"] if len(rows) == limit else None}

    @router.get("/failures")
    async def failures(
        caller: Annotated[Caller, needs("read_attempts")],
        group_by: Literal["signature", "stage", "cause", "office"] = "signature",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """Failed attempts counted by kind, most frequent first."""
        async with database.connection() as tx:
            rows = await ledger.failures(tx, caller.office_patterns(), group_by, limit)
        return {"items": [dict(row) for row in rows], "next": None}

    return router
