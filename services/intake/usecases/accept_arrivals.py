"""The one way a person is registered, singly or by the thousand: no statement per arrival, no commit per arrival."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.intake import events_out
from services.intake.domain.lanes import lane_on_arrival, number_of
from services.intake.domain.nik import doubts
from services.intake.domain.tickets import Ticket, come_back
from services.intake.domain.visits import (
    Arrival,
    Decision,
    NewArrival,
    Recording,
    RefuseBeside,
    RefuseOpen,
    Register,
    Registrar,
    Rejoin,
    card_not_before,
    decide,
)
from services.intake.store import arrivals as arrivals_store
from services.intake.store import people, tickets
from services.intake.usecases.answer_arrivals import answer, refusal
from services.intake.usecases.desk import Desk, NeedsSupervisor
from services.intake.usecases.seal_arrivals import IDENTITY_VERSION, Sealed
from shared.events.envelope import Data, Event
from shared.events.vocabulary import TicketLane
from shared.ids import uuid7
from shared.postgres.idempotency import Answer, Finding, KeyedRequest, Replay, Reused, Running, look_up, remember
from shared.postgres.pool import Transaction
from shared.problems import KeyInUse, KeyReused, Problem

Result = Answer | Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One arrival as it was asked for."""

    arrival: Arrival
    registrar: Registrar
    keyed: KeyedRequest
    traceparent: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _One:
    """An arrival to be done now, with its place in the answer."""

    place: int
    asked: Asked
    sealed: Sealed
    nik_ref: UUID


@dataclass(slots=True)
class _Room:
    """What a batch has decided so far: later arrivals of the batch see earlier ones."""

    now: datetime
    opened: dict[UUID, list[UUID]] = field(default_factory=dict)
    recordings: dict[UUID, Recording] = field(default_factory=dict)
    added: dict[UUID, NewArrival] = field(default_factory=dict)
    returned: set[UUID] = field(default_factory=set)
    placed: dict[UUID, tickets.Placed] = field(default_factory=dict)
    kept: dict[UUID, Ticket] = field(default_factory=dict)
    events: list[Event[Data]] = field(default_factory=list)

    def of_person(self, nik_ref: UUID) -> list[Recording]:
        return [self.recordings[one] for one in self.opened.get(nik_ref, ())]

    def hold(self, recording: Recording) -> None:
        self.opened.setdefault(recording.nik_ref, []).append(recording.id)
        self.recordings[recording.id] = recording

    def put(self, recording: Recording, placed: tickets.Placed | None) -> None:
        """Note a ticket that is new, that became new in this batch, or that was known before."""
        if recording.ticket is None:
            raise ValueError("a person without a ticket")
        ticket = recording.ticket
        new = placed or self.placed.get(ticket.id)
        if new:
            self.placed[ticket.id] = replace(new, recording_id=recording.id, ticket=ticket)
        else:
            self.kept[ticket.id] = ticket


async def accept_arrivals(
    tx: Transaction, desk: Desk, asked: Sequence[Asked], sealed: Sequence[Sealed], now: datetime
) -> list[Result]:
    """Register each, or tell why not; answers stand in the order asked, the work follows `arrived_at`."""
    findings = await look_up(tx, [one.keyed for one in asked])
    results: list[Result | None] = [_known(finding) for finding in findings]
    fresh = await _fresh(tx, asked, sealed, results)
    if fresh:
        room = await _opened(tx, fresh, now)
        answers = await _settle(tx, desk, room, fresh)
        await _save(tx, desk, room)
        given = ((one.asked.keyed, answers[one.place]) for one in fresh)
        await remember(tx, [(keyed, result) for keyed, result in given if isinstance(result, Answer)])
        results = [answers.get(place, result) for place, result in enumerate(results)]
    return [result for result in results if result is not None]


def _known(finding: Finding) -> Result | None:
    match finding:
        case Replay(answer):
            return answer
        case Reused():
            return KeyReused()
        case Running():
            return KeyInUse()
    return None


async def _fresh(
    tx: Transaction, asked: Sequence[Asked], sealed: Sequence[Sealed], results: Sequence[Result | None]
) -> list[_One]:
    places = [place for place, result in enumerate(results) if result is None]
    if not places:
        return []
    references = await people.lock_people(tx, [sealed[place].nik_hmacs for place in places])
    fresh = [
        _One(place, asked[place], sealed[place], reference) for place, reference in zip(places, references, strict=True)
    ]
    return sorted(fresh, key=lambda one: one.asked.arrival.arrived_at)


async def _opened(tx: Transaction, fresh: Sequence[_One], now: datetime) -> _Room:
    room = _Room(now)
    for recording in await arrivals_store.lock_open(tx, {one.nik_ref for one in fresh}):
        room.hold(recording)
    return room


async def _settle(tx: Transaction, desk: Desk, room: _Room, fresh: Sequence[_One]) -> dict[int, Result]:
    """Decide in order, draw the numbers of all at once, then tell each."""
    decided = [(one, _decided(room, one)) for one in fresh]
    lanes = _lanes_needed(desk, room, decided)
    numbers = await tickets.take_numbers(tx, Counter(lanes.values()))
    answers: dict[int, Result] = {}
    for one, decision in decided:
        ticket = _new_ticket(one, lanes[one.place], numbers) if one.place in lanes else None
        match decision:
            case Register():
                answers[one.place] = _register(desk, room, one, ticket)
            case Rejoin(recording_id):
                answers[one.place] = _rejoin(desk, room, one, room.recordings[recording_id], ticket)
            case RefuseOpen(recording):
                answers[one.place] = refusal(recording, one.asked.arrival.office)
            case RefuseBeside():
                answers[one.place] = NeedsSupervisor("Ask a supervisor to register a second recording.")
    return answers


