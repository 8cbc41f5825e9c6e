"""The simulated centre and the line to it do what API.md section 7 says, on real sockets."""

import asyncio
import base64
import hashlib
import json
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.sealing import Label, SealingKey, seal
from tests.support.eventually import eventually
from tools.centre.faults import CALL_FAULTS, DOOR_FAULTS
from tools.centre.server import CentreSettings, running_centre
from tools.keys import write_all
from tools.line.server import LineSettings, running_line

OFFICE = "32.16.06"
NIL = UUID(int=0)


@dataclass(slots=True)
class _FarSide:
    """A caller of the centre and its switches."""

    calls: httpx.AsyncClient
    control: httpx.AsyncClient
    key: SealingKey
    line: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)
    neutral_port: int = 0

    async def check(self, recording: UUID, serial: str) -> dict[str, Any]:
        identity = {"nik": f"321606550190{serial}", "name": "CONTOH SATU", "birth_date": "1990-01-15", "sex": "F"}
        sealed = seal(self.key, Label(recording, OFFICE, 1, "identity"), json.dumps(identity).encode())
        headers = {"Rekam-Recording": str(recording), "Rekam-Office": OFFICE, "Rekam-Identity-Version": "1"}
        headers |= {"Idempotency-Key": f"{recording}:identity_check:1", "Rekam-Attempt": str(uuid4())}
        answer = await self.calls.post("/identity-checks", content=sealed, headers=headers)
        return dict(answer.raise_for_status().json())

    async def submit(self, recording: UUID, packet: bytes = b"CONTOH", version: int = 1) -> httpx.Response:
        headers = {"Content-Digest": digest_header(packet), "Rekam-Attempt": str(uuid4())}
        headers["Idempotency-Key"] = f"{recording}:submission:{version}"
        return await self.calls.put(f"/recordings/{recording}", content=packet, headers=headers)

    async def state(self, recording: UUID) -> str:
        return str((await self.calls.get(f"/recordings/{recording}")).raise_for_status().json()["state"])

    async def post(self, what: str, recording: UUID) -> httpx.Response:
        return await self.calls.post(f"/{what}/{recording}", headers={"Idempotency-Key": f"{recording}:{what}:1"})

    async def goes_wrong(self, operation: str, kind: str, **how: Any) -> None:
        (await self.control.put(f"/faults/{operation}", json={"kind": kind, **how})).raise_for_status()

    async def is_well_again(self) -> None:
        (await self.control.delete("/faults")).raise_for_status()

    async def journal(self) -> list[dict[str, Any]]:
        return list((await self.control.get("/journal")).raise_for_status().json()["items"])

    async def record(self, recording: UUID) -> dict[str, Any]:
        items = (await self.control.get("/records")).raise_for_status().json()["items"]
        return next(item for item in items if item["recording_id"] == str(recording))


def digest_header(packet: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(packet).digest()).decode()}:"


def caller(keys: Path, url: str, timeout: float) -> httpx.AsyncClient:
    trust = ssl.create_default_context(cafile=str(keys / "ca.pem"))
    return httpx.AsyncClient(base_url=url, verify=trust, timeout=timeout)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


@asynccontextmanager
async def far_side(keys: Path, *, deduplication_seconds: float = 0.05, patience: float = 5) -> AsyncIterator[_FarSide]:
    settings = CentreSettings(keys_dir=keys, deduplication_seconds=deduplication_seconds)
    async with (
        running_centre(settings) as centre,
        caller(keys, centre.url, patience) as calls,
        httpx.AsyncClient(base_url=centre.control_url) as control,
    ):
        yield _FarSide(calls, control, SealingKey.from_file(keys / "centre_sealing.public.json"))


@asynccontextmanager
async def far_side_by_line(keys: Path, *, patience: float = 1) -> AsyncIterator[_FarSide]:
    async with (
        running_centre(CentreSettings(keys_dir=keys)) as centre,
        running_line(LineSettings(target=("127.0.0.1", centre.port))) as line,
        caller(keys, f"https://localhost:{line.line.port}", patience) as calls,
        httpx.AsyncClient(base_url=centre.control_url) as control,
        httpx.AsyncClient(base_url=line.control_url) as line_control,
    ):
        key = SealingKey.from_file(keys / "centre_sealing.public.json")
        yield _FarSide(calls, control, key, line_control, line.line.neutral_port)


