"""The client and the simulated centre agree: each call is understood, joined by its attempt, judged by its trouble."""

import datetime as dt
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from services.recording.centre.answers import (
    Alive,
    AtCentre,
    IdentityMatch,
    IdentityMismatch,
    NotAtCentre,
    Printed,
    Received,
    SuketIssued,
)
from services.recording.centre.client import CentreClient
from services.recording.centre.reading import Failure, Reading, Said
from services.recording.domain.answers import Failed
from services.recording.domain.surroundings import NOBODY_KNOWS, Surroundings
from services.recording.store.claims import Claimed
from services.recording.usecases.call_centre import Deadlines, call_centre
from shared.events.vocabulary import Cause, Confidence, Effect, Operation, Owner, Stage
from shared.packets import PacketStore
from shared.sealing import Label, SealingKey, seal
from tools.centre.server import CentreSettings, RunningCentre, running_centre
from tools.keys import write_all

OFFICE = "32.16.06"
PACKET = b"CONTOH SATU" * 1000
DEADLINE = 3.0
DEADLINES = Deadlines(DEADLINE, DEADLINE, 1.0)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


@dataclass(slots=True)
class Office:
    client: CentreClient
    centre: RunningCentre
    key: SealingKey

    async def checks(self, recording: UUID, serial: str) -> Reading:
        """Have a NIK that ends in this serial checked."""
        identity = json.dumps({"nik": f"321606550190{serial}"}).encode()
        return await self.client.check_identity(
            recording,
            office=OFFICE,
            identity_version=1,
            sealed=seal(self.key, Label(recording, OFFICE, 1, "identity"), identity),
            key=f"{recording}:identity_check:1",
            attempt_id=uuid4(),
            deadline_seconds=DEADLINE,
        )

    async def submits(self, recording: UUID, attempt: UUID, packet: bytes = PACKET) -> Reading:
        """Send bytes under the digest of PACKET."""
        return await self.client.submit(
            recording,
            packet=packet,
            digest=f"sha-256:{hashlib.sha256(PACKET).hexdigest()}",
            key=f"{recording}:submission:1",
            attempt_id=attempt,
            deadline_seconds=DEADLINE,
        )

    async def asks(self, recording: UUID) -> Reading:
        """Ask where a recording stands, with little patience."""
        return await self.client.ask(recording, attempt_id=uuid4(), deadline_seconds=1.0)

    async def goes_wrong(self, kind: str, **how: int) -> None:
        """Switch a fault on for every call."""
        async with httpx.AsyncClient(base_url=self.centre.control_url) as control:
            (await control.put("/faults/all", json={"kind": kind, **how})).raise_for_status()


@asynccontextmanager
async def office(keys: Path, seen: Surroundings = NOBODY_KNOWS) -> AsyncIterator[Office]:
    async with running_centre(CentreSettings(keys_dir=keys, deduplication_seconds=0)) as centre:
        client = CentreClient(centre.url, keys / "ca.pem", surroundings=lambda: seen)
        yield Office(client, centre, SealingKey.from_file(keys / "centre_sealing.public.json"))
        await client.close()


def a_claim(operation: Operation) -> Claimed:
    """Give a claimed submission, or the ask after one, whose packet is not in any store."""
    return Claimed(
        recording_id=uuid4(),
        stage=Stage.SUBMISSION,
        operation=operation,
        office=OFFICE,
        attempt_id=uuid4(),
        trace_id="",
        span_id="",
        started_at=dt.datetime.now(dt.UTC),
        lease_token=uuid4(),
        purpose="first_recording",
        sealed_at=OFFICE,
        identity_ref="identities/gone",
        identity_digest="sha-256:00",
        identity_version=1,
        packet_ref="packets/gone",
        packet_digest="sha-256:00",
        packet_version=1,
        packet_size=len(PACKET),
    )


def result(reading: Reading) -> object:
    assert isinstance(reading, Said), reading
    return reading.result


async def test_a_recording_goes_all_the_way(keys: Path) -> None:
    recording, attempt = uuid4(), uuid4()
    async with office(keys) as here:
        assert result(await here.asks(recording)) == NotAtCentre()
        assert isinstance(result(await here.checks(recording, "0001")), IdentityMatch)
        received = result(await here.submits(recording, attempt))
        at_centre = result(await here.asks(recording))
        printed = result(
            await here.client.print_card(recording, key="card", attempt_id=attempt, deadline_seconds=DEADLINE)
        )
        suket = result(
            await here.client.issue_suket(recording, key="suket", attempt_id=attempt, deadline_seconds=DEADLINE)
        )
        journal = here.centre.centre.journal.after(0, 100, str(recording))

    assert isinstance(received, Received)
    assert isinstance(at_centre, AtCentre)
    assert (at_centre.reference, at_centre.state) == (received.reference, "PRINT_READY_RECORD")
    assert isinstance(printed, Printed)
    assert isinstance(suket, SuketIssued)
    assert str(attempt) in [entry["attempt"] for entry in journal]


async def test_another_identity_is_a_meaning_and_no_failure(keys: Path) -> None:
    async with office(keys) as here:
        mismatch = result(await here.checks(uuid4(), "0005"))

    assert mismatch == IdentityMismatch("mismatch", ("birth_date",))


async def test_a_probe_is_no_attempt(keys: Path) -> None:
    async with office(keys) as here:
        alive = result(await here.client.probe(deadline_seconds=DEADLINE))
        (entry,) = here.centre.centre.journal.after(0, 100, None)

    assert alive == Alive()
    assert (entry["operation"], entry["attempt"]) == ("probe", None)


