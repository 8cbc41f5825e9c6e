"""A packet sealed at the office becomes durable here: bytes first, then the row that names them."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

import orjson

from services.intake import events_out
from services.intake.domain.captures import Kept, Modality, NewCapture, advise
from services.intake.domain.visits import Actor, Recording, Sight
from services.intake.store import access, arrivals, captures
from services.intake.usecases.admit_arrivals import NoRoom
from services.intake.usecases.desk import Desk, RecordingClosed
from shared.clock import rfc3339
from shared.events.vocabulary import Purpose
from shared.packets import DIGEST_PREFIX, SpoolFull
from shared.postgres.idempotency import Answer
from shared.postgres.pool import Transaction
from shared.problems import Conflict, Invalid, NotFound

_CHUNK = 256 * 1024


class VersionTaken(Conflict):
    """Another packet has this version."""

    slug = "packet-version-taken"


class VersionGap(Conflict):
    """Packet versions follow each other."""

    slug = "packet-version-gap"


class TakesNoCapture(Conflict):
    """This purpose takes no capture."""

    slug = "takes-no-capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What the manifest says of a packet."""

    packet_version: int
    digest: str
    captured_at: datetime
    scores: Sequence[tuple[Modality, int]]
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredPacket:
    """Bytes that are durable and not yet named by a row."""

    dataref: str
    size: int


def digest_and_size(packet: BinaryIO) -> tuple[str, int]:
    """Read a packet through (blocking)."""
    packet.seek(0)
    hashed, size = hashlib.sha256(), 0
    for chunk in _chunks(packet):
        hashed.update(chunk)
        size += len(chunk)
    return DIGEST_PREFIX + hashed.hexdigest(), size


async def answered_before(tx: Transaction, recording_id: UUID, sight: Sight, offered: Offered) -> Answer | None:
    """Give the answer of a packet that is here already; raises what `accept_capture` would."""
    shown = await arrivals.show(tx, recording_id, sight)
    if shown is None:
        raise NotFound("No such recording in your offices.")
    return await _known(tx, shown.recording, offered)


async def keep_packet(desk: Desk, packet: BinaryIO, size: int) -> StoredPacket:
    """Make the bytes durable; raises `NoRoom` and leaves nothing half-written."""
    packet.seek(0)
    try:
        return StoredPacket(await asyncio.to_thread(desk.vault.store.put, "packets", _chunks(packet)), size)
    except SpoolFull:
        raise NoRoom("Free the store's disk; the packet was not kept.", retry_after=60) from None


async def forget_packet(desk: Desk, stored: StoredPacket) -> None:
    """Remove bytes that no row came to name."""
    await asyncio.to_thread(desk.vault.store.remove, stored.dataref)


async def accept_capture(
    tx: Transaction,
    desk: Desk,
    recording_id: UUID,
    actor: Actor,
    offered: Offered,
    *,
    kept: StoredPacket,
    traceparent: str,
    now: datetime,
) -> Answer:
    """Write the row of a durable packet and tell of it."""
    locked = await arrivals.lock(tx, [recording_id], actor.sight)
    if not locked:
        raise NotFound("No such recording in your offices.")
    if (before := await _known(tx, locked[0], offered)) is not None:
        return before
    quality = [asdict(one) for one in advise(offered.scores, desk.rules.quality_floors)]
    new = NewCapture(
        recording_id=recording_id,
        packet_version=offered.packet_version,
        dataref=kept.dataref,
        captured_at=offered.captured_at,
        manifest=offered.manifest,
        kept=Kept(offered.digest, kept.size, now, quality),
    )
    recording = replace(locked[0], sequence=locked[0].sequence + 1, packet_version=offered.packet_version)
    await captures.add(tx, new)
    await arrivals.save(tx, [recording])
    if offered.packet_version > 1:  # a person was called in again: who took the new packet belongs into the log
        ids = [recording_id]
        await access.log_access(tx, actor, action="capture_again", offices=[recording.office], recording_ids=ids)
    await desk.outbox.add(tx, [events_out.capture_accepted(recording, new, traceparent)])
    return _answer(recording_id, new.kept)


async def _known(tx: Transaction, recording: Recording, offered: Offered) -> Answer | None:
    kept = await captures.find(tx, recording.id, offered.packet_version)
    if kept is not None:
        if kept.digest != offered.digest:
            raise VersionTaken("Send the new packet with the next version.", extra=_next(recording))
        return replace(_answer(recording.id, kept), is_repeated=True)
    if not recording.is_open:
        raise RecordingClosed("It has ended and takes no packet.")
    if recording.purpose is Purpose.SUKET_EXTENSION:
        raise TakesNoCapture("An extension needs no capture.")
    if offered.packet_version != recording.packet_version + 1:
        raise VersionGap("Send the next version.", extra=_next(recording))
    return None


def require_digest(offered: Offered, found: str) -> None:
    """Refuse a packet whose bytes are not those the manifest promised."""
    if found != offered.digest:
        errors = [{"pointer": "#/manifest/packet_digest", "detail": "is not the digest of the bytes received"}]
        raise Invalid("The packet was changed or cut on its way.", errors=errors)


def _next(recording: Recording) -> dict[str, int]:
    return {"next_packet_version": recording.packet_version + 1}


def _answer(recording_id: UUID, kept: Kept) -> Answer:
    body = {
        "digest": kept.digest,
        "size": kept.size,
        "accepted_at": rfc3339(kept.accepted_at),
        "quality": kept.quality,
    }
    return Answer(201, orjson.dumps(body), f"/v1/arrivals/{recording_id}")


def _chunks(packet: BinaryIO) -> Iterator[bytes]:
    while chunk := packet.read(_CHUNK):
        yield chunk
