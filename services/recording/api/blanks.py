"""Card blanks of a regency: stock and movements."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.recording.api.commands import Commands
from services.recording.store import blanks
from services.recording.usecases.move_blanks import move_blanks
from shared.auth import Caller, needs, needs_office
from shared.http import idempotency_key
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, Transaction


class Movement(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["delivered", "spoiled", "counted"]
    count: Annotated[int, Field(ge=0, le=1_000_000)]
    reason_code: Literal["delivery", "misprint", "damaged", "stock_taking"]


def routes(database: Database, commands: Commands) -> APIRouter:
    """Make the router of blank stocks."""
    router = APIRouter(prefix="/blank-stocks/{regency}", tags=["blank stocks"])

    @router.get("/movements")
    async def list_movements(
        regency: str,
        caller: Annotated[Caller, needs("read_blanks")],
        after: int = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """The stock, and how it came to be, oldest first."""
        needs_office(caller, f"{regency}.")
        async with database.connection() as tx:
            rows = await blanks.movements(tx, regency, after, limit)
            stock = await blanks.stock(tx, regency)
        items = [dict(row) for row in rows]
        return {"stock": stock, "items": items, "next": items[-1]["id"] if len(items) == limit else None}

    @router.post("/movements", status_code=201)
    async def move(
        regency: str,
        movement: Movement,
        request: Request,
        caller: Annotated[Caller, needs("move_blanks")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Book blanks in or out."""
        needs_office(caller, f"{regency}.")

        async def command(tx: Transaction, outbox: Outbox) -> dict[str, int | str]:
            return await move_blanks(tx, regency, **movement.model_dump(), moved_by=caller.subject, outbox=outbox)

        location = f"/v1/blank-stocks/{regency}/movements"
        return await commands.run(request, caller, key, command, status=201, location=location)

    return router