async def test_the_same_key_gets_the_same_answer_and_registers_once(keys: Path) -> None:
    recording = uuid4()
    async with far_side(keys) as centre:
        first = await centre.submit(recording)
        second = await centre.submit(recording)

        assert (first.status_code, first.json()) == (second.status_code, second.json())
        assert first.json()["state"] == "RECEIVED_AT_CENTRAL"
        record = await centre.record(recording)
        assert (record["registrations"], record["duplicate_acks"]) == ({"1": 1}, 1)
        assert [entry["effect"] for entry in await centre.journal()] == [True, False]


async def test_the_same_key_with_other_bytes_is_refused(keys: Path) -> None:
    recording = uuid4()
    async with far_side(keys) as centre:
        await centre.submit(recording, b"CONTOH SATU")

        assert (await centre.submit(recording, b"CONTOH DUA")).status_code == 422


async def test_bytes_that_do_not_fit_their_digest_are_refused_and_may_come_again(keys: Path) -> None:
    recording = uuid4()
    headers = {"Content-Digest": digest_header(b"ANOTHER"), "Idempotency-Key": f"{recording}:submission:1"}
    async with far_side(keys) as centre:
        refused = await centre.calls.put(f"/recordings/{recording}", content=b"CONTOH", headers=headers)

        assert refused.status_code == 400
        assert (await centre.submit(recording)).status_code == 201


async def test_a_newer_packet_version_replaces_and_an_older_one_does_not(keys: Path) -> None:
    recording = uuid4()
    async with far_side(keys) as centre:
        await centre.submit(recording, b"CONTOH SATU", 1)
        await centre.submit(recording, b"CONTOH DUA", 3)

        assert (await centre.submit(recording, b"CONTOH TIGA", 2)).status_code == 409
        record = await centre.record(recording)
        assert record["registrations"] == {"1": 1, "3": 1}
        assert record["digest"] == f"sha-256:{hashlib.sha256(b'CONTOH DUA').hexdigest()}"


async def test_an_effect_whose_answer_is_lost_registers_once_and_can_be_asked_for(keys: Path) -> None:
    recording = uuid4()
    async with far_side(keys) as centre:
        await centre.goes_wrong("submission", "effect_then_lost", times=1)

        with pytest.raises(httpx.RemoteProtocolError):
            await centre.submit(recording)

        assert (await centre.calls.get(f"/recordings/{recording}")).status_code == 200
        assert (await centre.submit(recording)).status_code == 201
        assert (await centre.record(recording))["registrations"] == {"1": 1}
        assert [entry["answer"] for entry in await centre.journal()] == ["effect_then_lost", 200, 201]


async def test_a_hanging_centre_answers_nothing_and_does_nothing(keys: Path) -> None:
    recording = uuid4()
    async with far_side(keys, patience=0.5) as centre:
        await centre.goes_wrong("all", "hang")

        with pytest.raises(httpx.ReadTimeout):
            await centre.submit(recording)

        await centre.is_well_again()
        assert (await centre.calls.get(f"/recordings/{recording}")).status_code == 404


async def test_a_failing_centre_says_when_to_come_back_and_keeps_no_failure_under_a_key(keys: Path) -> None:
    recording = uuid4()
    async with far_side(keys) as centre:
        await centre.goes_wrong("submission", "status", status=503, retry_after=7, times=1)

        failed = await centre.submit(recording)

        assert (failed.status_code, failed.headers["retry-after"]) == (503, "7")
        assert (await centre.submit(recording)).status_code == 201


async def test_a_refusing_centre_keeps_its_port_and_opens_it_by_itself(keys: Path) -> None:
    async with far_side(keys) as centre:
        await centre.calls.get(f"/recordings/{NIL}")
        await centre.goes_wrong("all", "refuse", seconds=0.3)

        with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)):
            await centre.calls.get(f"/recordings/{NIL}")
        with pytest.raises(httpx.ConnectError):
            await centre.calls.get(f"/recordings/{NIL}")

        probe = await eventually(lambda: centre.calls.get(f"/recordings/{NIL}"), within=3)
        assert probe.status_code == 404


