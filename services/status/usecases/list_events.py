"""The history as a list with a cursor."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.status.domain.cursor import Cursor
from services.status.domain.redaction import shown
from services.status.store import reading
from services.status.store.reading import Logged, Sight, Wanted
from shared.postgres.pool import Transaction

# A reader of one office must not make us look through the whole history at once.
_LOOKED_THROUGH = 20_000


class CursorOfAnotherLog(Exception):
    """The cursor points into a log that is not, or no longer, this one."""


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """CloudEvents 1.0, JSON format."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    office: str
    sequence: str
    traceparent: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in the order of their commit; ask again with `next`, even after an empty page."""

    events: list[CloudEvent]
    next: str


async def list_events(tx: Transaction, sight: Sight, wanted: Wanted, after: Cursor | None) -> EventPage:
    """List what the caller may see after the cursor; raises `CursorOfAnotherLog`."""
    head = await reading.head(tx)
    start = after or Cursor(head.epoch, 0)
    if start.epoch != head.epoch or start.position > head.position:
        raise CursorOfAnotherLog
    until = min(head.position, start.position + _LOOKED_THROUGH)
    found = await reading.events_between(tx, sight, wanted, start.position, until)
    reached = found[-1].position if len(found) == wanted.limit else until
    to_agency = sight.only_created_by is not None
    return EventPage([cloud_event(one, to_agency=to_agency) for one in found], Cursor(head.epoch, reached).text())


def cloud_event(logged: Logged, *, to_agency: bool) -> CloudEvent:
    """Write a logged event as others may read it."""
    return CloudEvent(
        specversion="1.0",
        id=str(logged.id),
        source=logged.source,
        type=logged.type,
        subject=logged.key,
        time=logged.time,
        datacontenttype="application/json",
        office=logged.office,
        sequence=str(logged.sequence),
        traceparent=logged.traceparent,
        data=shown(logged.data, to_agency=to_agency),
    )
