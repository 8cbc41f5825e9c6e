"""An office's counter: the real intake over real HTTP, PostgreSQL and Kafka."""

import asyncio
import hashlib
import itertools
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer

from services.intake import app
from services.intake.settings import IntakeSettings
from shared.events.catalog import CATALOG
from shared.events.envelope import Data, Event, read_event
from shared.lifecycle import run_until_stopped
from shared.runtime import Runtime
from shared.sealing import OpeningKey
from tests.support.eventually import eventually
from tools.local import Stack
from tools.token import fetch_token

OFFICE, NEIGHBOUR, FOREIGN = "32.16.06", "32.16.07", "31.71.01"
BORN = date(2000, 1, 10)
_serials = itertools.count(1)


def a_nik() -> str:
    """Give the NIK of a man born on 10 January 2000 who was never here before."""
    number = next(_serials)
    return f"32{number // 9999 % 90 + 10:02d}06100100{number % 9999 + 1:04d}"


def an_arrival(**changes: Any) -> dict[str, Any]:
    """Give a made-up person at the counter."""
    person = {
        "office": OFFICE,
        "purpose": "first_recording",
        "nik": a_nik(),
        "name": "CONTOH SATU",
        "birth_date": BORN.isoformat(),
        "sex": "male",
    }
    return {**person, **changes}


def a_manifest(packet: bytes, **changes: Any) -> dict[str, Any]:
    """Give what a front-end says beside a packet."""
    said = {
        "packet_version": 1,
        "packet_digest": f"sha-256:{hashlib.sha256(packet).hexdigest()}",
        "captured_at": "2017-06-14T01:45:00Z",
        "modalities": [{"modality": "photo", "quality": 91}, {"modality": "fingerprints", "quality": 12}],
        "missing_fingers": [{"finger": "left_ring", "reason": "amputated"}],
    }
    return {**said, **changes}


@dataclass
class Counter:
    """One office's officer, and a look behind the curtain."""

    url: str
    issuer: str
    stack: Stack
    store: Path
    http: httpx.AsyncClient
    tokens: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def token(self, role: str = "officer", offices: str = OFFICE, lifetime_seconds: int = 3600) -> str:
        """Give a bearer token of the local issuer."""
        asked = (role, offices, lifetime_seconds)
        if asked not in self.tokens:
            self.tokens[asked] = fetch_token(self.issuer, role, offices, lifetime_seconds=lifetime_seconds)
        return self.tokens[asked]

    async def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        role: str = "officer",
        offices: str = OFFICE,
        **more: Any,
    ) -> httpx.Response:
        """Post as this role; a key is made up unless given."""
        headers = {
            "authorization": f"Bearer {self.token(role, offices)}",
            "idempotency-key": key or str(uuid.uuid4()),
            **more.pop("headers", {}),
        }
        sent = more if body is None else {"json": body, **more}
        return await self.http.post(f"{self.url}{path}", headers=headers, **sent)

    async def get(self, path: str, *, role: str = "officer", offices: str = OFFICE) -> httpx.Response:
        """Read as this role."""
        headers = {"authorization": f"Bearer {self.token(role, offices)}"}
        return await self.http.get(f"{self.url}{path}", headers=headers)

    async def arrive(self, **changes: Any) -> dict[str, Any]:
        """Register a made-up person and give the answer."""
        answer = await self.post("/v1/arrivals", an_arrival(**changes))
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def capture(
        self, recording_id: str, packet: bytes, *, key: str | None = None, **changes: Any
    ) -> httpx.Response:
        """Send a packet with its manifest."""
        return await self.post(
            f"/v1/recordings/{recording_id}/captures",
            key=key,
            data={"manifest": json.dumps(a_manifest(packet, **changes))},
            files={"packet": ("packet", packet)},
        )

    async def batch(self, lines: list[str], **more: Any) -> dict[str, Any]:
        """Send lines and give the report."""
        headers = {"content-type": "application/x-ndjson"}
        answer = await self.post("/v1/arrival-batches", content="\n".join(lines), headers=headers, **more)
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        return report

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """Look into intake's database."""
        connection = await asyncpg.connect(self.stack.endpoints.postgres["intake"])
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def events(self, recording_id: str) -> list[Event[Data]]:
        """Read what was said of a recording on both of intake's topics, once the outbox is empty."""
        await eventually(self._outbox_is_empty)
        return [event for event in await self.history() if event.key == recording_id]

    async def history(self) -> list[Event[Data]]:
        """Read all that intake ever said."""
        return [read_event(list(one.headers), one.value, CATALOG) for one in await self.records()]

    async def records(self) -> list[Any]:
        """Read every record of intake's topics."""
        reader = AIOKafkaConsumer(
            "intake.events",
            "intake.contacts",
            bootstrap_servers=self.stack.endpoints.kafka,
            auto_offset_reset="earliest",
        )
        await reader.start()
        try:
            ends = await reader.end_offsets(list(reader.assignment()))
            found: list[Any] = []
            while any([await reader.position(partition) < end for partition, end in ends.items()]):
                parts = await reader.getmany(timeout_ms=500)
                found += [record for records in parts.values() for record in records]
            return found
        finally:
            await reader.stop()

    def opening_key(self, name: str) -> OpeningKey:
        """Give the private key of `centre` or `contact`."""
        return OpeningKey.from_file(self.stack.keys / f"{name}_sealing.private.json")

    def packets(self) -> list[Path]:
        """List the files of packets in the store, half-written ones too."""
        return [file for file in (self.store / "packets").rglob("*") if file.is_file()]

    async def _outbox_is_empty(self) -> bool:
        return not await self.rows("SELECT FROM outbox LIMIT 1")


def settings_of(stack: Stack, port: int, store: Path, **changes: Any) -> IntakeSettings:
    """Give what the stack would tell intake, on another port and store."""
    told: dict[str, Any] = {
        name.removeprefix("REKAM_").lower(): value for name, value in stack.environment("intake").items()
    }
    told |= {"http_port": port, "store_dir": store, "otlp_url": "", "closing_hour": 24, **changes}
    return IntakeSettings.model_validate({name: told[name] for name in told if name in IntakeSettings.model_fields})


@asynccontextmanager
async def serving(settings: IntakeSettings, *, parts: set[str] | None = None) -> AsyncIterator[str]:
    """Run intake, or these of its tasks, while the block runs and give its address."""
    stop = asyncio.Event()
    runtime = Runtime(settings, service="intake", folder=Path(app.__file__).parent, topics=("recording.events",))
    api, own = app.build(runtime, settings)
    tasks = {name: task for name, task in {**runtime.tasks(api), **own}.items() if parts is None or name in parts}
    running = asyncio.create_task(run_until_stopped(tasks, stop))
    url = f"http://127.0.0.1:{settings.http_port}"
    ready = "postgresql" if parts else None
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await eventually(lambda: _is_ready(client, url, ready), within=30)
        yield url
    finally:
        stop.set()
        await asyncio.wait_for(running, 15)
        await runtime.close()


async def _is_ready(client: httpx.AsyncClient, url: str, part: str | None) -> bool:
    answer = await client.get(f"{url}/readyz")
    return bool(answer.json()["parts"][part]) if part else answer.status_code == 200
