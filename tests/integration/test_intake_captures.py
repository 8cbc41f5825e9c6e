"""A packet is answered only when its bytes and its row are durable, and never kept by halves."""

import asyncio
import hashlib
import json
import os
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from shared.events import intake as said
from tests.support.eventually import eventually
from tests.support.intake import NEIGHBOUR, Counter, a_manifest, an_arrival, serving, settings_of
from tests.support.serving import free_port, slug

pytest_plugins = ["tests.support.intake_fixture"]

PACKET = os.urandom(200_000)


async def test_a_capture_is_kept_with_advice_per_modality_and_told(counter: Counter) -> None:
    told = await counter.arrive()

    answer = await counter.capture(told["recording_id"], PACKET)

    body = answer.json()
    assert answer.status_code == 201
    assert (body["size"], body["digest"]) == (len(PACKET), a_manifest(PACKET)["packet_digest"])
    assert body["quality"] == [
        {"modality": "photo", "score": 91, "floor": 70, "advice": "ok"},
        {"modality": "fingerprints", "score": 12, "floor": 60, "advice": "retake"},
    ]
    event = (await counter.events(told["recording_id"]))[-1]
    assert isinstance(event.data, said.CaptureAccepted)
    assert event.sequence == 2
    assert (counter.store / event.data.dataref).read_bytes() == PACKET
    shown = (await counter.get(f"/v1/arrivals/{told['recording_id']}")).json()
    assert (shown["packet_version"], shown["situation"]) == (1, "saved_here")


async def test_the_manifest_may_be_a_file_too(counter: Counter) -> None:
    told = await counter.arrive()
    manifest = json.dumps(a_manifest(PACKET)).encode()

    answer = await counter.post(
        f"/v1/recordings/{told['recording_id']}/captures",
        files={"manifest": ("manifest.json", manifest, "application/json"), "packet": ("packet", PACKET)},
    )

    assert answer.status_code == 201


async def test_the_same_packet_again_gets_the_same_answer_and_is_kept_once(counter: Counter) -> None:
    told, key = await counter.arrive(), str(uuid.uuid4())
    first = await counter.capture(told["recording_id"], PACKET, key=key)
    kept = len(counter.packets())

    by_key = await counter.capture(told["recording_id"], PACKET, key=key)
    by_digest = await counter.capture(told["recording_id"], PACKET)
    at_once = await asyncio.gather(*(counter.capture(told["recording_id"], PACKET) for _ in range(4)))

    assert {answer.content for answer in (by_key, by_digest, *at_once)} == {first.content}
    assert len(counter.packets()) == kept
    assert [event.sequence for event in await counter.events(told["recording_id"])] == [1, 2]


async def test_the_first_packet_sent_many_times_at_once_is_kept_once(counter: Counter) -> None:
    told, before = await counter.arrive(), len(counter.packets())

    answers = await asyncio.gather(*(counter.capture(told["recording_id"], PACKET) for _ in range(6)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(counter.packets()) == before + 1


async def test_versions_follow_each_other(counter: Counter) -> None:
    told = await counter.arrive()
    recording_id, other = told["recording_id"], PACKET + b"2"
    await counter.capture(recording_id, PACKET)

    taken = await counter.capture(recording_id, other)
    gap = await counter.capture(recording_id, other, packet_version=3)
    second = await counter.capture(recording_id, other, packet_version=2)

    assert (taken.status_code, slug(taken)) == (409, "packet-version-taken")
    assert (gap.status_code, slug(gap), gap.json()["next_packet_version"]) == (409, "packet-version-gap", 2)
    assert second.status_code == 201


async def test_the_same_key_with_another_packet_is_refused(counter: Counter) -> None:
    told, key = await counter.arrive(), str(uuid.uuid4())
    await counter.capture(told["recording_id"], PACKET, key=key)
    kept = len(counter.packets())

    answer = await counter.capture(told["recording_id"], PACKET + b"2", key=key, packet_version=2)

    assert (answer.status_code, slug(answer)) == (422, "key-reused")
    assert len(counter.packets()) == kept


async def test_a_wrong_digest_is_refused_and_nothing_kept(counter: Counter) -> None:
    told, kept = await counter.arrive(), len(counter.packets())
    digest = f"sha-256:{hashlib.sha256(b'other').hexdigest()}"

    answer = await counter.capture(told["recording_id"], PACKET, packet_digest=digest)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/manifest/packet_digest"
    assert len(counter.packets()) == kept


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"packet_version": "1"}, "#/manifest/packet_version"),
        ({"packet_version": 0}, "#/manifest/packet_version"),
        ({"modalities": []}, "#/manifest/modalities"),
        ({"modalities": [{"modality": "gait", "quality": 1}]}, "#/manifest/modalities/0/modality"),
        ({"modalities": [{"modality": "photo", "quality": 101}]}, "#/manifest/modalities/0/quality"),
        ({"captured_at": "yesterday"}, "#/manifest/captured_at"),
        ({"missing_fingers": [{"finger": "left_ring", "reason": "lost"}]}, "#/manifest/missing_fingers/0/reason"),
        ({"nik": "x"}, "#/manifest/nik"),
    ],
)
async def test_a_malformed_manifest_is_refused_with_its_pointer(
    counter: Counter, changes: dict[str, Any], pointer: str
) -> None:
    told = await counter.arrive()

    answer = await counter.capture(told["recording_id"], PACKET, **changes)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_body_that_is_no_upload_is_refused(counter: Counter) -> None:
    told = await counter.arrive()
    path = f"/v1/recordings/{told['recording_id']}/captures"
    manifest = {"manifest": json.dumps(a_manifest(PACKET))}

    as_json = await counter.post(path, {"manifest": 1})
    no_packet = await counter.post(path, data=manifest, files={"other": ("x", b"x")})
    no_manifest = await counter.post(path, files={"packet": ("packet", PACKET)})
    not_json = await counter.post(path, data={"manifest": "{"}, files={"packet": ("packet", PACKET)})

    assert as_json.status_code == 415
    assert (no_packet.status_code, no_packet.json()["errors"][0]["pointer"]) == (422, "#/packet")
    assert (no_manifest.status_code, no_manifest.json()["errors"][0]["pointer"]) == (422, "#/manifest")
    assert not_json.status_code == 400