async def test_bytes_that_do_not_fit_their_digest_are_our_own_fault(keys: Path) -> None:
    async with office(keys) as here:
        reading = await here.submits(uuid4(), uuid4(), b"OTHER BYTES")

    assert isinstance(reading, Failure)
    assert (reading.cause, reading.effect, reading.code) == (Cause.LOCAL, Effect.KNOWN, "http_400")


@pytest.mark.parametrize(
    ("kind", "cause", "effect"),
    [
        ("refuse", Cause.SERVER, Effect.NONE),
        ("close_after_accept", Cause.SERVER, Effect.NONE),
        ("tls_expired", Cause.SERVER, Effect.NONE),
        ("tls_wrong_host", Cause.SERVER, Effect.NONE),
        ("status", Cause.SERVER, Effect.NONE),
        ("hang", Cause.SERVER, Effect.POSSIBLE),
        ("effect_then_lost", Cause.SERVER, Effect.POSSIBLE),
        ("effect_then_hang", Cause.SERVER, Effect.POSSIBLE),
        ("reset", Cause.SERVER, Effect.POSSIBLE),
        ("html_200", Cause.SERVER, Effect.POSSIBLE),
        ("garbage", Cause.SERVER, Effect.POSSIBLE),
        ("truncated", Cause.SERVER, Effect.POSSIBLE),
    ],
)
async def test_every_trouble_of_the_centre_is_judged_as_agreed(
    keys: Path, kind: str, cause: Cause, effect: Effect
) -> None:
    async with office(keys) as here:
        await here.goes_wrong(kind)
        reading = await here.asks(uuid4())

    assert isinstance(reading, Failure)
    assert (reading.cause, reading.effect) == (cause, effect)


async def test_the_wait_that_the_centre_asks_for_is_read(keys: Path) -> None:
    async with office(keys) as here:
        await here.goes_wrong("status", status=503, retry_after=17)
        reading = await here.asks(uuid4())

    assert isinstance(reading, Failure)
    assert reading.retry_after_seconds == 17.0


@pytest.mark.parametrize(
    ("kind", "alone", "owner"),
    [
        ("refuse", Owner.UNDETERMINED, Owner.CENTRE),
        ("tls_expired", Owner.UNDETERMINED, Owner.CENTRE),
        ("reset", Owner.UNDETERMINED, Owner.CENTRE),
        ("truncated", Owner.CENTRE, Owner.CENTRE),
    ],
)
async def test_a_second_source_lets_the_centre_be_named(keys: Path, kind: str, alone: Owner, owner: Owner) -> None:
    also_away = Surroundings(neutral_reached=True, centre_answered=False, second_way_answered=False)
    readings = []
    for seen in (NOBODY_KNOWS, also_away):
        async with office(keys, seen) as here:
            await here.goes_wrong(kind)
            readings.append(await here.asks(uuid4()))

    first, second = readings
    assert isinstance(first, Failure)
    assert isinstance(second, Failure)
    assert (first.owner, second.owner, second.confidence) == (alone, owner, Confidence.HIGH)
    assert first.confidence is not Confidence.HIGH
    assert second.surroundings == also_away
    assert "second way unanswered" in second.because


async def test_a_failed_probe_leaves_evidence_and_a_verdict_as_a_real_call_does(keys: Path) -> None:
    async with office(keys) as here:
        await here.goes_wrong("status", status=500)
        reading = await here.client.probe(deadline_seconds=DEADLINE)

    assert isinstance(reading, Failure)
    assert (reading.code, reading.owner, reading.evidence.status) == ("http_500", Owner.CENTRE, 500)
    assert reading.evidence.phases_ms["connect"] > 0
    assert "the centre answered 500" in reading.because


async def test_an_attempt_keeps_its_verdict_and_who_else_saw_what(keys: Path, tmp_path: Path) -> None:
    seen = Surroundings(neutral_reached=True, centre_answered=True)
    async with office(keys, seen) as here:
        await here.goes_wrong("html_200")
        outcome = await call_centre(here.client, PacketStore(tmp_path), a_claim(Operation.ASK), DEADLINES)
    kept = orjson.loads(orjson.dumps(outcome.trail.evidence))

    assert isinstance(outcome.answer, Failed)
    assert kept["verdict"].pop("because").startswith("connected in ")
    assert kept["verdict"] == {"cause": "server", "effect": "possible", "owner": "centre", "confidence": "medium"}
    assert (kept["surroundings"]["neutral_reached"], kept["surroundings"]["second_way_answered"]) == (True, None)
    assert {"tcp", "samples", "phases_ms", "phases_at_ms", "address", "reused", "bytes_sent"} <= kept.keys()


async def test_a_packet_that_is_gone_is_our_own_fault_and_says_so(keys: Path, tmp_path: Path) -> None:
    async with office(keys) as here:
        outcome = await call_centre(here.client, PacketStore(tmp_path), a_claim(Operation.SUBMISSION), DEADLINES)
        journal = here.centre.centre.journal.after(0, 100, None)

    assert isinstance(outcome.answer, Failed)
    assert (outcome.answer.cause, outcome.answer.owner) == (Cause.LOCAL, Owner.US)
    assert "our own store" in outcome.trail.evidence["verdict"]["because"]
    assert journal == []
