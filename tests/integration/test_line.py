"""The line to the centre dies and returns as a real one does, on real sockets."""

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from tests.support.far_side import NIL, caller, digest_header, far_side_by_line
from tools.keys import write_all


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


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


async def test_a_connection_that_is_cut_twice_gets_nothing_the_second_time_either(keys: Path) -> None:
    async with far_side_by_line(keys, patience=12) as centre:
        await centre.calls.get(f"/recordings/{NIL}")
        await centre.line.put("/faults", json={"kind": "down", "neutral": False, "seconds": 0.2})
        assert (await centre.calls.get(f"/recordings/{NIL}")).status_code == 404
        await centre.line.put("/faults", json={"kind": "down", "neutral": False})

        call = asyncio.ensure_future(centre.calls.get(f"/recordings/{NIL}"))
        # Longer than the keepalive that finds the gone after the first cut: it must not end the second with an RST.
        await asyncio.wait({call}, timeout=7)

        assert not call.done(), call
        call.cancel()


async def test_the_line_returns_by_itself_and_keeps_the_true_times(keys: Path) -> None:
    async with far_side_by_line(keys, patience=5) as centre:
        await centre.line.put("/faults", json={"kind": "down", "seconds": 0.4})

        assert (await centre.calls.get(f"/recordings/{NIL}")).status_code == 404
        [death] = (await centre.line.get("/history")).json()["items"]
        assert death["returned_at"] > death["died_at"]


async def test_the_history_keeps_every_fault(keys: Path) -> None:
    async with far_side_by_line(keys, patience=5) as centre:
        for body in ({"kind": "reject"}, {"kind": "cut_while_waiting"}, {"kind": "latency", "milliseconds": 1}):
            (await centre.line.put("/faults", json=body)).raise_for_status()
        await centre.line.delete("/faults")
        history = (await centre.line.get("/history")).json()["items"]

        assert [death["kind"] for death in history] == ["reject", "cut_while_waiting", "latency"]
        assert all(death["returned_at"] >= death["died_at"] for death in history)
        assert (await centre.calls.get(f"/recordings/{NIL}")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "melts"},
        {"kind": "down", "share": 0.5},
        {"kind": "reject", "times": 1},
        {"kind": "latency"},
        {"kind": "latency", "milliseconds": 100, "neutral": True},
        {"kind": "cut_after_bytes"},
        {"kind": "cut_before_request", "after_bytes": 5},
        {"kind": "cut_before_request", "share": 1.5},
        {"kind": "bandwidth", "bytes_per_second": 0},
        {"kind": "dns", "answer": "maybe"},
    ],
    ids=str,
)
async def test_a_wrong_switch_of_the_line_is_refused(keys: Path, body: dict[str, object]) -> None:
    async with far_side_by_line(keys) as centre:
        assert (await centre.line.put("/faults", json=body)).status_code == 422
        assert (await centre.line.get("/history")).json()["items"] == []


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
