"""Who a person is, typed anew as a whole by a supervisor: sealed as a new version, told, and both kept (ADR 0015)."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import orjson

from services.intake import events_out
from services.intake.domain.nik import Doubt, doubts
from services.intake.domain.visits import Actor, Identity, Recording, card_not_before, corrected, is_beyond_correction
from services.intake.store import access, arrivals, corrections, people
from services.intake.usecases.admit_arrivals import NoRoom
from services.intake.usecases.answer_arrivals import location_of
from services.intake.usecases.desk import Desk, RecordingClosed
from services.intake.usecases.seal_arrivals import SealedIdentity, seal_identity
from services.intake.usecases.tell_situation import tell_situation
from shared.packets import SpoolFull
from shared.postgres.idempotency import Answer, KeyedRequest, Replay, Reused, Running, look_up, once
from shared.postgres.pool import Transaction
from shared.problems import Conflict, Invalid, KeyInUse, KeyReused, NotFound, PreconditionFailed, Problem


class NikHasOpenRecording(Conflict):
    """Another open recording has this NIK.

    Look the person up by `POST /v1/people/find`, or ask the office that holds the receipt: two open recordings of one
    person become DUPLICATE RECORD at the centre.
    """

    slug = "nik-has-open-recording"


class BeyondCorrection(Conflict):
    """The centre has already found the record unique.

    What is printed follows the identity the centre has. Cancel the recording and record anew, or ask the centre.
    """

    slug = "beyond-correction"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Correcting:
    """One correction as it was asked for; `versions` are those the supervisor may have read."""

    recording_id: UUID
    versions: Collection[int]
    identity: Identity
    reason_code: str
    note: str | None
    actor: Actor
    keyed: KeyedRequest | None
    traceparent: str
    now: datetime


async def correct_arrival(desk: Desk, asked: Correcting) -> Answer:
    """Seal the new version, then let it take effect in one transaction; bytes that no row came to name are removed."""
    async with desk.database.transaction() as tx:
        if asked.keyed and (before := await _answered(tx, asked.keyed)):
            return before
        shown = await arrivals.show(tx, asked.recording_id, asked.actor.sight)
        found = _require(desk, asked, shown.recording if shown else None)
    sealed = await _sealed(desk, asked, found)
    try:
        async with desk.database.transaction() as tx:
            answer = await _once(tx, desk, asked, sealed)
    except Problem:
        await asyncio.to_thread(desk.vault.store.remove, sealed.segment)
        raise
    if answer.is_repeated:
        await asyncio.to_thread(desk.vault.store.remove, sealed.segment)
    return answer


async def _answered(tx: Transaction, keyed: KeyedRequest) -> Answer | None:
    """Give the first answer of a key before the version is looked at: the correction itself made it stale."""
    (finding,) = await look_up(tx, [keyed])
    match finding:
        case Replay(answer):
            return answer
        case Reused():
            raise KeyReused
        case Running():
            raise KeyInUse
    return None


def _require(desk: Desk, asked: Correcting, one: Recording | None) -> Recording:
    if one is None:
        raise NotFound("No such recording in your offices.")
    if not one.is_open:
        raise RecordingClosed("It has ended; what it was is no longer changed.")
    if one.identity_version not in asked.versions:
        raise PreconditionFailed("Read the arrival again; its identity is of another version.")
    if is_beyond_correction(one):
        raise BeyondCorrection("The card is made by the identity the centre has.")
    if asked.identity.birth_date > desk.today_at(one.office, asked.now):
        raise Invalid("See the errors.", errors=[{"pointer": "#/birth_date", "detail": "lies in the future"}])
    return one


async def _sealed(desk: Desk, asked: Correcting, found: Recording) -> SealedIdentity:
    version = found.identity_version + 1
    try:
        return await asyncio.to_thread(seal_identity, desk.vault, found.id, found.office, version, asked.identity)
    except SpoolFull:
        raise NoRoom("Free the store's disk; nothing was corrected.", retry_after=60) from None


async def _once(tx: Transaction, desk: Desk, asked: Correcting, sealed: SealedIdentity) -> Answer:
    if asked.keyed is None:
        return await _correct(tx, desk, asked, sealed)
    return await once(tx, asked.keyed, lambda: _correct(tx, desk, asked, sealed))


async def _correct(tx: Transaction, desk: Desk, asked: Correcting, sealed: SealedIdentity) -> Answer:
    # The person before the recording, as arrivals do: two people at one desk never wait for each other.
    (nik_ref,) = await people.lock_people(tx, [desk.vault.nik_hmacs(asked.identity.nik)])
    locked = await arrivals.lock(tx, [asked.recording_id], asked.actor.sight)
    known = _require(desk, asked, locked[0] if locked else None)
    if known.office != sealed.office:  # it moved in this moment, and the office is part of the seal
        raise PreconditionFailed("Read the arrival again; it was moved to another office.")
    if nik_ref != known.nik_ref and await corrections.has_others_open(tx, nik_ref, known.id):
        raise NikHasOpenRecording("One person has one open recording.")
    return await _save(tx, desk, asked, _new(desk, asked, replace(known, nik_ref=nik_ref), sealed))


def _new(desk: Desk, asked: Correcting, known: Recording, sealed: SealedIdentity) -> corrections.NewCorrection:
    identity = asked.identity
    came_on = desk.today_at(known.office, known.since)
    return corrections.NewCorrection(
        recording=corrected(known, desk.vault.check_hmac(known.receipt_code, identity.birth_date)),
        dataref=sealed.dataref,
        digest=sealed.digest,
        card_not_before=card_not_before(known.purpose, identity.birth_date, came_on),
        stale_warnings=list(Doubt),
        warnings=doubts(identity.nik, identity.birth_date, identity.sex),
        reason_code=asked.reason_code,
        note=asked.note,
        corrected_by=asked.actor.subject,
    )


async def _save(tx: Transaction, desk: Desk, asked: Correcting, new: corrections.NewCorrection) -> Answer:
    one = new.recording
    await corrections.replace_identity(tx, new)
    await arrivals.save(tx, [one])
    await access.log_access(tx, asked.actor, action="correct_arrival", offices=[one.office], recording_ids=[one.id])
    await desk.outbox.add(tx, [events_out.corrected(new, asked.traceparent)])
    told = {
        "recording_id": str(one.id),
        "version": one.identity_version,
        "situation": tell_situation(one),
        "warnings": list(new.warnings),
    }
    return Answer(200, orjson.dumps(told), location_of(one))
