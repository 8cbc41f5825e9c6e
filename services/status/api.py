"""The HTTP API of status (API §6): timelines, boards, the list of events."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query

from services.status.domain.cursor import Cursor, MalformedCursor
from services.status.store.reading import Sight, Wanted
from services.status.usecases.list_events import CursorOfAnotherLog, EventPage, list_events
from services.status.usecases.show_board import Asked, Board, show_board
from services.status.usecases.tell_timeline import Timeline, tell_timeline
from shared.auth import Caller, needs, needs_office
from shared.clock import now
from shared.events.offices import Office
from shared.postgres.pool import Database
from shared.problems import BadRequest, Invalid, NotFound, Problem

_OFFICE = r"^(\*|\d{2}(\.\d{2,4}){0,3}\.?)$"
_TYPE = r"^[a-z_]+(\.[a-z_0-9]+)*(\.\*)?$|^\*$"
_MOST_TYPES = 50


class CursorMalformed(BadRequest):
    """This is no cursor of ours."""

    slug = "cursor-malformed"


class CursorReset(Problem):
    """The event log this cursor points into is gone; begin anew without `after`."""

    status, slug = 410, "cursor-reset"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the API leans on."""

    database: Database
    offices: Mapping[str, Office]
    data_age: Callable[[], float | None]
    patience: timedelta


def routes(shown: Shown) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/v1")
    _add_offices_and_recordings(router, shown)
    _add_events(router, shown)
    return router


def _add_offices_and_recordings(router: APIRouter, shown: Shown) -> None:
    @router.get("/recordings/{recording_id}/timeline", tags=["recordings"])
    async def timeline(recording_id: UUID, caller: Annotated[Caller, needs("read_timeline")]) -> Timeline:
        """Tell one recording's story, oldest first."""
        async with shown.database.connection() as connection:
            told = await tell_timeline(connection, recording_id, _sight(caller))
        if told is None:
            raise NotFound("No such recording in your offices.")
        return told

    @router.get("/offices/{office}/board", tags=["offices"])
    async def board(
        office: Annotated[str, Path(pattern=_OFFICE)], caller: Annotated[Caller, needs("read_board")]
    ) -> Board:
        """Show an office's board; a prefix such as `32.16.` gives one board of all its offices."""
        needs_office(caller, office)
        asked = _asked(shown, office)
        async with shown.database.connection() as connection:
            return await show_board(connection, asked)


def _add_events(router: APIRouter, shown: Shown) -> None:
    @router.get("/events", tags=["events"])
    async def events(
        caller: Annotated[Caller, needs("read_events")],
        after: Annotated[str | None, Query(max_length=100)] = None,
        types: Annotated[str | None, Query(max_length=1000, description="recording.*,capture.accepted.v1")] = None,
        office: Annotated[str | None, Query(pattern=_OFFICE)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> EventPage:
        """List events in the order they were committed; `next` is the cursor to ask with again."""
        wanted = Wanted(_type_patterns(types), _pattern(office) if office else None, limit)
        try:
            cursor = Cursor.read(after) if after else None
            async with shown.database.connection() as connection:
                return await list_events(connection, _sight(caller), wanted, cursor)
        except MalformedCursor:
            raise CursorMalformed("Send `after` exactly as an answer's `next` gave it.") from None
        except CursorOfAnotherLog:
            raise CursorReset("Read a snapshot or begin without `after`.") from None


def _sight(caller: Caller) -> Sight:
    return Sight(caller.office_patterns(), caller.client_id if caller.role == "agency" else None)


def _asked(shown: Shown, office: str) -> Asked:
    known = [o for code, o in shown.offices.items() if office in ("*", code) or _is_below(code, office)]
    if not known:
        raise NotFound("No such office.")
    moment = now()
    return Asked(
        office=office,
        pattern=_pattern(office),
        now=moment,
        midnight=_midnight(moment, known[0].zone),
        patience=shown.patience,
        data_seconds=shown.data_age(),
    )


def _is_below(code: str, prefix: str) -> bool:
    return prefix.endswith(".") and code.startswith(prefix)


def _pattern(office: str) -> str:
    return "%" if office == "*" else office + "%" * office.endswith(".")


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _type_patterns(types: str | None) -> list[str] | None:
    if types is None:
        return None
    asked = types.split(",")
    if len(asked) > _MOST_TYPES or not all(re.match(_TYPE, one) for one in asked):
        raise Invalid("See the errors.", errors=[{"in": "query", "pointer": "#/types", "detail": "names or prefixes"}])
    return [one.replace("_", r"\_").replace("*", "%") for one in asked]
