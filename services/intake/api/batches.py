"""Arrivals by the thousand, one JSON a line; a bad line never stops the others."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from services.intake.api.asking import asked_of
from services.intake.api.bodies import ArrivalBody
from services.intake.usecases.accept_arrivals import Asked, Result
from services.intake.usecases.admit_arrivals import admit_arrivals
from services.intake.usecases.desk import Desk
from shared.auth import Caller, needs
from shared.clock import now
from shared.http import trace_id_of
from shared.problems import BadRequest, Invalid, Problem, TooLarge, UnsupportedMedia, problem_of, problem_response
from shared.telemetry import current_traceparent

MOST_LINES = 1_000
MEDIA_TYPE = "application/x-ndjson"
_EXAMPLE = {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}


class LineReport(BaseModel):
    """What became of a line: the fields of an arrival, or a problem."""

    line: int
    status: int
    key: str | None = None
    problem: dict[str, Any] | None = None


class BatchReport(BaseModel):
    accepted: int
    rejoined: int
    refused: int
    items: list[LineReport]


def batches_routes(desk: Desk) -> APIRouter:
    """Make the route of arrival batches."""
    router = APIRouter(prefix="/v1/arrival-batches", tags=["arrivals"])

    @router.post("", responses={200: {"model": BatchReport}}, openapi_extra=_EXAMPLE)
    async def register_batch(request: Request, caller: Annotated[Caller, needs("register_arrivals")]) -> Response:
        """Register up to 1,000 arrivals in one transaction; each line's `key` makes it safe to send again."""
        lines = _lines(request.headers.get("content-type", ""), await request.body())
        read = [_asked(line, caller, desk) for line in lines]
        asked = [one for one in read if isinstance(one, Asked)]
        results = iter(await admit_arrivals(desk, asked) if asked else [])
        told = [one if isinstance(one, Problem) else next(results) for one in read]
        base_url = request.app.state.public_url or str(request.base_url)
        keys = [one.keyed.key if isinstance(one, Asked) else None for one in read]
        items = [
            _report(number, key, one, trace_id_of(request), base_url)
            for number, (key, one) in enumerate(zip(keys, told, strict=True), 1)
        ]
        return Response(orjson.dumps({**_counts(items), "items": items}), media_type="application/json")

    return router


def _lines(content_type: str, body: bytes) -> list[bytes]:
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise UnsupportedMedia(f"Send {MEDIA_TYPE}.")
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not lines:
        raise BadRequest("The batch has no line.")
    if len(lines) > MOST_LINES:
        raise TooLarge("Send at most 1,000 lines at once.")
    return lines


def _asked(line: bytes, caller: Caller, desk: Desk) -> Asked | Problem:
    try:
        body = ArrivalBody.model_validate_json(line)
        if body.key is None:
            return Invalid("See the errors.", errors=[{"pointer": "#/key", "detail": "each line needs its own key"}])
        return asked_of(body, caller, desk, key=body.key, traceparent=current_traceparent(), now=now())
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        return problem_of(RequestValidationError(faults))
    except Problem as problem:
        return problem


def _report(line: int, key: str | None, told: Result, trace_id: str, base_url: str) -> dict[str, Any]:
    if isinstance(told, Problem):
        problem = orjson.loads(problem_response(told, trace_id, base_url=base_url).body)
        return {"line": line, "key": key, "status": told.status, "problem": problem}
    report = {"line": line, "key": key, "status": told.status, **orjson.loads(told.body)}
    return {**report, "replayed": True} if told.is_repeated else report


def _counts(items: list[dict[str, Any]]) -> dict[str, int]:
    refused = sum("problem" in item for item in items)
    rejoined = sum(item.get("rejoined") is True for item in items)
    return {"accepted": len(items) - refused - rejoined, "rejoined": rejoined, "refused": refused}
