"""Packets of biometrics, sealed at the office before they come here."""

import asyncio
from typing import Annotated, Any, BinaryIO
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect

from services.intake.api.bodies import CaptureOut, Manifest
from services.intake.api.callers import actor_of
from services.intake.domain.visits import Actor
from services.intake.usecases.accept_capture import (
    Offered,
    accept_capture,
    answered_before,
    digest_and_size,
    forget_packet,
    keep_packet,
    require_digest,
)
from services.intake.usecases.desk import Desk
from shared.auth import Caller, needs
from shared.clock import now
from shared.http import idempotency_key
from shared.postgres.idempotency import Answer, KeyedRequest, fingerprint, once
from shared.problems import BadRequest, Invalid, Problem, TooLarge, UnsupportedMedia
from shared.telemetry import current_traceparent

LARGEST_PACKET = 16 << 20
_LARGEST_MANIFEST = 64 << 10
_MULTIPART = "multipart/form-data"
_EXAMPLE = {
    "requestBody": {
        "required": True,
        "content": {
            _MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["manifest", "packet"],
                    "properties": {
                        "manifest": {"type": "string", "description": "JSON, see docs/contracts/packet.md"},
                        "packet": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}


def captures_routes(desk: Desk) -> APIRouter:
    """Make the route of captures."""
    router = APIRouter(prefix="/v1/recordings", tags=["captures"])

    @router.post(
        "/{recording_id}/captures", status_code=201, responses={201: {"model": CaptureOut}}, openapi_extra=_EXAMPLE
    )
    async def take_capture(
        request: Request,
        recording_id: UUID,
        caller: Annotated[Caller, needs("accept_captures")],
        key: Annotated[str, Depends(idempotency_key)],
    ) -> Response:
        """Keep a sealed packet; answered when bytes and row are durable."""
        if not request.headers.get("content-type", "").lower().startswith(_MULTIPART):
            raise UnsupportedMedia(f"Send {_MULTIPART} with manifest and packet.")
        try:
            async with request.form(max_files=2, max_fields=2, max_part_size=_LARGEST_MANIFEST) as form:
                manifest, packet = await _manifest(form), _packet(form)
                offered = _offered(manifest)
                found, size = await asyncio.to_thread(digest_and_size, packet)
                require_digest(offered, found)
                mark = manifest.model_dump_json().encode() + found.encode()
                keyed = KeyedRequest(
                    caller.client_id, key, fingerprint(desk.request_key, "POST", request.url.path, mark)
                )
                actor = actor_of(caller, request)
                answer = await _take(desk, recording_id, actor, offered, packet=packet, size=size, keyed=keyed)
        except ClientDisconnect:
            raise BadRequest("The upload was cut; nothing was kept.") from None
        return answer.response()

    return router


async def _take(
    desk: Desk, recording_id: UUID, actor: Actor, offered: Offered, *, packet: BinaryIO, size: int, keyed: KeyedRequest
) -> Answer:
    """Bytes before the row; bytes that no row came to name are removed."""
    async with desk.database.transaction() as tx:
        before = await answered_before(tx, recording_id, actor.sight, offered)
        if before is not None:
            known = before
            return await once(tx, keyed, lambda: _same(known))
    kept = await keep_packet(desk, packet, size)
    traceparent = current_traceparent()
    try:
        async with desk.database.transaction() as tx:
            answer = await once(
                tx,
                keyed,
                lambda: accept_capture(
                    tx, desk, recording_id, actor, offered, kept=kept, traceparent=traceparent, now=now()
                ),
            )
    except Problem:
        await forget_packet(desk, kept)
        raise
    if answer.is_repeated:
        await forget_packet(desk, kept)
    return answer


async def _same(answer: Answer) -> Answer:
    return answer


async def _manifest(form: FormData) -> Manifest:
    part = form.get("manifest")
    text = await part.read(_LARGEST_MANIFEST + 1) if isinstance(part, UploadFile) else (part or "").encode()
    if not text:
        raise Invalid("See the errors.", errors=[{"pointer": "#/manifest", "detail": "is missing"}])
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        faults: list[Any] = [
            {**fault, "loc": ("body", "manifest", *fault["loc"])} for fault in error.errors(include_url=False)
        ]
        raise RequestValidationError(faults) from None


def _packet(form: FormData) -> BinaryIO:
    part = form.get("packet")
    if not isinstance(part, UploadFile) or not part.size:
        errors = [{"pointer": "#/packet", "detail": "is missing; send it as a file"}]
        raise Invalid("See the errors.", errors=errors)
    if part.size > LARGEST_PACKET:
        raise TooLarge("A packet has at most 16 MiB.")
    return part.file


def _offered(manifest: Manifest) -> Offered:
    return Offered(
        packet_version=manifest.packet_version,
        digest=manifest.packet_digest,
        captured_at=manifest.captured_at,
        scores=[(one.modality, one.quality) for one in manifest.modalities],
        manifest=orjson.loads(manifest.model_dump_json()),
    )
