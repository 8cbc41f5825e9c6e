"""What a person may decide about a recording: retry a stage, cancel, hand the card over."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, field_validator
from starlette.responses import Response

from services.recording.api.commands import Commands
from services.recording.api.recordings import show
from services.recording.usecases.end_recording import cancel_recording, hand_over_card
from services.recording.usecases.retry_stage import retry_stage
from shared.auth import Caller, needs
from shared.events.vocabulary import Stage
from shared.http import idempotency_key
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, Transaction
from shared.problems import digits_are_personal


class _Reason(BaseModel):
    model_config = ConfigDict(extra="forbid")
    note: str | None = None

    @field_validator("note")
    @classmethod
    def _holds_no_number(cls, note: str | None) -> str | None:
        if note and digits_are_personal(note):
            raise ValueError("a note may not hold 8 or more consecutive digits")
        return note


class RetryReason(_Reason):
    reason_code: Literal["cause_gone", "corrected", "asked_by_centre", "asked_by_resident", "test"]


class CancelReason(_Reason):
    reason_code: Literal["entered_twice", "wrong_person", "withdrawn", "moved_away"]


def routes(database: Database, commands: Commands) -> APIRouter:
    """Make the router of decisions; each is refused for a recording outside the caller's offices."""
    router = APIRouter(tags=["decisions"])

    @router.post("/recordings/{recording_id}/stages/{stage}/retry", status_code=202)
    async def retry(
        *,
        recording_id: UUID,
        stage: Stage,
        reason: RetryReason,
        request: Request,
        caller: Annotated[Caller, needs("retry_stages")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Bring one stage forward by hand."""
        await show(database, recording_id, caller)

        async def command(tx: Transaction, outbox: Outbox) -> dict[str, Any]:
            await retry_stage(
                tx, recording_id, stage, reason_code=reason.reason_code, subject=caller.subject, outbox=outbox
            )
            return {"recording_id": recording_id, "stage": stage, "state": "waiting"}

        return await commands.run(request, caller, key, command, status=202, location=f"/v1/recordings/{recording_id}")

    @router.post("/recordings/{recording_id}/cancel")
    async def cancel(
        recording_id: UUID,
        reason: CancelReason,
        request: Request,
        caller: Annotated[Caller, needs("cancel_recordings")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """End a journey by decision."""
        await show(database, recording_id, caller)

        async def command(tx: Transaction, outbox: Outbox) -> dict[str, Any]:
            await cancel_recording(tx, recording_id, reason_code=reason.reason_code, outbox=outbox)
            return {"recording_id": recording_id, "state": "cancelled"}

        return await commands.run(request, caller, key, command)

    @router.post("/recordings/{recording_id}/hand-over")
    async def hand_over(
        recording_id: UUID,
        request: Request,
        caller: Annotated[Caller, needs("hand_over_cards")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Hand the printed card over: the journey ends."""
        await show(database, recording_id, caller)

        async def command(tx: Transaction, outbox: Outbox) -> dict[str, Any]:
            await hand_over_card(tx, recording_id, outbox=outbox)
            return {"recording_id": recording_id, "state": "completed"}

        return await commands.run(request, caller, key, command)

    return router
