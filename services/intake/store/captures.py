"""Packets that are durable here."""

from collections.abc import Sequence
from uuid import UUID

from services.intake.domain.captures import Kept, NewCapture
from shared.postgres.pool import Transaction

_ADD = """
    INSERT INTO capture (
        recording_id, packet_version, dataref, digest, size, captured_at, accepted_at, manifest, quality)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""

_FIND = """
    SELECT digest, size, accepted_at, quality
    FROM capture
    WHERE recording_id = $1 AND packet_version = $2"""

_ORPHANS = """
    SELECT path
    FROM unnest($1::text[]) AS path
    WHERE NOT EXISTS (SELECT FROM arrival WHERE identity_segment = path)
        AND NOT EXISTS (SELECT FROM capture WHERE dataref = path)
        AND NOT EXISTS (SELECT FROM correction WHERE replaced_segment = path)
    """  # leans on arrival_segment, capture_dataref and correction_segment


async def add(tx: Transaction, new: NewCapture) -> None:
    """Write the row that names the packet's bytes."""
    kept = new.kept
    await tx.execute(
        _ADD,
        new.recording_id,
        new.packet_version,
        new.dataref,
        kept.digest,
        kept.size,
        new.captured_at,
        kept.accepted_at,
        new.manifest,
        kept.quality,
    )


async def find(tx: Transaction, recording_id: UUID, packet_version: int) -> Kept | None:
    """Read what was answered for this version."""
    row = await tx.fetchrow(_FIND, recording_id, packet_version)
    if row is None:
        return None
    # jsonb forgets the order of fields; the same digest gets the same answer, to the byte.
    quality = [{name: one[name] for name in ("modality", "score", "floor", "advice")} for one in row["quality"]]
    return Kept(row["digest"], row["size"], row["accepted_at"], quality)


async def orphans(tx: Transaction, paths: Sequence[str]) -> list[str]:
    """Name those files of the store that no row names."""
    return [row["path"] for row in await tx.fetch(_ORPHANS, paths)]