def _decided(room: _Room, one: _One) -> Decision:
    decision = decide(one.asked.arrival, one.asked.registrar, room.of_person(one.nik_ref))
    if isinstance(decision, Register):
        room.hold(_begun(one))
    return decision


def _begun(one: _One) -> Recording:
    arrival, sealed = one.asked.arrival, one.sealed
    return Recording(
        id=sealed.recording_id,
        nik_ref=one.nik_ref,
        office=arrival.office,
        purpose=arrival.purpose,
        since=arrival.arrived_at,
        receipt_code=sealed.receipt_code,
        check_hmac=sealed.check_hmac,
        created_by=one.asked.registrar.client_id,
        is_open=True,
        sequence=0,
        packet_version=0,
        leaves_on=arrival.leaves_on,
    )


def _lanes_needed(desk: Desk, room: _Room, decided: Sequence[tuple[_One, Decision]]) -> dict[int, tickets.Place]:
    """Say who needs a new number, and in which lane; one who still holds a number keeps it."""
    needed: dict[int, tickets.Place] = {}
    provided: set[UUID] = set()
    for one, decision in decided:
        arrival = one.asked.arrival
        day = desk.today_at(arrival.office, arrival.arrived_at)
        match decision:
            case Register():
                lane = lane_on_arrival(arrival.leaves_on, day, desk.rules.traveller_days)
                needed[one.place] = (arrival.office, day, lane)
                provided.add(one.sealed.recording_id)
            case Rejoin(recording_id) if recording_id not in provided:
                ticket = room.recordings[recording_id].ticket
                if come_back(ticket, desk.today_at(arrival.office, room.now)) is None:
                    needed[one.place] = (arrival.office, desk.today_at(arrival.office, room.now), TicketLane.KEPT)
                    provided.add(recording_id)
    return needed


def _new_ticket(one: _One, place: tickets.Place, numbers: dict[tickets.Place, int]) -> tickets.Placed:
    numbers[place] += 1
    lane = place[2]
    arrived_at = one.asked.arrival.arrived_at
    ticket = Ticket(id=uuid7(), number=number_of(lane, numbers[place]), lane=lane, waiting_since=arrived_at)
    return tickets.Placed(one.sealed.recording_id, place[0], place[1], ticket)


def _register(desk: Desk, room: _Room, one: _One, placed: tickets.Placed | None) -> Answer:
    if placed is None:
        raise ValueError("a new recording without a ticket")
    arrival, sealed = one.asked.arrival, one.sealed
    recording = replace(room.recordings[sealed.recording_id], sequence=1, ticket=placed.ticket)
    new = NewArrival(
        recording=recording,
        identity_version=IDENTITY_VERSION,
        dataref=sealed.dataref,
        digest=sealed.digest,
        card_not_before=card_not_before(
            arrival.purpose, arrival.birth_date, desk.today_at(arrival.office, arrival.arrived_at)
        ),
        reference=arrival.reference,
        paper_number=arrival.paper_number,
        beside_reason=arrival.beside_reason,
        warnings=(*doubts(arrival.nik, arrival.birth_date, arrival.sex), *one.asked.warnings),
    )
    room.recordings[recording.id] = recording
    room.added[recording.id] = new
    room.put(recording, placed)
    room.events.append(events_out.arrived(new, one.asked.traceparent))
    _tell_contact(room, recording, sealed.sealed_contact, one)
    return answer(201, recording, rejoined=False, warnings=new.warnings)


def _rejoin(desk: Desk, room: _Room, one: _One, known: Recording, placed: tickets.Placed | None) -> Answer:
    arrival = one.asked.arrival
    kept = placed.ticket if placed else come_back(known.ticket, desk.today_at(known.office, room.now))
    leaves_on = arrival.leaves_on or known.leaves_on
    recording = replace(known, sequence=known.sequence + 1, ticket=kept, leaves_on=leaves_on)
    room.recordings[recording.id] = recording
    room.returned.add(recording.id)
    room.put(recording, placed)
    room.events.append(events_out.returned(recording, one.asked.traceparent))
    if arrival.contact is not None:
        sealed = desk.vault.sealed_contact(recording.id, recording.office, recording.receipt_code, arrival.contact)
        _tell_contact(room, recording, sealed, one)
    birth_date_fits = desk.vault.check_hmac(known.receipt_code, arrival.birth_date) == known.check_hmac
    doubtful = () if birth_date_fits else ("birth_date_differs",)
    return answer(200, recording, rejoined=True, warnings=(*doubtful, *one.asked.warnings))


def _tell_contact(room: _Room, recording: Recording, sealed: str | None, one: _One) -> None:
    if sealed:
        room.events.append(events_out.contact_changed(recording, sealed, one.asked.traceparent))


async def _save(tx: Transaction, desk: Desk, room: _Room) -> None:
    added = [replace(new, recording=room.recordings[new.recording.id]) for new in room.added.values()]
    await arrivals_store.add(tx, added)
    changed = [room.recordings[one] for one in room.returned - room.added.keys()]
    await arrivals_store.save(tx, changed)
    await tickets.add(tx, list(room.placed.values()))
    await tickets.save(tx, list(room.kept.values()))
    await desk.outbox.add(tx, room.events)
