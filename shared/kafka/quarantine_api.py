"""The two routes every consuming service has: what lies in quarantine, and applying it again."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from shared.auth import needs
from shared.http import idempotency_key
from shared.kafka.ears import Ears
from shared.postgres import quarantine
from shared.postgres.pool import Database


def quarantine_routes(database: Database, ears: Ears) -> APIRouter:
    """Make the router; it shows coordinates and kinds, never a record's content."""
    router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"], dependencies=[needs("replay_quarantine")])

    @router.get("")
    async def list_quarantine(
        after: int = 0, limit: Annotated[int, Query(ge=1, le=500)] = 50
    ) -> dict[str, list[dict[str, Any]] | str | None]:
        async with database.connection() as connection:
            items = await quarantine.list_after(connection, after, limit)
        return {"items": items, "next": str(items[-1]["id"]) if len(items) == limit else None}

    @router.post("/{identifier}/replay", dependencies=[Depends(idempotency_key)])
    async def replay(identifier: int) -> dict[str, int]:
        """Apply the held records of this one's key again, in order; a second call finds nothing left to do."""
        return {"replayed": await ears.replay(identifier)}

    return router
