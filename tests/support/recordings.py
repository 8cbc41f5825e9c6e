"""Recordings for tests: the recording service on real servers with a real far side, and nobody else."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.recording.domain.journey import AskSchedule
from services.recording.domain.retry import RetryPolicy
from services.recording.domain.stage import Patience
from shared.clock import now
from shared.events.catalog import CATALOG
from shared.events.envelope import Data, Event, read_event
from shared.events.intake import SOURCE, ApplicantArrived, CaptureAccepted, Ticket
from shared.events.vocabulary import Operation, Purpose, TicketLane
from shared.ids import span_id, trace_id, uuid7
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Producer
from shared.packets import PacketStore, digest_of
from shared.postgres.outbox import Outgoing
from shared.sealing import Label, SealingKey, seal
from tests.support.eventually import eventually
from tests.support.stack import new_folder
from tools.local import SERVERS, Stack
from tools.local.stack import Dressing
from tools.token import fetch_token

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
OFFICE = "32.16.06"
PARTS = (*SERVERS, "issuer", "traces", "centre", "line", "recording")
SETTINGS = {
    "recording": {
        "REKAM_ASK_AFTER_SECONDS": "[0.2,0.5]",
        "REKAM_RETRY_BASE_SECONDS": "0.2",
        "REKAM_RETRY_CAP_SECONDS": "1",
        "REKAM_LOCAL_REST_SECONDS": "0.3",
        "REKAM_PROBE_SECONDS": "0.3",
        "REKAM_CALL_SECONDS": "4",
        "REKAM_SUBMISSION_SECONDS": "4",
        "REKAM_SECONDS_PER_256_KIB": "0",
        "REKAM_GATE_LIMIT": "4",
    },
    "centre": {"REKAM_CENTRE_DEDUPLICATION_SECONDS": "0.5"},
}


def patience(at: datetime = NOW) -> Patience:
    """The design's own numbers, and the dice on their highest face."""
    return Patience(RetryPolicy(), AskSchedule(), at, 1.0)


