"""The officer's four steps with a ticket: served, nobody came, sent home, taken back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from services.intake import events_out
from services.intake.domain import tickets as steps
from services.intake.domain.tickets import Ticket, WrongStep
from services.intake.domain.visits import Recording, Sight
from services.intake.store import arrivals, tickets
from services.intake.usecases.desk import Desk, WrongTicketStep
from shared.events.envelope import Data, Event
from shared.postgres.pool import Transaction
from shared.problems import NotFound


@dataclass(frozen=True, slots=True)
class Moved:
    """A ticket after its step."""

    recording: Recording
    ticket: Ticket


async def serve_ticket(tx: Transaction, desk: Desk, ticket_id: UUID, sight: Sight, traceparent: str) -> Moved:
    """Note that the person was served."""
    say = events_out.served
    return await _move(tx, desk, ticket_id, sight, step=steps.serve, say=lambda one, _: say(one, traceparent))


async def mark_no_show(tx: Transaction, desk: Desk, ticket_id: UUID, sight: Sight, traceparent: str) -> Moved:
    """Note that nobody came to the counter."""
    say = events_out.not_shown
    return await _move(tx, desk, ticket_id, sight, step=steps.mark_no_show, say=lambda one, _: say(one, traceparent))


async def undo_step(tx: Transaction, desk: Desk, ticket_id: UUID, sight: Sight, traceparent: str) -> Moved:
    """Take the last step back."""

    def say(one: Recording, before: Ticket) -> Event[Data]:
        return events_out.undone(one, before.state, traceparent)

    return await _move(tx, desk, ticket_id, sight, step=steps.undo, say=say)


async def send_one_home(
    tx: Transaction,
    desk: Desk,
    ticket_id: UUID,
    sight: Sight,
    *,
    reason_code: str,
    traceparent: str,
    now: datetime,
) -> Moved:
    """Send one person home; the place is kept."""
    (recording,) = await _locked(tx, ticket_id, sight)
    until = desk.kept_until(recording.office, now)
    (moved,) = await send_home(tx, desk, [recording], reason_code=reason_code, until=until, traceparent=traceparent)
    return moved


async def send_home(
    tx: Transaction,
    desk: Desk,
    recordings: list[Recording],
    *,
    reason_code: str,
    until: date,
    traceparent: str,
    is_closing: bool = False,
) -> list[Moved]:
    """Send these people home, whose recordings are locked; every place is kept."""
    step = steps.close_for_the_day if is_closing else steps.send_home
    moved = [_stepped(one, lambda ticket: step(ticket, until)) for one in recordings]
    await arrivals.save(tx, [one.recording for one in moved])
    await tickets.save(tx, [one.ticket for one in moved])
    await desk.outbox.add(tx, [events_out.sent_home(one.recording, reason_code, until, traceparent) for one in moved])
    return moved


async def _move(
    tx: Transaction,
    desk: Desk,
    ticket_id: UUID,
    sight: Sight,
    *,
    step: Callable[[Ticket], Ticket],
    say: Callable[[Recording, Ticket], Event[Data]],
) -> Moved:
    (recording,) = await _locked(tx, ticket_id, sight)
    moved = _stepped(recording, step)
    await arrivals.save(tx, [moved.recording])
    await tickets.save(tx, [moved.ticket])
    await desk.outbox.add(tx, [say(moved.recording, recording.ticket or moved.ticket)])
    return moved


def _stepped(recording: Recording, step: Callable[[Ticket], Ticket]) -> Moved:
    if recording.ticket is None:
        raise NotFound("No such ticket in your offices.")
    try:
        ticket = step(recording.ticket)
    except WrongStep as wrong:
        raise WrongTicketStep("It is in another state.", extra={"state": wrong.state}) from None
    return Moved(replace(recording, sequence=recording.sequence + 1, ticket=ticket), ticket)


async def _locked(tx: Transaction, ticket_id: UUID, sight: Sight) -> list[Recording]:
    recording_id = await tickets.recording_of(tx, ticket_id, sight.offices)
    locked = await arrivals.lock(tx, [recording_id], sight) if recording_id else []
    if not locked or locked[0].ticket is None or locked[0].ticket.id != ticket_id:
        raise NotFound("No such ticket in your offices.")
    return locked
