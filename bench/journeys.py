"""Whole journeys: a Suket extended by two calls, a first recording brought to the centre and through its search."""

import asyncio
import contextlib
import datetime as dt
from typing import Any
from uuid import UUID

import orjson

from bench.client import expect
from bench.result import Aim, Figure, Result
from bench.site import Plan, Site, Window
from shared.events.vocabulary import Purpose
from shared.sealing import Label, SealingKey, seal
from tools.seal import made_up_packet, manifest_of

_PRESSURE = 1000
_BATCH = 200
_LOOKED_EVERY = 1.0  # looking at /metrics twice a second cost recording 4 %
_PACKET_BYTES = 200_000
_OFFICERS = 8
_UNDER_WAY = 400
_BOUNDARY = "bench-d5c0a9"
_COMPLETED = "SELECT count(*) FROM recording WHERE state = 'completed' AND changed_at >= $1 AND changed_at < $2"
_PRINT_READY = "SELECT count(*) FROM recording WHERE print_ready_at >= $1 AND print_ready_at < $2"
_ALL_PRINT_READY = "SELECT count(*) FROM recording WHERE print_ready_at IS NOT NULL"
_CALLS = """
    SELECT operation, count(*) AS calls, count(*) FILTER (WHERE outcome <> 'done') AS failed,
        percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY duration_ms) AS ms
    FROM attempt
    WHERE started_at >= $1 AND started_at < $2
    GROUP BY operation
    ORDER BY operation"""


async def suket(site: Site, plan: Plan) -> Result:
    """Keep a thousand extensions waiting, and count those completed."""
    before = await site.attempts("suket_issue")

    async def work(stop: asyncio.Event) -> None:
        posted = 0
        while not stop.is_set() and posted < plan.most:
            waiting = posted - (await site.attempts("suket_issue") - before)
            for _ in range(max(0, min(_PRESSURE, plan.most) - waiting) // _BATCH):
                await site.post_batch(_BATCH, Purpose.SUKET_EXTENSION)
                posted += _BATCH
            await _rest(stop)

    window = await site.measure(plan, work)
    count = await _count(site, _COMPLETED, window)
    figures = [Figure("journeys/s", count / window.seconds, Aim(200), note="500 in the end")]
    title = f"Whole journeys of suket_extension, {_PRESSURE} kept waiting ({window.seconds:.0f} s)"
    return await _with_calls(site, title, window, count, figures)


async def cards(site: Site, plan: Plan) -> Result:
    """Eight officers capture 200 kB packets; a journey ends when the centre's answer lets the card be printed."""
    key = SealingKey.from_file(site.stack.keys / "centre_sealing.public.json")
    packet = made_up_packet(_PACKET_BYTES)
    ready_before = await _all_print_ready(site)
    captured = ready = 0

    async def officer(stop: asyncio.Event) -> None:
        nonlocal captured
        while not stop.is_set() and captured < plan.most:
            if captured - ready < _UNDER_WAY:
                arrival = await site.post_arrival(Purpose.FIRST_RECORDING)
                await _capture(site, arrival, key, packet)
                captured += 1
            else:
                await _rest(stop)

    async def watch(stop: asyncio.Event) -> None:
        nonlocal ready
        while not stop.is_set() and captured < plan.most:
            ready = await _all_print_ready(site) - ready_before
            await _rest(stop)

    async def work(stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(watch(stop))
            for _ in range(_OFFICERS):
                group.create_task(officer(stop))

    window = await site.measure(plan, work)
    count = await _count(site, _PRINT_READY, window)
    figures = [Figure("journeys/s", count / window.seconds)]
    title = f"Whole journeys of first_recording, {_PACKET_BYTES // 1000} kB packets ({window.seconds:.0f} s)"
    return await _with_calls(site, title, window, count, figures)


async def _capture(site: Site, arrival: dict[str, Any], key: SealingKey, packet: bytes) -> None:
    recording_id = arrival["recording_id"]
    sealed = seal(key, Label(UUID(recording_id), arrival["office"], 1, "packet"), packet)
    manifest = orjson.dumps(manifest_of(sealed, 1, dt.datetime.now(dt.UTC)))
    body = b"".join(
        (
            _part("manifest", "application/json"),
            manifest,
            _part("packet", "application/octet-stream", filename="packet"),
            sealed,
            f"\r\n--{_BOUNDARY}--\r\n".encode(),
        )
    )
    headers = {
        "Idempotency-Key": f"capture-{recording_id}",
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
    }
    expect(await site.intake.post(f"/v1/recordings/{recording_id}/captures", body, headers), 201)


def _part(name: str, kind: str, *, filename: str = "") -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    return (
        f'\r\n--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\nContent-Type: {kind}\r\n\r\n'
    ).encode()


async def _with_calls(site: Site, title: str, window: Window, count: int, figures: list[Figure]) -> Result:
    rows = await site.rows("recording", _CALLS, *_times(window))
    figures.append(Figure("calls/s at the centre", sum(row["calls"] for row in rows) / window.seconds))
    notes = [
        f"{row['operation']:15} {row['calls'] / window.seconds:6.0f} calls/s, p50 {row['ms'][0]:.0f} ms, "
        f"p99 {row['ms'][1]:.0f} ms, not done {row['failed']}"
        for row in rows
    ]
    return Result(title, "journeys", count, window.cost, figures, notes)


async def _count(site: Site, statement: str, window: Window) -> int:
    return int((await site.rows("recording", statement, *_times(window)))[0][0])


async def _all_print_ready(site: Site) -> int:
    return int((await site.rows("recording", _ALL_PRINT_READY))[0][0])


def _times(window: Window) -> tuple[dt.datetime, dt.datetime]:
    return dt.datetime.fromtimestamp(window.opened, dt.UTC), dt.datetime.fromtimestamp(window.closed, dt.UTC)


async def _rest(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), _LOOKED_EVERY)
