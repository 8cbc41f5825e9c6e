"""The open recordings of a person who has no receipt; every look is logged."""

import hmac
from datetime import date

from services.intake.domain.visits import Actor, Recording
from services.intake.store import access, arrivals, people
from services.intake.usecases.desk import Desk
from shared.postgres.pool import Transaction


async def find_people(tx: Transaction, desk: Desk, actor: Actor, nik: str, birth_date: date) -> list[Recording]:
    """Find by NIK and birth date together, at the actor's offices only."""
    references = await people.find_person(tx, desk.vault.nik_hmacs(nik))
    opened = await arrivals.open_here(tx, references, actor.sight)
    found = [one for one in opened if _was_born_on(desk, one, birth_date)]
    ids = [one.id for one in found]
    await access.log_access(tx, actor, action="find_people", offices=actor.sight.offices, recording_ids=ids)
    return found


def _was_born_on(desk: Desk, recording: Recording, birth_date: date) -> bool:
    return hmac.compare_digest(desk.vault.check_hmac(recording.receipt_code, birth_date), recording.check_hmac)
