"""Plays the day: people come, counters work, the line dies and returns; draws a line every ten office minutes."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from shared.sealing import SealingKey
from tools.demo.day import (
    LAST_TICKET,
    LINE_DIES,
    LINE_RETURNS,
    OPENS,
    SPEED,
    TICKETS_BY_TEN,
    OfficeClock,
    office_minutes,
)
from tools.demo.desk import Desk
from tools.demo.people import Person, make_people
from tools.local import Endpoints
from tools.token import fetch_token

OFFICE = "33.20.06"
REGENCY = "33.20"
COUNTERS = 6
_MINUTES_FOR_PRINTS = (3.0, 5.0)
_MINUTES_FOR_SUKET = 1.0
_ROOM_SENT_HOME = LINE_DIES + timedelta(minutes=20)
_DRAWN_EVERY = timedelta(minutes=10)
_GIVE_UP = LINE_RETURNS + timedelta(minutes=150)
_FINISHED = frozenset(
    {"waiting_for_blank", "waiting_for_age", "card_ready", "suket_ready", "completed", "still_checking"}
)


@dataclass(slots=True)
class Played:
    """What the driver saw; the report compares it with what the system says."""

    clock: OfficeClock
    desk: Desk
    boards: list[dict[str, Any]] = field(default_factory=list)
    recorded_while_dead: int = 0
    sent_home: int = 0
    drained_at: Any = None
    is_finished: bool = False


class Play:
    """One run of the day against a running stack."""

    def __init__(self, http: httpx.AsyncClient, endpoints: Endpoints, key: SealingKey, dice: random.Random) -> None:
        self._http = http
        self._endpoints = endpoints
        self._dice = dice
        self._desk = Desk(http, endpoints.intake, OFFICE, key, dice)
        self._played = Played(OfficeClock.start(), self._desk)
        self._all_came = asyncio.Event()

    async def run(self) -> Played:
        """Play until everybody's recording is where it can get, or give up well after the line's return."""
        self._http.headers["Authorization"] = f"Bearer {await self._token('officer', OFFICE)}"
        await self._deliver_blanks(60)
        self._played.clock = OfficeClock.start()
        people = make_people(TICKETS_BY_TEN, office=OFFICE, today=OPENS.date(), dice=self._dice)
        async with asyncio.TaskGroup() as group:
            drawing = group.create_task(self._draw())
            group.create_task(self._line())
            group.create_task(self._arrivals(people))
            counters = [group.create_task(self._counter(number)) for number in range(1, COUNTERS + 1)]
            await asyncio.wait(counters)
            await self._played.clock.until(LINE_RETURNS)
            await self._deliver_blanks(200)
            await self._wait_until_finished()
            drawing.cancel()
        return self._played

    async def _line(self) -> None:
        clock, control = self._played.clock, self._endpoints.line_control
        await clock.until(LINE_DIES)
        (await self._http.put(f"{control}/faults", json={"kind": "down"})).raise_for_status()
        await clock.until(_ROOM_SENT_HOME)
        self._played.sent_home = await self._desk.send_home(["suket_extension"], "line_down")
        await clock.until(LINE_RETURNS)
        (await self._http.delete(f"{control}/faults")).raise_for_status()
        self._played.recorded_while_dead = self._captured_between()

    async def _arrivals(self, people: list[Person]) -> None:
        """Most come early: the crowd thins towards ten."""
        span = (LAST_TICKET - OPENS).total_seconds()
        times = sorted(OPENS + timedelta(seconds=span * self._dice.betavariate(1, 1.6)) for _ in people)
        for person, time in zip(people, times, strict=True):
            await self._played.clock.until(time)
            await self._desk.register(person)
        self._all_came.set()

    async def _counter(self, number: int) -> None:
        while True:
            ticket = await self._desk.call_next(number)
            if ticket is None:
                if self._all_came.is_set():
                    return
                await office_minutes(1)
                continue
            await self._serve(ticket)

    async def _serve(self, ticket: dict[str, Any]) -> None:
        person = self._desk.history.arrivals[ticket["recording_id"]]
        if person.purpose == "suket_extension":
            await office_minutes(_MINUTES_FOR_SUKET)
        else:
            await office_minutes(self._dice.uniform(*_MINUTES_FOR_PRINTS))
            await self._desk.capture(ticket["recording_id"])
        await self._desk.serve(ticket)

    async def _draw(self) -> None:
        moment = OPENS
        print("office   line   came  recorded  on the way  at the centre  sent home   advice for a first recording")
        while True:
            await self._played.clock.until(moment)
            board = await self._board()
            self._played.boards.append({"at": moment, **board})
            self._draw_line(moment, board)
            moment += _DRAWN_EVERY

    def _draw_line(self, moment: Any, board: dict[str, Any]) -> None:
        history, counts = self._desk.history, board["situations"]
        at_centre = sum(counts.get(name, 0) for name in (*_FINISHED, "at_centre"))
        waits = sum(counts.values()) - at_centre - counts.get("arrived", 0) - counts.get("kept_place", 0)
        line = "DEAD " if LINE_DIES <= moment < LINE_RETURNS else "works"
        seen = "line down" if board["line_is_down"] else "line good"
        home, advice = board["queue"]["sent_home"], board["advice"]["first_recording"]
        came, recorded = len(history.arrivals), len(history.captures)
        figures = f"{came:4}  {recorded:8}  {waits:10}  {at_centre:13}  {home:9}"
        print(f"{moment:%H:%M}    {line}  {figures}   {advice}, {seen}", flush=True)

    async def _wait_until_finished(self) -> None:
        """Wait until nobody's recording can go further by itself."""
        clock = self._played.clock
        while clock.now() < _GIVE_UP:
            counts = (await self._board())["situations"]
            on_the_way = len(self._desk.history.arrivals) - sum(counts.get(name, 0) for name in _FINISHED)
            waits = on_the_way - counts.get("at_centre", 0)
            if waits == 0 and self._played.drained_at is None:
                self._played.drained_at = clock.now()
            if on_the_way == 0:
                self._played.is_finished = True
                return
            await office_minutes(1)

    async def _board(self) -> dict[str, Any]:
        answer = await self._http.get(f"{self._endpoints.status}/v1/offices/{OFFICE}/board")
        return dict(answer.raise_for_status().json())

    async def _deliver_blanks(self, count: int) -> None:
        token = await self._token("regency", f"{REGENCY}.")
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"blanks-{count}"}
        body = {"kind": "delivered", "count": count, "reason_code": "delivery"}
        url = f"{self._endpoints.recording}/v1/blank-stocks/{REGENCY}/movements"
        (await self._http.post(url, json=body, headers=headers)).raise_for_status()

    async def _token(self, role: str, office: str) -> str:
        return await asyncio.to_thread(fetch_token, self._endpoints.issuer, role, office)

    def _captured_between(self) -> int:
        clock = self._played.clock
        times = self._desk.history.captured_at.values()
        return sum(LINE_DIES <= clock.at(time) < LINE_RETURNS for time in times)


def settings_for_the_day() -> dict[str, dict[str, str]]:
    """Scale the settings so that office time runs 1:120; deadlines of calls keep their least of four seconds."""
    asks = [round(seconds / SPEED, 2) for seconds in (60, 120, 600, 1800)]
    return {
        # The office of the demo does not close, whatever the hour on the wall.
        "intake": {"REKAM_CLOSING_HOUR": "24"},
        "recording": {
            "REKAM_ASK_AFTER_SECONDS": str(asks),
            "REKAM_CALL_SECONDS": "4",
            "REKAM_SUBMISSION_SECONDS": "4",
            "REKAM_RETRY_BASE_SECONDS": "0.5",
            "REKAM_RETRY_CAP_SECONDS": "2.5",
            "REKAM_PROBE_SECONDS": "0.5",
        },
        "centre": {"REKAM_CENTRE_DEDUPLICATION_SECONDS": "3"},
    }
