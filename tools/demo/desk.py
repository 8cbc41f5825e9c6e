"""What an officer's front-end does, by real HTTP: arrivals, calls, captures, sending a room home."""

import asyncio
import datetime as dt
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from shared.sealing import Label, SealingKey, seal
from tools.demo.people import Person
from tools.seal import made_up_packet, manifest_of

_PATIENCE = 5


@dataclass(slots=True)
class History:
    """The driver's own memory of what it was promised: kept outside the system, and compared with it at the end."""

    arrivals: dict[str, Person] = field(default_factory=dict)
    captures: dict[str, str] = field(default_factory=dict)
    served: dict[str, dt.datetime] = field(default_factory=dict)
    sent_home: set[str] = field(default_factory=set)
    captured_at: dict[str, dt.datetime] = field(default_factory=dict)
    refused: int = 0


class Desk:
    """One office's counters."""

    def __init__(self, http: httpx.AsyncClient, intake: str, office: str, key: SealingKey, dice: random.Random) -> None:
        self._http = http
        self._intake = intake
        self._office = office
        self._key = key
        self._dice = dice
        self.history = History()

    async def register(self, person: Person) -> None:
        """Take a person's arrival; the answer is the promise that it is kept."""
        answer = await self._post("/v1/arrivals", json=person.arrival(self._office))
        self.history.arrivals[answer["recording_id"]] = person

    async def call_next(self, counter: int) -> dict[str, Any] | None:
        """Call whom the server chooses; nobody when the queue is empty."""
        answer = await self._post(f"/v1/offices/{self._office}/queue/call-next", json={"counter": counter})
        ticket = answer.get("ticket")
        return ticket if isinstance(ticket, dict) else None

    async def capture(self, recording_id: str) -> None:
        """Record the biometrics: a sealed packet of 50 to 300 kB, whatever the line does."""
        size = self._dice.randint(50_000, 300_000)
        label = Label(UUID(recording_id), self._office, 1, "packet")
        packet = await asyncio.to_thread(lambda: seal(self._key, label, made_up_packet(size)))
        manifest = manifest_of(packet, 1, dt.datetime.now(dt.UTC))
        await self._post(
            f"/v1/recordings/{recording_id}/captures",
            files={
                "manifest": (None, orjson.dumps(manifest), "application/json"),
                "packet": ("packet", packet, "application/octet-stream"),
            },
        )
        self.history.captures[recording_id] = manifest["packet_digest"]
        self.history.captured_at[recording_id] = dt.datetime.now(dt.UTC)

    async def serve(self, ticket: dict[str, Any]) -> None:
        """Let the person go: done at the counter."""
        await self._post(f"/v1/tickets/{ticket['id']}/serve", json={})
        self.history.served[ticket["recording_id"]] = dt.datetime.now(dt.UTC)

    async def send_home(self, purposes: list[str], reason_code: str) -> int:
        """Send a whole room home with their places kept; gives how many."""
        body = {"purposes": purposes, "reason_code": reason_code, "dry_run": False}
        answer = await self._post(f"/v1/offices/{self._office}/queue/send-home", json=body)
        return int(answer["count"])

    async def _post(self, path: str, **content: Any) -> dict[str, Any]:
        """Post once by its key: when the answer is lost, the same key is sent again and counts once."""
        headers = {"Idempotency-Key": str(uuid4())}
        for _ in range(_PATIENCE):
            try:
                answer = await self._http.post(self._intake + path, headers=headers, **content)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                return dict(answer.json()) if answer.content else {}
            if answer is not None and answer.is_client_error and answer.status_code not in (409, 429):
                self.history.refused += 1
                raise RuntimeError(f"{path} answered {answer.status_code}: {answer.json().get('type')}")
            await asyncio.sleep(0.5)
        raise RuntimeError(f"{path} gave no answer")