@pytest.mark.parametrize("kind", sorted({*CALL_FAULTS, *DOOR_FAULTS} - {"hang", "effect_then_hang", "slow"}))
async def test_after_any_fault_the_centre_works_again(keys: Path, kind: str) -> None:
    recording = uuid4()
    async with far_side(keys) as centre:
        await centre.goes_wrong("all", kind)
        try:
            answer = await centre.submit(recording)
        except httpx.TransportError:
            answer = None
        await centre.is_well_again()

        well = await eventually(lambda: centre.submit(recording))

        assert answer is None or answer.status_code in (200, 503)
        assert well.status_code == 201
        assert (await centre.record(recording))["registrations"] == {"1": 1}


@pytest.mark.parametrize(
    ("serial", "ends_as"),
    [
        ("0001", "PRINT_READY_RECORD"),
        ("0002", "ENROLL_FAILURE_AT_CENTRAL"),
        ("0003", "DUPLICATE_RECORD"),
        ("0004", "RECEIVED_AT_CENTRAL"),
        ("0006", "ADJUDICATE_RECORD"),
        ("0777", "SEARCH_FAILURE_AT_CENTRAL"),
    ],
)
async def test_the_serial_of_the_nik_says_how_the_journey_ends(keys: Path, serial: str, ends_as: str) -> None:
    recording = uuid4()
    async with far_side(keys, deduplication_seconds=0) as centre:
        await centre.control.put("/outcomes", json={"default": "SEARCH_FAILURE_AT_CENTRAL"})
        assert (await centre.check(recording, serial))["result"] == "match"

        await centre.submit(recording)

        assert await centre.state(recording) == ends_as


async def test_deduplication_takes_its_time(keys: Path) -> None:
    recording = uuid4()
    async with far_side(keys, deduplication_seconds=0.5) as centre:
        await centre.submit(recording)
        assert await centre.state(recording) == "RECEIVED_AT_CENTRAL"

        async def is_print_ready() -> bool:
            return await centre.state(recording) == "PRINT_READY_RECORD"

        await eventually(is_print_ready)


async def test_serial_0005_does_not_match_and_a_foreign_label_cannot_be_opened(keys: Path) -> None:
    async with far_side(keys) as centre:
        assert await centre.check(uuid4(), "0005") == {"result": "mismatch", "fields": ["birth_date"]}

        sealed = seal(centre.key, Label(uuid4(), OFFICE, 1, "identity"), b'{"nik": "3216065501900001"}')
        headers = {"Rekam-Recording": str(uuid4()), "Rekam-Office": OFFICE, "Rekam-Identity-Version": "1"}
        headers["Idempotency-Key"] = "CONTOH"
        answer = await centre.calls.post("/identity-checks", content=sealed, headers=headers)
        assert answer.status_code == 400


async def test_a_card_needs_a_print_ready_record_and_a_suket_does_not(keys: Path) -> None:
    recording = uuid4()
    async with far_side(keys, deduplication_seconds=0) as centre:
        suket = await centre.post("sukets", recording)
        too_early = await centre.post("card-prints", recording)
        await centre.submit(recording)
        printed = await centre.post("card-prints", recording)

        assert (suket.status_code, sorted(suket.json())) == (201, ["number", "valid_until"])
        assert (too_early.status_code, printed.status_code) == (409, 201)
        assert (await centre.record(recording))["print_references"] == [printed.json()["print_reference"]]


async def test_a_full_centre_says_so(keys: Path) -> None:
    async with far_side(keys) as centre:
        await centre.control.put("/capacity", json={"per_second": 1, "queue": 0})

        statuses = [(await centre.calls.get(f"/recordings/{NIL}")).status_code for _ in range(2)]

        assert statuses == [404, 503]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults/all", b"{"),
        ("/faults/all", b'{"kind": "melts"}'),
        ("/faults/lunch", b'{"kind": "hang"}'),
        ("/faults/submission", b'{"kind": "refuse"}'),
        ("/faults/all", b'{"kind": "hang", "share": 2}'),
        ("/outcomes", b'{"default": "FINE"}'),
        ("/capacity", b'{"per_second": 0}'),
    ],
)
async def test_a_wrong_switch_is_refused(keys: Path, path: str, body: bytes) -> None:
    async with far_side(keys) as centre:
        assert (await centre.control.put(path, content=body)).status_code == 422


