"""Facts about recordings become messages in the ledger, before anything is sent."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from services.notification import store
from services.notification.domain.journey import Journey
from services.notification.domain.notices import Notice, notice_after, values
from services.notification.domain.texts import LANGUAGES, Texts
from services.notification.store import NewMessage
from services.notification.usecases.fold_events import fold
from shared.events.envelope import Event
from shared.events.offices import Office
from shared.ids import uuid7
from shared.postgres.pool import Transaction

CHANNEL = "email"
_ZONE = ZoneInfo("Asia/Jakarta")


@dataclass(frozen=True, slots=True, eq=False)  # the ears group by use case: it is itself, not its fields
class HearFacts:
    """The use case with what it leans on: the texts' versions and the offices' names and zones."""

    texts: Texts
    offices: Mapping[str, Office]

    async def __call__(self, tx: Transaction, events: list[Event[Any]]) -> None:
        """Fold the events and write one message for each new notice."""
        journeys = await store.lock_journeys(tx, {event.recording_id for event in events})
        messages = []
        for event in _by_time(events):
            before = journeys[event.recording_id]
            after = journeys[event.recording_id] = fold(before, event)
            notice = notice_after(before, after)
            if notice is not None:
                messages.append(self._message(event, after, notice))
        await store.save_journeys(tx, journeys)
        await store.create_messages(tx, messages)

    def _message(self, event: Event[Any], journey: Journey, notice: Notice) -> NewMessage:
        office = self.offices.get(journey.office)
        zone = office.zone if office else _ZONE
        name = office.name if office else journey.office
        said = {language: {"kec": name, **values(notice.situation, journey, zone, language)} for language in LANGUAGES}
        return NewMessage(
            id=uuid7(),
            recording_id=event.recording_id,
            office=journey.office,
            situation=notice.situation,
            channel=CHANNEL,
            fact=notice.fact,
            template=f"{CHANNEL}/{notice.situation}",
            template_version=self.texts[notice.situation, LANGUAGES[0]].version,
            said_in=msgspec.json.encode(said).decode(),
            traceparent=event.traceparent,
        )


def _by_time(events: list[Event[Any]]) -> Iterable[Event[Any]]:
    """Merge the topics by time, never changing the order within one source and key."""
    lists: dict[tuple[str, UUID], list[Event[Any]]] = {}
    for event in events:
        lists.setdefault((event.source, event.recording_id), []).append(event)
    return heapq.merge(*lists.values(), key=lambda event: event.time)
