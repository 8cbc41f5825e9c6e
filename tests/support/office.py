"""An office as its front-end drives it by HTTP, with a memory of its own of what it was promised."""

import asyncio
import datetime as dt
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from shared.sealing import Label, SealingKey, seal
from tools.local import Endpoints
from tools.seal import manifest_of

_PATIENCE_SECONDS = 60.0
_AGAIN_SECONDS = 0.25
_LONGEST_DAY_SECONDS = 90.0
_BUSY = frozenset({409, 429})
CARD_PURPOSES = ("first_recording", "re_recording")
# What a recording can reach without another person's act; a card or a Suket is then there to be collected.
FINISHED = frozenset({"card_ready", "suket_ready", "completed"})


class Refused(Exception):
    """A service said no to what the front-end asked."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody made up, of valid form."""

    nik: str
    name: str
    birth_date: dt.date
    purpose: str
    phone: str
    email: str

    @property
    def needs_prints(self) -> bool:
        """Whether biometrics are taken."""
        return self.purpose in CARD_PURPOSES

    def arrival(self, office: str) -> dict[str, Any]:
        """Write the body of POST /v1/arrivals."""
        return {
            "office": office,
            "purpose": self.purpose,
            "nik": self.nik,
            "name": self.name,
            "birth_date": self.birth_date.isoformat(),
            "sex": "male",
            "contact": {"phone": self.phone, "email": self.email, "language": "id"},
        }

    def markers(self) -> list[bytes]:
        """Give what must be found nowhere in clear."""
        return [self.nik.encode(), self.name.encode(), self.phone.encode(), self.email.encode()]


@dataclass(slots=True)
class Memory:
    """What the system promised, remembered outside of it."""

    arrivals: dict[str, Applicant] = field(default_factory=dict)
    receipts: dict[str, str] = field(default_factory=dict)
    captures: dict[str, str] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)

    def markers(self) -> list[bytes]:
        """Give the markers of everybody who came."""
        return [marker for applicant in self.arrivals.values() for marker in applicant.markers()]


