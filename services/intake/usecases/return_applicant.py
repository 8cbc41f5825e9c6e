"""A person comes again with the receipt; if the recording was open at another office, it moves here."""

from dataclasses import replace
from datetime import datetime

import orjson

from services.intake import events_out
from services.intake.domain.lanes import number_of
from services.intake.domain.tickets import Ticket, come_back, leave
from services.intake.domain.visits import Recording
from services.intake.store import arrivals, tickets
from services.intake.usecases.answer_arrivals import location_of, told
from services.intake.usecases.desk import Desk, RecordingClosed
from shared.events.vocabulary import TicketLane
from shared.ids import uuid7
from shared.postgres.idempotency import Answer
from shared.postgres.pool import Transaction
from shared.problems import NotFound


async def return_applicant(
    tx: Transaction, desk: Desk, *, office: str, receipt_code: str, traceparent: str, now: datetime
) -> Answer:
    """Give the person a kept place at this office; raises `NotFound` and `RecordingClosed`."""
    known = await arrivals.lock_by_receipt(tx, receipt_code)
    if known is None:
        raise NotFound("No recording has this receipt.")
    if not known.is_open:
        raise RecordingClosed("It has ended; a new arrival begins a new one.")
    moved_from = known.office if known.office != office else None
    ticket = await _ticket(tx, desk, known, office, now)
    recording = replace(known, office=office, sequence=known.sequence + 1, ticket=ticket)
    await arrivals.save(tx, [recording])
    await desk.outbox.add(tx, [events_out.returned(recording, traceparent, moved_from)])
    return Answer(200, orjson.dumps(told(recording, rejoined=True)), location_of(recording))


async def _ticket(tx: Transaction, desk: Desk, known: Recording, office: str, now: datetime) -> Ticket:
    today = desk.today_at(office, now)
    kept = come_back(known.ticket, today) if known.office == office else None
    if kept is not None:
        await tickets.save(tx, [kept])
        return kept
    if known.ticket is not None and known.office != office:
        await tickets.save(tx, [leave(known.ticket)])
    place = (office, today, TicketLane.KEPT)
    serial = (await tickets.take_numbers(tx, {place: 1}))[place] + 1
    number = number_of(TicketLane.KEPT, serial)
    new = Ticket(id=uuid7(), number=number, lane=TicketLane.KEPT, waiting_since=known.since)
    await tickets.add(tx, [tickets.Placed(known.id, office, today, new)])
    return new
