"""The whole installation as a story sees it: offices, the line, the centre, and what may be killed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx

from shared.sealing import SealingKey
from tests.support.eventually import eventually
from tests.support.office import Office
from tools.demo.play import settings_for_the_day
from tools.local import ALL, SERVICES, Endpoints, Stack
from tools.token import fetch_token
from tools.verify import Accepted, Outage, verify

REGENCY = "32.16"
_OFFICES = 23
_BLANKS = 100_000
_STAGE_EFFECTS = {"suket_extension": ("suket",), "card": ("submission", "card_print")}


def settings_of_the_stories() -> dict[str, dict[str, str]]:
    """Take the demo's scaled settings, with a centre that deduplicates at once and offices that do not close."""
    settings = settings_for_the_day()
    settings["recording"] |= {
        "REKAM_ASK_AFTER_SECONDS": "[0.3, 0.5, 1, 2]",
        "REKAM_LOCAL_REST_SECONDS": "2",
    }
    settings["centre"] |= {"REKAM_CENTRE_DEDUPLICATION_SECONDS": "0.3"}
    settings["intake"] = {"REKAM_CLOSING_HOUR": "24"}
    return settings


class Line:
    """The line to the centre."""

    def __init__(self, http: httpx.AsyncClient, control: str) -> None:
        self._http = http
        self._faults = f"{control}/faults"
        self._history = f"{control}/history"

    async def dies(self) -> None:
        """Stop carrying anything."""
        (await self._http.put(self._faults, json={"kind": "down"})).raise_for_status()

    async def returns(self) -> bool:
        """Carry again."""
        return (await self._http.delete(self._faults)).raise_for_status().is_success

    async def outages(self) -> list[Outage]:
        """Tell when it was dead, in truth."""
        deaths = (await self._http.get(self._history)).raise_for_status().json()["items"]
        return [Outage(_moment(one["died_at"]), _moment(one["returned_at"])) for one in deaths if one["returned_at"]]


class Centre:
    """The far side's switches and what it saw."""

    def __init__(self, http: httpx.AsyncClient, control: str) -> None:
        self._http = http
        self._control = control

    async def goes_wrong(self, operation: str, kind: str, **how: Any) -> None:
        """Switch a fault on."""
        (await self._http.put(f"{self._control}/faults/{operation}", json={"kind": kind, **how})).raise_for_status()

    async def is_well_again(self) -> bool:
        """Switch every fault off."""
        return (await self._http.delete(f"{self._control}/faults")).raise_for_status().is_success

    async def journal(self, office: Office | None = None) -> list[dict[str, Any]]:
        """Read every call the centre saw, in order; for one office, those about its recordings."""
        answer = await self._http.get(f"{self._control}/journal", params={"limit": 100_000})
        calls = list(answer.raise_for_status().json()["items"])
        return [call for call in calls if office is None or call["recording_id"] in office.memory.arrivals]