class Office:
    """One office's counters; a post whose answer is lost is sent again under its key, and counts once."""

    def __init__(
        self, http: httpx.AsyncClient, endpoints: Endpoints, *, code: str, token: str, key: SealingKey
    ) -> None:
        self._http = http
        self._endpoints = endpoints
        self._key = key
        self._dice = random.Random(code)
        self._born = 0
        self.code = code
        self.headers = {"Authorization": f"Bearer {token}"}
        self.memory = Memory()

    def people(self, count: int, *, purposes: Sequence[str] = (*CARD_PURPOSES, "suket_extension")) -> list[Applicant]:
        """Make people up; purposes go round."""
        return [self._person(purposes[number % len(purposes)]) for number in range(count)]

    async def registers(self, applicant: Applicant) -> str:
        """Take a person's arrival and give the recording's id."""
        answer = await self.posts(f"{self._endpoints.intake}/v1/arrivals", json=applicant.arrival(self.code))
        recording_id = str(answer["recording_id"])
        self.memory.arrivals[recording_id] = applicant
        self.memory.receipts[recording_id] = str(answer["receipt_code"])
        return recording_id

    async def captures(self, recording_id: str, content: bytes = b"", size: int = 20_000) -> bytes:
        """Take the biometrics; gives the sealed packet that was sent."""
        label = Label(UUID(recording_id), self.code, 1, "packet")
        packet = await asyncio.to_thread(seal, self._key, label, content + os.urandom(size))
        manifest = manifest_of(packet, 1, dt.datetime.now(dt.UTC))
        files = {
            "manifest": (None, orjson.dumps(manifest), "application/json"),
            "packet": ("packet", packet, "application/octet-stream"),
        }
        await self.posts(f"{self._endpoints.intake}/v1/recordings/{recording_id}/captures", files=files)
        self.memory.captures[recording_id] = manifest["packet_digest"]
        return packet

    async def calls_next(self, counter: int) -> dict[str, Any] | None:
        """Call whom the server chooses; nobody when nobody waits."""
        url = f"{self._endpoints.intake}/v1/offices/{self.code}/queue/call-next"
        ticket = (await self.posts(url, json={"counter": counter}))["ticket"]
        return dict(ticket) if ticket else None

    async def serves(self, ticket: dict[str, Any]) -> None:
        """Take what has to be taken from the person called, and let them go."""
        recording_id = str(ticket["recording_id"])
        if ticket["purpose"] in CARD_PURPOSES:
            await self.captures(recording_id)
        await self.posts(f"{self._endpoints.intake}/v1/tickets/{ticket['id']}/serve")
        self.memory.served.add(recording_id)

    async def works_through(self, people: Sequence[Applicant], *, counters: int = 4, pace_seconds: float = 0) -> None:
        """Let people in at a pace while counters call, record and serve them, until everybody is served."""
        all_came = asyncio.Event()
        async with asyncio.timeout(_LONGEST_DAY_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(self._door(people, pace_seconds, all_came))
            for number in range(1, counters + 1):
                group.create_task(self._counter(number, all_came))

    async def records(self, people: Sequence[Applicant], *, at_once: int = 8) -> list[str]:
        """Register people and take their biometrics, some at a time; gives the recordings' ids."""
        places = asyncio.Semaphore(at_once)
        async with asyncio.TaskGroup() as group:
            taken = [group.create_task(self._records_one(applicant, places)) for applicant in people]
        return [one.result() for one in taken]

    async def board(self) -> dict[str, Any]:
        """Read this office's board."""
        return await self.reads(f"{self._endpoints.status}/v1/offices/{self.code}/board")

    async def recordings(self) -> list[dict[str, Any]]:
        """Read all recordings of this office, as recording shows them."""
        return await self._pages(f"{self._endpoints.recording}/v1/recordings?office={self.code}&limit=500")

    async def attempts(self) -> list[dict[str, Any]]:
        """Read this office's ledger."""
        return await self._pages(f"{self._endpoints.recording}/v1/attempts?office={self.code}&limit=500")

    async def events(self) -> list[dict[str, Any]]:
        """Read this office's history from status."""
        url = f"{self._endpoints.status}/v1/events?office={self.code}&limit=500"
        events: list[dict[str, Any]] = []
        page = await self.reads(url)
        reached = None
        while page["next"] != reached:  # a page may be empty and yet not the last
            events += page["events"]
            reached = page["next"]
            page = await self.reads(f"{url}&after={reached}")
        return events

    async def unfinished(self) -> list[str]:
        """Name who was promised something and has neither card nor Suket yet, with the situation."""
        shown = {one["id"]: one["situation"] for one in await self.recordings()}
        found = {recording_id: shown.get(recording_id, "unknown") for recording_id in self.memory.arrivals}
        return [f"{recording_id} {situation}" for recording_id, situation in found.items() if situation not in FINISHED]

    async def reads(self, url: str) -> dict[str, Any]:
        """Read once; a refusal raises."""
        return dict((await self._http.get(url, headers=self.headers)).raise_for_status().json())

    async def posts(self, url: str, **content: Any) -> dict[str, Any]:
        """Post under one key until it is answered; a refusal raises `Refused` with its slug and no value."""
        headers = self.headers | {"Idempotency-Key": str(uuid4())}
        loop = asyncio.get_running_loop()
        until, last = loop.time() + _PATIENCE_SECONDS, "nothing"
        while loop.time() < until:
            try:
                answer = await self._http.post(url, headers=headers, **content)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                if answer.is_success:
                    return dict(answer.json())
                last = f"{answer.status_code} {answer.text[:200]}"
                if answer.is_client_error and answer.status_code not in _BUSY:
                    raise Refused(last)
            await asyncio.sleep(_AGAIN_SECONDS)
        raise Refused(f"no good answer in {_PATIENCE_SECONDS:.0f} s, last: {last}")

    async def _door(self, people: Sequence[Applicant], pace_seconds: float, all_came: asyncio.Event) -> None:
        for applicant in people:
            await self.registers(applicant)
            await asyncio.sleep(pace_seconds)
        all_came.set()

    async def _counter(self, number: int, all_came: asyncio.Event) -> None:
        while not (all_came.is_set() and self.memory.served == self.memory.arrivals.keys()):
            ticket = await self.calls_next(number)
            if ticket is not None:
                await self.serves(ticket)
            else:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _records_one(self, applicant: Applicant, places: asyncio.Semaphore) -> str:
        async with places:
            recording_id = await self.registers(applicant)
            if applicant.needs_prints:
                await self.captures(recording_id)
            return recording_id

    async def _pages(self, url: str) -> list[dict[str, Any]]:
        page = await self.reads(url)
        items = list(page["items"])
        while page["next"] is not None:
            page = await self.reads(f"{url}&after={page['next']}")
            items += page["items"]
        return items

    def _person(self, purpose: str) -> Applicant:
        # Serials from 1000 on keep clear of the centre's sandbox numbers 0001 to 0006.
        self._born += 1
        serial = 1000 + self._born
        birth_date = dt.date(1985, 1, 1) + dt.timedelta(days=self._dice.randrange(5000))
        place, tag = self.code.replace(".", ""), f"{self._dice.getrandbits(64):016X}"
        return Applicant(
            nik=f"{place}{birth_date:%d%m%y}{serial:04}",
            name=f"CONTOH REKAAN {tag}",
            birth_date=birth_date,
            purpose=purpose,
            phone=f"+62899{self._dice.randrange(10**9):09}",
            email=f"contoh.{tag.lower()}@example.invalid",
        )
