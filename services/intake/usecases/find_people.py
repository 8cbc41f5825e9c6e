"""The open recordings of a person who has no receipt; every look is logged."""

import hmac
from dataclasses import dataclass
from datetime import date

from services.intake.domain.visits import Recording, Sight
from services.intake.store import access, arrivals, people
from services.intake.usecases.desk import Desk
from shared.postgres.pool import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Who looks, and what they may see."""

    actor: str
    client_id: str
    sight: Sight
    trace_id: str


async def find_people(tx: Transaction, desk: Desk, looker: Looker, nik: str, birth_date: date) -> list[Recording]:
    """Find by NIK and birth date together, at the looker's offices only."""
    references = await people.find_person(tx, desk.vault.nik_hmacs(nik))
    opened = await arrivals.open_here(tx, references, looker.sight)
    found = [one for one in opened if _was_born_on(desk, one, birth_date)]
    await access.log_access(
        tx,
        actor=looker.actor,
        client_id=looker.client_id,
        action="find_people",
        offices=looker.sight.offices,
        recording_ids=[one.id for one in found],
        trace_id=looker.trace_id,
    )
    return found


def _was_born_on(desk: Desk, recording: Recording, birth_date: date) -> bool:
    return hmac.compare_digest(desk.vault.check_hmac(recording.receipt_code, birth_date), recording.check_hmac)
