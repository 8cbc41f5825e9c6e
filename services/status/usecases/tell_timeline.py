"""One recording's story as its office and its agency read it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.status.domain.line import Line
from services.status.domain.redaction import shown
from services.status.domain.titles import Title, title_of
from services.status.store import projections, reading
from services.status.store.reading import Sight
from shared.events.situation import Situation, dukcapil_status, next_news_at, whose_turn
from shared.events.vocabulary import Purpose, WhoActs
from shared.postgres.pool import Transaction

_MOST_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the story."""

    id: UUID
    type: str
    time: datetime
    office: str
    title: Title
    data: dict[str, Any]
    traceparent: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where a recording stands and how it came there, oldest first."""

    recording_id: UUID
    office: str
    purpose: Purpose | None
    reference: str | None
    situation: Situation
    whose_turn: WhoActs
    next_news_at: datetime | None
    dukcapil_status: str
    opened_at: datetime | None
    ended_at: datetime | None
    items: list[Told]


async def tell_timeline(tx: Transaction, recording_id: UUID, sight: Sight) -> Timeline | None:
    """Tell the story; absent when there is none for this caller."""
    journey = await reading.journey_of(tx, recording_id, sight)
    if journey is None:
        return None
    line = Line.of(gate for _, gate in (await projections.read_gates(tx)).values())
    state = {"line_is_down": line.line_is_down, "centre_is_failing": line.centre_is_failing}
    situation = journey.situation(**state)
    events = await reading.events_of(tx, str(recording_id), _MOST_EVENTS)
    to_agency = sight.only_created_by is not None
    return Timeline(
        recording_id=recording_id,
        office=journey.office,
        purpose=journey.visit.purpose,
        reference=journey.visit.reference,
        situation=situation,
        whose_turn=whose_turn(situation),
        next_news_at=next_news_at(
            situation, unsent_since=journey.unsent_since, submitted_at=journey.progress.submitted_at
        ),
        dukcapil_status=dukcapil_status(journey.facts(**state)),
        opened_at=journey.opened_at,
        ended_at=journey.progress.ended_at,
        items=[
            Told(
                e.id,
                e.type,
                e.time,
                e.office,
                title_of(e.type, e.data),
                shown(e.data, to_agency=to_agency),
                e.traceparent,
            )
            for e in events
        ],
    )
