"""What the counter is told of an arrival."""

from collections.abc import Sequence
from typing import Any

import orjson

from services.intake.domain.visits import Recording
from services.intake.usecases.desk import AlreadyOpen, OpenElsewhere
from services.intake.usecases.tell_situation import tell_situation
from shared.postgres.idempotency import Answer
from shared.problems import Problem


def refusal(recording: Recording, office: str) -> Problem:
    """Tell where and since when a recording is open, without its id."""
    told = {"office": recording.office, "since": recording.since.date(), "situation": tell_situation(recording)}
    if recording.office == office:
        return AlreadyOpen("Ask the office that opened it.", extra=told)
    return OpenElsewhere("With the receipt, the recording can be moved here.", extra=told)


def answer(status: int, recording: Recording, *, rejoined: bool, warnings: Sequence[str]) -> Answer:
    """Write the answer that is also stored for its key."""
    return Answer(status, orjson.dumps(told(recording, rejoined=rejoined, warnings=warnings)), location_of(recording))


def told(recording: Recording, *, rejoined: bool, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """Give what the counter is answered."""
    ticket = recording.ticket
    return {
        "recording_id": str(recording.id),
        "receipt_code": recording.receipt_code,
        "ticket": ticket and {"id": str(ticket.id), "number": ticket.number, "lane": ticket.lane},
        "office": recording.office,
        "purpose": recording.purpose,
        "rejoined": rejoined,
        "warnings": list(warnings),
    }


def location_of(recording: Recording) -> str:
    """Give the address at which an arrival can be read at once."""
    return f"/v1/arrivals/{recording.id}"