async def test_a_packet_of_40_megabytes_is_refused(counter: Counter) -> None:
    told, kept = await counter.arrive(), len(counter.packets())

    huge = await counter.capture(told["recording_id"], bytes(40 << 20))
    slightly = await counter.capture(told["recording_id"], bytes((16 << 20) + 1))

    assert (huge.status_code, slug(huge)) == (413, "too-large")
    assert (slightly.status_code, slug(slightly)) == (413, "too-large")
    assert len(counter.packets()) == kept


async def test_a_packet_of_16_megabytes_is_taken(counter: Counter) -> None:
    told = await counter.arrive()

    assert (await counter.capture(told["recording_id"], bytes(16 << 20))).status_code == 201


async def test_an_upload_cut_half_way_leaves_nothing(counter: Counter) -> None:
    told, kept = await counter.arrive(), len(counter.packets())
    path = f"/v1/recordings/{told['recording_id']}/captures"
    request = httpx.Request(
        "POST",
        counter.url + path,
        headers={"authorization": f"Bearer {counter.token()}", "idempotency-key": "cut"},
        data={"manifest": json.dumps(a_manifest(PACKET))},
        files={"packet": ("packet", PACKET)},
    )
    body = request.read()
    where = urlsplit(counter.url)
    _, writer = await asyncio.open_connection(where.hostname, where.port)
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    writer.write(f"{head}\r\n".encode() + body[: len(body) // 2])
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    again = await counter.capture(told["recording_id"], PACKET)

    assert again.status_code == 201
    assert len(counter.packets()) == kept + 1
    assert not list(counter.store.rglob("*.part"))


async def test_an_unknown_or_foreign_recording_takes_no_packet(counter: Counter) -> None:
    there = (await counter.post("/v1/arrivals", an_arrival(office=NEIGHBOUR), offices=NEIGHBOUR)).json()
    kept = len(counter.packets())

    unknown = await counter.capture(str(uuid.uuid4()), PACKET)
    foreign = await counter.capture(there["recording_id"], PACKET)
    nonsense = await counter.capture("nonsense", PACKET)

    assert (unknown.status_code, foreign.status_code, nonsense.status_code) == (404, 404, 422)
    assert len(counter.packets()) == kept


async def test_an_extension_takes_no_capture(counter: Counter) -> None:
    told = await counter.arrive(purpose="suket_extension")

    answer = await counter.capture(told["recording_id"], PACKET)

    assert (answer.status_code, slug(answer)) == (409, "takes-no-capture")


async def test_a_full_spool_refuses_packets_and_arrivals_and_keeps_no_half(counter: Counter) -> None:
    told = await counter.arrive()
    store = counter.stack.folder / "intake-full-store"
    settings = settings_of(counter.stack, free_port(), store, spool_reserve_bytes=1 << 60)

    async with serving(settings, parts={"postgresql", "http", "arrivals"}) as url:
        full = Counter(url, counter.issuer, counter.stack, store, counter.http, counter.tokens)
        packet = await full.capture(told["recording_id"], PACKET)
        arrival = await full.post("/v1/arrivals", an_arrival())
        metrics = (await counter.http.get(f"{url}/metrics")).text

    assert (packet.status_code, slug(packet)) == (507, "spool-full")
    assert (arrival.status_code, slug(arrival)) == (507, "spool-full")
    assert not [file for file in store.rglob("*") if file.is_file()]
    assert "rekam_spool_free_bytes 0.0" in metrics
    assert (await counter.capture(told["recording_id"], PACKET)).status_code == 201


async def test_the_sweep_removes_what_no_row_names_and_nothing_else(counter: Counter) -> None:
    told = await counter.arrive()
    await counter.capture(told["recording_id"], PACKET)
    orphans = [counter.store / "packets" / "orphan", counter.store / "identities" / "half.part"]
    for orphan in orphans:
        orphan.write_bytes(b"x")
    for file in counter.store.rglob("*"):
        os.utime(file, (0, 0))
    young = counter.store / "packets" / "young"
    young.write_bytes(b"x")
    before = {file for file in counter.store.rglob("*") if file.is_file()}

    async with serving(
        settings_of(counter.stack, free_port(), counter.store), parts={"postgresql", "http", "orphan sweep"}
    ):
        await eventually(lambda: not any(orphan.exists() for orphan in orphans))

    after = {file for file in counter.store.rglob("*") if file.is_file()}
    assert before - after == set(orphans)
    young.unlink()
