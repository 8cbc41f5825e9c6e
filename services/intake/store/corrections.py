"""A retyped identity takes the place of the one before; which one that was, why and by whom is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.intake.domain.visits import Recording
from shared.postgres.pool import Transaction

_KEEP = """
    INSERT INTO correction (
        recording_id, identity_version, reason_code, note, corrected_by, replaced_segment, replaced_dataref,
        replaced_digest)
    SELECT recording_id, $2, $3, $4, $5, identity_segment, identity_dataref, identity_digest
    FROM arrival
    WHERE recording_id = $1"""

_REPLACE = """
    UPDATE arrival
    SET nik_ref = $2, check_hmac = $3, identity_version = $4, identity_segment = split_part($5, '#', 1),
        identity_dataref = $5, identity_digest = $6, card_not_before = $7,
        warnings = ARRAY(SELECT warning FROM unnest(warnings) AS warning WHERE warning <> ALL($8::text[])) || $9::text[]
    WHERE recording_id = $1"""

_OTHERS_OPEN = """
    SELECT EXISTS (
        SELECT
        FROM arrival
        WHERE nik_ref = $1 AND is_open AND recording_id <> $2)"""  # leans on arrival_open


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCorrection:
    """A locked recording with its new identity, sealed in the store under `dataref`."""

    recording: Recording
    dataref: str
    digest: str
    card_not_before: date | None
    stale_warnings: Sequence[str]
    warnings: Sequence[str]
    reason_code: str
    note: str | None
    corrected_by: str


async def replace_identity(tx: Transaction, new: NewCorrection) -> None:
    """Keep what is replaced, then put the new identity in its place."""
    one = new.recording
    await tx.execute(_KEEP, one.id, one.identity_version, new.reason_code, new.note, new.corrected_by)
    await tx.execute(
        _REPLACE,
        one.id,
        one.nik_ref,
        one.check_hmac,
        one.identity_version,
        new.dataref,
        new.digest,
        new.card_not_before,
        new.stale_warnings,
        new.warnings,
    )


async def has_others_open(tx: Transaction, nik_ref: UUID, recording_id: UUID) -> bool:
    """Tell whether this person has another open recording, at whatever office; the person's row is locked."""
    found: bool = await tx.fetchval(_OTHERS_OPEN, nik_ref, recording_id)
    return found