class World:
    """One running stack, shared by all stories; each story opens an office of its own."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient) -> None:
        self.stack = stack
        self.http = http
        self.endpoints: Endpoints = stack.endpoints
        self.line = Line(http, self.endpoints.line_control)
        self.centre = Centre(http, self.endpoints.centre_control)
        self.offices: list[Office] = []
        self.packets: list[bytes] = []
        self._codes: Iterator[str] = (f"{REGENCY}.{number:02}" for number in range(1, _OFFICES + 1))
        self._key = SealingKey.from_file(stack.keys / "centre_sealing.public.json")

    async def token(self, role: str, offices: str) -> str:
        """Get a token of the issuer."""
        return await asyncio.to_thread(fetch_token, self.endpoints.issuer, role, offices)

    async def opens_an_office(self) -> Office:
        """Give an office nobody used yet, with a supervisor's token."""
        code = next(self._codes)
        token = await self.token("supervisor", code)
        office = Office(self.http, self.endpoints, code=code, token=token, key=self._key)
        self.offices.append(office)
        return office

    async def has_blanks(self) -> None:
        """Deliver enough card blanks for every story."""
        token = await self.token("regency", f"{REGENCY}.")
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
        body = {"kind": "delivered", "count": _BLANKS, "reason_code": "delivery"}
        url = f"{self.endpoints.recording}/v1/blank-stocks/{REGENCY}/movements"
        (await self.http.post(url, json=body, headers=headers)).raise_for_status()

    async def kills(self, name: str) -> None:
        """SIGKILL a part."""
        await asyncio.to_thread(self.stack.kill, name)

    async def stops(self, name: str) -> None:
        """Stop a part in order."""
        await asyncio.to_thread(self.stack.stop_service, name)

    async def starts(self, name: str, *, wait: bool = True) -> None:
        """Start a part that does not run."""
        await asyncio.to_thread(self.stack.start_service, name, wait=wait)

    async def answers(self, service: str, path: str) -> httpx.Response:
        """Ask a service's unguarded page, such as /readyz."""
        return await self.http.get(f"{getattr(self.endpoints, service)}{path}", timeout=10)

    async def works(self) -> bool:
        """Tell whether every service says it is ready."""
        return all([(await self.answers(service, "/readyz")).status_code == 200 for service in SERVICES])

    async def is_whole_again(self) -> None:
        """Undo what a story broke, also when it failed half-way."""
        for name in ALL:
            await self.starts(name, wait=False)
        await eventually(self.line.returns, within=20)
        await eventually(self.centre.is_well_again, within=20)
        await eventually(self.works, within=60)

    async def finishes(self, office: Office, within: float) -> None:
        """Wait until everybody of an office has a card or a Suket."""

        async def nobody_waits() -> bool:
            left = await office.unfinished()
            assert not left, f"{len(left)} unfinished, such as {left[:3]}"
            return True

        try:
            await eventually(nobody_waits, within=within)
        except AssertionError as late:
            late.add_note(await self._what_holds(office))
            raise

    async def keeps_its_promises(self, office: Office) -> None:
        """Compare what the office remembers with the centre's journal, the ledger and the history; then verify all."""
        journal = await self.centre.journal(office)
        _each_effect_is_once(office, journal)
        _arrived_unchanged(office, journal)
        ledger = {row["id"] for row in await office.attempts()}
        unknown = [call for call in journal if call["operation"] != "probe" and call["attempt"] not in ledger]
        assert not unknown, f"calls the ledger does not know: {unknown[:3]}"
        await eventually(lambda: self._history_has_no_holes(office), within=20)
        await self._nothing_is_quarantined()
        # The last events of a story may still be on their way to status.
        await eventually(self._is_verified, within=15)

    async def _history_has_no_holes(self, office: Office) -> bool:
        by_source: dict[tuple[str, str], list[int]] = {}
        for event in await office.events():
            by_source.setdefault((event["source"], event["subject"]), []).append(int(event["sequence"]))
        holes = {who: seen for who, seen in by_source.items() if sorted(seen) != list(range(1, len(seen) + 1))}
        assert not holes, f"sequences with holes: {list(holes.items())[:3]}"
        known = {subject for source, subject in by_source if source.endswith("/intake")}
        assert office.memory.arrivals.keys() <= known, "arrivals that the history does not know"
        return True

    async def _what_holds(self, office: Office) -> str:
        late = {one.split()[0] for one in (await office.unfinished())[:3]}
        gates = await office.reads(f"{self.endpoints.recording}/v1/gates")
        stages = [one for one in await office.recordings() if one["id"] in late]
        attempts = [one for one in await office.attempts() if one["recording_id"] in late]
        return f"gates: {gates}\nrecordings: {stages}\nattempts: {attempts}"

    async def _nothing_is_quarantined(self) -> None:
        headers = {"Authorization": f"Bearer {await self.token('sre', '*')}"}
        for service in SERVICES:
            url = f"{getattr(self.endpoints, service)}/v1/quarantine"
            held = (await self.http.get(url, headers=headers)).raise_for_status().json()["items"]
            assert not held, f"{service} holds in quarantine: {held[:3]}"

    async def _is_verified(self) -> bool:
        memories = [office.memory for office in self.offices]
        results = await verify(
            self.endpoints,
            folder=self.stack.folder,
            accepted=Accepted(
                recordings=frozenset(one for memory in memories for one in memory.arrivals),
                packets=frozenset(digest for memory in memories for digest in memory.captures.values()),
            ),
            outages=await self.line.outages(),
            markers=[marker for memory in memories for marker in memory.markers()],
        )
        broken = [line for result in results if not result.is_ok for line in result.lines()]
        assert not broken, "\n".join(broken)
        return True


@asynccontextmanager
async def running_world(stack: Stack) -> AsyncIterator[World]:
    """Look at a running stack as a world of offices."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=32)
    async with httpx.AsyncClient(timeout=15, limits=limits, trust_env=False) as http:
        world = World(stack, http)
        await world.has_blanks()
        yield world


def sends_without_asking(calls: list[dict[str, Any]]) -> list[str]:
    """Name recordings that were sent a second time without a question in between."""
    by_recording: dict[str, list[str]] = {}
    for call in calls:
        if call["operation"] in ("submission", "ask"):
            by_recording.setdefault(call["recording_id"], []).append(call["operation"])
    return [one for one, seen in by_recording.items() if ("submission", "submission") in pairwise(seen)]


def _each_effect_is_once(office: Office, journal: list[dict[str, Any]]) -> None:
    effects = Counter((call["recording_id"], call["operation"]) for call in journal if call["effect"])
    for recording_id, applicant in office.memory.arrivals.items():
        for operation in _STAGE_EFFECTS["card" if applicant.needs_prints else applicant.purpose]:
            times = effects[recording_id, operation]
            assert times == 1, f"{operation} of {recording_id} took effect {times} times at the centre"


def _arrived_unchanged(office: Office, journal: list[dict[str, Any]]) -> None:
    there = {
        call["recording_id"]: call["digest"] for call in journal if call["operation"] == "submission" and call["effect"]
    }
    assert there == office.memory.captures, "digests at the centre differ from those taken at the counter"


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)
