"""The gates as operators read them."""

from typing import Annotated, Any

from fastapi import APIRouter

from services.recording.store import gates
from shared.auth import Caller, needs
from shared.events.vocabulary import Lane
from shared.postgres.pool import Database


def routes(database: Database) -> APIRouter:
    """Make the router of gates."""
    router = APIRouter(tags=["gates"])

    @router.get("/gates")
    async def list_gates(_caller: Annotated[Caller, needs("read_attempts")]) -> dict[str, Any]:
        """Each operation's gate, and what waits behind it."""
        async with database.connection() as tx:
            rows = await gates.list_all(tx)
        return {"items": [_shown(row) for row in rows], "next": None}

    return router


def _shown(row: Any) -> dict[str, Any]:
    backlog = row["backlog"] or {}
    return {
        "operation": row["operation"],
        "state": row["state"],
        "since": row["since"],
        "cause": row["cause"],
        "limit": row["call_limit"],
        "in_flight": row["in_flight"],
        "backlog": {lane: backlog.get(lane, 0) for lane in Lane},
        "oldest_due_at": row["oldest_due_at"],
    }