@dataclass(slots=True)
class Installation:
    """The running service, the two sides it stands between, and those who ask it."""

    stack: Stack
    api: httpx.AsyncClient
    centre: httpx.AsyncClient
    line: httpx.AsyncClient
    traces: httpx.AsyncClient
    database: "asyncpg.Connection[asyncpg.Record]"
    producer: Producer
    consumer: AIOKafkaConsumer
    sequences: dict[UUID, int] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    heard: list[Event[Data]] = field(default_factory=list)
    causes: dict[UUID, str] = field(default_factory=dict)

    async def arrives(self, purpose: Purpose = Purpose.SUKET_EXTENSION, **known: Any) -> UUID:
        """Let one person arrive."""
        return (await self.arrive(1, purpose, **known))[0]

    async def arrive(
        self,
        people: int,
        purpose: Purpose = Purpose.SUKET_EXTENSION,
        *,
        office: str = OFFICE,
        serial: str = "0001",
        leaves_on: date | None = None,
        card_not_before: date | None = None,
        created_by: str = "",
        arrived_at: datetime | None = None,
    ) -> list[UUID]:
        """Let people arrive whose NIK ends in this serial."""
        ids = [uuid7() for _ in range(people)]
        key = SealingKey.from_file(self.stack.keys / "centre_sealing.public.json")
        identity = {"nik": f"321606010190{serial}", "name": "CONTOH SATU", "birth_date": "1990-01-01", "sex": "male"}
        sealed = [seal(key, Label(one, office, 1, "identity"), json.dumps(identity).encode()) for one in ids]
        refs = self._store().put_many("identities", sealed)
        facts = [
            ApplicantArrived(
                purpose=purpose,
                ticket=Ticket(id=uuid7(), number="A-001", lane=TicketLane.TODAY),
                arrived_at=arrived_at or now(),
                dataref=ref,
                digest=digest_of(one),
                identity_version=1,
                check_hmac="",
                leaves_on=leaves_on,
                card_not_before=card_not_before,
                created_by=created_by,
            )
            for ref, one in zip(refs, sealed, strict=True)
        ]
        await self._say(list(zip(ids, facts, strict=True)), office)
        return ids

    async def is_captured(self, recording: UUID, version: int = 1, *, office: str = OFFICE, size: int = 90_000) -> str:
        """Take a person's prints and photo, of about this size; gives the digest of the packet."""
        word = f"CONTOH {recording} {version}".encode()
        packet = word * (size // len(word))
        ref, digest = self._store().put("packets", [packet]), digest_of(packet)
        fact = CaptureAccepted(
            packet_version=version, dataref=ref, digest=digest, size=len(packet), captured_at=now(), quality=[]
        )
        await self._say([(recording, fact)], office)
        return digest

    async def loses_the_packet_of(self, recording: UUID, *, office: str = OFFICE) -> None:
        """Tell of a capture whose bytes are not in the store."""
        fact = CaptureAccepted(
            packet_version=1, dataref="packets/gone", digest=digest_of(b""), size=1, captured_at=now(), quality=[]
        )
        await self._say([(recording, fact)], office)

    async def records(self, purpose: Purpose = Purpose.FIRST_RECORDING, **known: Any) -> UUID:
        """Let one person arrive and be captured."""
        recording = await self.arrives(purpose, **known)
        await self.is_captured(recording, office=known.get("office", OFFICE))
        return recording

    async def ask(
        self, method: str, path: str, role: str = "sre", offices: str = "*", *, body: Any = None, key: str | None = None
    ) -> httpx.Response:
        """Ask the service as somebody; a POST or PATCH gets a key of its own unless one is given."""
        if (role, offices) not in self.tokens:
            issuer = self.stack.endpoints.issuer
            self.tokens[role, offices] = await asyncio.to_thread(fetch_token, issuer, role, offices)
        headers = {"Authorization": f"Bearer {self.tokens[role, offices]}"}
        if method in ("POST", "PATCH"):
            headers["Idempotency-Key"] = key or str(uuid4())
        return await self.api.request(method, f"/v1{path}", headers=headers, json=body)

    async def shown(self, recording: UUID) -> dict[str, Any]:
        """Read a recording as the API shows it."""
        return dict((await self.ask("GET", f"/recordings/{recording}")).raise_for_status().json())

    async def stage(self, recording: UUID, stage: str) -> dict[str, Any]:
        """Read one of its stages."""
        return next(one for one in (await self.shown(recording))["stages"] if one["stage"] == stage)

    async def attempts(self, recording: UUID) -> list[dict[str, Any]]:
        """Read its ledger."""
        return list((await self.ask("GET", f"/recordings/{recording}/attempts")).raise_for_status().json()["items"])

    async def becomes(self, recording: UUID, state: str, *, within: float = 15) -> dict[str, Any]:
        """Wait for a state and give what is shown then."""

        async def check() -> dict[str, Any] | None:
            shown = await self.shown(recording)
            return shown if shown["state"] == state else None

        return dict(await eventually(check, within=within))

    async def shows(self, recording: UUID, situation: str, *, within: float = 15) -> dict[str, Any]:
        """Wait for a situation and give what is shown then."""
        last: dict[str, Any] = {}

        async def check() -> bool:
            last.update(await self.shown(recording))
            assert last["situation"] == situation, last
            return True

        await eventually(check, within=within)
        return last

    async def blanks(self, regency: str, count: int, kind: str = "delivered", **how: Any) -> httpx.Response:
        """Book blanks."""
        body = {"kind": kind, "count": count, "reason_code": "delivery"}
        path = f"/blank-stocks/{regency}/movements"
        return await self.ask("POST", path, "regency", how.pop("offices", f"{regency}."), body=body, **how)

    async def goes_wrong(self, operation: str, kind: str, **how: Any) -> None:
        """Switch a fault of the centre on."""
        (await self.centre.put(f"/faults/{operation}", json={"kind": kind, **how})).raise_for_status()

    async def is_well_again(self) -> None:
        """Switch every fault off and let every gate flow."""
        (await self.centre.delete("/faults")).raise_for_status()
        (await self.centre.put("/outcomes", json={})).raise_for_status()
        (await self.line.delete("/faults")).raise_for_status()
        # What the centre asked for, up to ten minutes of rest, and what gates learnt of it end with the test.
        rested = """
            UPDATE gate
            SET not_before = NULL, allowed = least(4, call_limit), is_starting = true, is_dry = false, relapses = 0,
                probe_at = CASE WHEN state = 'holding' THEN clock_timestamp() END"""
        await self.database.execute(rested)
        await eventually(self._all_flow, within=20)

    async def journal(self, *recordings: UUID) -> list[dict[str, Any]]:
        """Read what the centre saw of these recordings."""
        items = (await self.centre.get("/journal", params={"limit": 100_000})).raise_for_status().json()["items"]
        named = {str(one) for one in recordings}
        return [item for item in items if item["recording_id"] in named]

    async def record(self, recording: UUID) -> dict[str, Any]:
        """Read what the centre registered of one."""
        items = (await self.centre.get("/records")).raise_for_status().json()["items"]
        return next(item for item in items if item["recording_id"] == str(recording))

    async def gate(self, operation: Operation) -> str:
        """Read a gate's state."""
        return str(await self.database.fetchval("SELECT state FROM gate WHERE operation = $1", operation))

    async def said(self, recording: UUID) -> list[Event[Data]]:
        """Give all events about a recording, in the order of their topic."""
        while batches := await self.consumer.getmany(timeout_ms=150):
            for records in batches.values():
                self.heard += [read_event(list(one.headers), one.value, CATALOG) for one in records]
        return [event for event in self.heard if event.key == str(recording)]

    def _store(self) -> PacketStore:
        return PacketStore(self.stack.folder / "store")

    async def forgets(self, recordings: Sequence[UUID]) -> None:
        """Take away what still waits, so that the next test has the centre to itself."""
        gone = "DELETE FROM stage WHERE recording_id = ANY($1) AND state = 'waiting'"
        await self.database.execute(gone, recordings)

    async def _all_flow(self) -> bool:
        return not await self.database.fetchval("SELECT count(*) FROM gate WHERE state <> 'flowing'")

    async def _say(self, facts: Sequence[tuple[UUID, Data]], office: str) -> None:
        outgoing = []
        for place, (recording, fact) in enumerate(facts):
            self.sequences[recording] = self.sequences.get(recording, 0) + 1
            self.causes[recording] = f"00-{trace_id()}-{span_id()}-01"
            event = Event.of(
                fact,
                source=SOURCE,
                key=recording,
                office=office,
                sequence=self.sequences[recording],
                traceparent=self.causes[recording],
            )
            bucket = partition_of(event.key, 6)
            outgoing.append(Outgoing(place, bucket, fact.topic, event.key.encode(), event.headers(), event.value()))
        await self.producer.publish(outgoing, "")


@asynccontextmanager
async def running_installation(
    settings: Mapping[str, Mapping[str, str]] = SETTINGS,
    parts: Sequence[str] = PARTS,
    dressed: Mapping[str, Dressing] | None = None,
) -> AsyncIterator[Installation]:
    """Run one until the block ends; `dressed` says in what a part is started."""
    stack = Stack.on_free_ports(new_folder(), settings=settings, dressed=dressed)
    with stack:
        await asyncio.to_thread(stack.start, parts)
        async with AsyncExitStack() as held:
            yield await _connected(stack, held)
    await asyncio.to_thread(stack.remove)


async def _connected(stack: Stack, held: AsyncExitStack) -> Installation:
    ends = stack.endpoints
    api, centre, line, traces = [
        await held.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False, timeout=10))
        for url in (ends.recording, ends.centre_control, ends.line_control, ends.traces)
    ]
    database = await asyncpg.connect(ends.postgres["recording"])
    held.push_async_callback(database.close)
    producer = Producer(ends.kafka)
    held.push_async_callback(producer.stop)
    consumer = AIOKafkaConsumer(bootstrap_servers=ends.kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    held.push_async_callback(_stopped, consumer)
    consumer.assign([TopicPartition("recording.events", partition) for partition in range(6)])
    return Installation(stack, api, centre, line, traces, database, producer, consumer)


async def _stopped(consumer: AIOKafkaConsumer) -> None:
    """Stop it; a fetch that it cancels in a pause of its own comes back as a cancellation, which is not ours."""
    await asyncio.gather(consumer.stop(), return_exceptions=True)