async def test_a_dead_line_answers_no_connect_and_its_return_heals(keys: Path) -> None:
    recording = uuid4()
    async with far_side_by_line(keys) as centre:
        await centre.line.put("/faults", json={"kind": "down"})

        with pytest.raises(httpx.ConnectTimeout):
            await centre.submit(recording)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.open_connection("127.0.0.1", centre.neutral_port), 0.5)

        await centre.line.delete("/faults")
        assert (await centre.submit(recording)).status_code == 201
        _, neutral = await asyncio.open_connection("127.0.0.1", centre.neutral_port)
        neutral.close()
        assert [entry["operation"] for entry in await centre.journal()] == ["submission"]


async def test_an_open_connection_over_a_dead_line_gets_nothing_and_lives_on(keys: Path) -> None:
    recording = uuid4()
    async with far_side_by_line(keys, patience=6) as centre:
        await centre.calls.get(f"/recordings/{NIL}")
        await centre.line.put("/faults", json={"kind": "down", "neutral": False})

        call = asyncio.ensure_future(centre.submit(recording, b"CONTOH" * 40_000))
        await asyncio.wait({call}, timeout=1)
        told = (await centre.line.get("/faults")).json()

        assert not call.done()
        assert [entry["operation"] for entry in await centre.journal()] == ["probe"]
        assert told["open_connections"].startswith(("true cut", "abandoned"))
        await centre.line.delete("/faults")
        assert (await call).status_code == 201


async def test_the_line_returns_by_itself_and_keeps_the_true_times(keys: Path) -> None:
    async with far_side_by_line(keys, patience=5) as centre:
        await centre.line.put("/faults", json={"kind": "down", "seconds": 0.4})

        assert (await centre.calls.get(f"/recordings/{NIL}")).status_code == 404
        [death] = (await centre.line.get("/history")).json()["items"]
        assert death["returned_at"] > death["died_at"]


async def test_a_large_packet_comes_over_the_line_whole(keys: Path) -> None:
    recording, packet = uuid4(), os.urandom(5_000_000)
    async with far_side_by_line(keys, patience=10) as centre:
        assert (await centre.submit(recording, packet)).status_code == 201
        assert (await centre.record(recording))["digest"] == f"sha-256:{hashlib.sha256(packet).hexdigest()}"


async def test_both_end_on_sigterm_and_a_restart_forgets_nothing(keys: Path, tmp_path: Path) -> None:
    recording = uuid4()
    environment = os.environ | {
        "REKAM_KEYS_DIR": str(keys),
        "REKAM_CENTRE_DIR": str(tmp_path),
        "REKAM_CENTRE_CONTROL_PORT": "0",
        "REKAM_LINE_PORT": "0",
        "REKAM_LINE_CONTROL_PORT": "0",
    }
    async with started("tools.centre", environment) as centre_urls:
        environment["REKAM_LINE_TARGET"] = centre_urls["centre"].removeprefix("https://")
        async with started("tools.line", environment) as urls, caller(keys, urls["centre"], 5) as calls:
            first = await submit_by(calls, recording)
    async with started("tools.centre", environment) as centre_urls, caller(keys, centre_urls["centre"], 5) as calls:
        assert (await submit_by(calls, recording)).json() == first.json()
        async with httpx.AsyncClient(base_url=centre_urls["centre_control"]) as control:
            [record] = (await control.get("/records")).json()["items"]
            seen = [entry["effect"] for entry in (await control.get("/journal")).json()["items"]]
    assert (record["registrations"], seen) == ({"1": 1}, [True, False])


async def submit_by(calls: httpx.AsyncClient, recording: UUID) -> httpx.Response:
    headers = {"Content-Digest": digest_header(b"CONTOH"), "Idempotency-Key": f"{recording}:submission:1"}
    return (await calls.put(f"/recordings/{recording}", content=b"CONTOH", headers=headers)).raise_for_status()


@asynccontextmanager
async def started(module: str, environment: dict[str, str]) -> AsyncIterator[dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0
