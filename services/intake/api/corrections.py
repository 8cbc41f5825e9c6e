"""An arrival's identity typed anew: the one thing of it that may be changed by hand."""

import re
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel

from services.intake.api.bodies import CorrectionBody
from services.intake.api.callers import actor_of, keyed_request
from services.intake.domain.visits import Identity
from services.intake.usecases.correct_arrival import Correcting, correct_arrival
from services.intake.usecases.desk import Desk
from shared.auth import Caller, needs
from shared.clock import now
from shared.http import idempotency_key
from shared.postgres.idempotency import Answer
from shared.problems import PreconditionRequired
from shared.telemetry import current_traceparent

_VERSION = re.compile(r'"(\d{1,9})"')


class CorrectedOut(BaseModel):
    """What a supervisor is answered; `version` is also the ETag."""

    recording_id: UUID
    version: int
    situation: str
    warnings: list[str]


def corrections_routes(desk: Desk) -> APIRouter:
    """Make the route of corrections."""
    router = APIRouter(prefix="/v1/arrivals", tags=["arrivals"])

    @router.patch("/{recording_id}", responses={200: {"model": CorrectedOut}})
    async def correct(
        *,
        recording_id: UUID,
        request: Request,
        body: CorrectionBody,
        caller: Annotated[Caller, needs("correct_arrivals")],
        if_match: Annotated[str | None, Header(description="The version that was read, as its ETag.")] = None,
        key: Annotated[str | None, Header(alias="Idempotency-Key")] = None,
    ) -> Response:
        """Seal the whole identity, typed anew, as the next version; the identity check begins again with it."""
        keyed = await keyed_request(desk, caller, await idempotency_key(key), request) if key else None
        asked = Correcting(
            recording_id=recording_id,
            versions=versions_in(if_match),
            identity=Identity(nik=body.nik, name=body.name, birth_date=body.birth_date, sex=body.sex),
            reason_code=body.reason_code,
            note=body.note,
            actor=actor_of(caller, request),
            keyed=keyed,
            traceparent=current_traceparent(),
            now=now(),
        )
        return _answered(await correct_arrival(desk, asked))

    return router


def versions_in(if_match: str | None) -> frozenset[int]:
    """Read `If-Match` (RFC 9110, 13.1.1): strong tags alone; `*` names no version and is no answer to what was read."""
    if not if_match or if_match.strip() == "*":
        raise PreconditionRequired("Send If-Match with the version you read.")
    return frozenset(int(version) for version in _VERSION.findall(re.sub(r'W/"[^"]*"', "", if_match)))


def _answered(answer: Answer) -> Response:
    response = answer.response()
    response.headers["etag"] = f'"{orjson.loads(answer.body)["version"]}"'
    return response
