"""The simulated centre does what API.md section 7 says, over real TLS."""

import asyncio
import hashlib
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from shared.sealing import Label, seal
from tests.support.eventually import eventually
from tests.support.far_side import NIL, OFFICE, digest_header, far_side
from tools.centre.faults import KINDS
from tools.keys import write_all


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    write_all(folder)
    return folder


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


@pytest.mark.parametrize("kind", sorted(KINDS - {"hang", "effect_then_hang", "slow", "overload", "stops_reading"}))
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


async def test_a_full_centre_says_so_and_names_a_time_only_when_told_one(keys: Path) -> None:
    async with far_side(keys) as centre:
        await centre.control.put("/capacity", json={"per_second": 1, "queue": 0})
        silent = [await centre.calls.get(f"/recordings/{NIL}") for _ in range(2)]
        await centre.control.put("/capacity", json={"per_second": 1, "queue": 0, "retry_after": 3})
        telling = [await centre.calls.get(f"/recordings/{NIL}") for _ in range(2)]

        assert [answer.status_code for answer in silent + telling] == [404, 503, 404, 503]
        assert [answer.headers.get("retry-after") for answer in silent + telling] == [None, None, None, "3"]
        assert [entry["answer"] for entry in await centre.journal()] == [404, 503, 404, 503]


async def test_an_overload_of_one_operation_answers_what_it_can_and_refuses_the_rest(keys: Path) -> None:
    async with far_side(keys) as centre:
        await centre.goes_wrong("submission", "overload", per_second=10, queue=1)

        answers = await asyncio.gather(*(centre.submit(uuid4()) for _ in range(6)))

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201, 201, 503, 503, 503, 503]
        assert not any("retry-after" in answer.headers for answer in answers)
        assert (await centre.calls.get(f"/recordings/{NIL}")).status_code == 404
        seen = [entry for entry in await centre.journal() if entry["operation"] == "submission"]
        assert sorted(entry["answer"] for entry in seen) == statuses
        assert [entry["fault"] for entry in seen if entry["answer"] == 503] == ["overload"] * 4


async def test_an_overload_is_over_after_so_many_refusals(keys: Path) -> None:
    async with far_side(keys) as centre:
        await centre.goes_wrong("submission", "overload", per_second=1, queue=0, times=2, retry_after=9)

        answers = [await centre.submit(uuid4()) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [201, 503, 503, 201]
        assert answers[1].headers["retry-after"] == "9"


@pytest.mark.parametrize("packet", [b"CONTOH", bytes(8_000_000)], ids=["small", "large"])
async def test_a_centre_that_stopped_reading_reads_on_when_it_is_well(keys: Path, packet: bytes) -> None:
    recording = uuid4()
    async with far_side(keys) as centre:
        await centre.goes_wrong("submission", "stops_reading", times=1)
        call = asyncio.ensure_future(centre.submit(recording, packet))
        await eventually(centre.journal)
        assert (await centre.calls.get(f"/recordings/{recording}")).status_code == 404
        assert not call.done()

        await centre.is_well_again()
        well_at = time.monotonic()

        assert (await call).status_code == 201
        assert time.monotonic() - well_at < 2
        assert (await centre.record(recording))["digest"] == f"sha-256:{hashlib.sha256(packet).hexdigest()}"


async def test_a_centre_that_stopped_reading_for_a_time_reads_on_by_itself(keys: Path) -> None:
    async with far_side(keys) as centre:
        await centre.goes_wrong("all", "stops_reading", seconds=0.3)

        assert (await centre.submit(uuid4())).status_code == 201
        assert [entry["answer"] for entry in await centre.journal()] == ["stops_reading", 201]


async def test_the_journal_is_read_on_from_where_it_was_left(keys: Path) -> None:
    recording = uuid4()
    async with far_side(keys) as centre:
        for _ in range(3):
            await centre.calls.get(f"/recordings/{NIL}")
        await centre.submit(recording)

        first = (await centre.control.get("/journal", params={"limit": 2})).json()
        rest = (await centre.control.get("/journal", params={"after": first["next"], "limit": 10})).json()
        nothing = (await centre.control.get("/journal", params={"after": rest["next"]})).json()
        own = (await centre.control.get("/journal", params={"recording_id": str(recording), "limit": 1})).json()

        assert ([entry["seq"] for entry in first["items"]], first["next"]) == ([1, 2], 2)
        assert ([entry["seq"] for entry in rest["items"]], rest["next"]) == ([3, 4], 4)
        assert nothing == {"items": [], "next": 4}
        assert [entry["seq"] for entry in own["items"]] == [4]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults/all", b"{"),
        ("/faults/all", b'{"kind": "melts"}'),
        ("/faults/lunch", b'{"kind": "hang"}'),
        ("/faults/submission", b'{"kind": "refuse"}'),
        ("/faults/all", b'{"kind": "hang", "share": 2}'),
        ("/faults/all", b'{"kind": "overload"}'),
        ("/faults/all", b'{"kind": "overload", "per_second": 0}'),
        ("/faults/all", b'{"kind": "hang", "per_second": 5}'),
        ("/outcomes", b'{"default": "FINE"}'),
        ("/capacity", b'{"per_second": 0}'),
    ],
)
async def test_a_wrong_switch_is_refused(keys: Path, path: str, body: bytes) -> None:
    async with far_side(keys) as centre:
        assert (await centre.control.put(path, content=body)).status_code == 422
