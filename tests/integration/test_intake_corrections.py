"""A supervisor types an identity anew from the Family Card: sealed as a new version, told, and in the access log."""

import uuid
from typing import Any

import httpx
import orjson
import pytest

from shared.events import intake as said
from shared.events.envelope import Data, Event
from shared.events.recording import SOURCE as OF_RECORDING
from shared.events.recording import CardPrintReady, RecordingCancelled, RecordingParked, RecordingResumed
from shared.events.vocabulary import Cause, Stage, WhoActs
from shared.packets import PacketStore
from shared.sealing import Label, open_sealed
from tests.support.eventually import eventually
from tests.support.intake import NEIGHBOUR, OFFICE, Counter, a_nik, an_arrival
from tests.support.serving import slug
from tests.unit.status.office_day import publish

pytest_plugins = ["tests.support.intake_fixture"]
FOUND = "/v1/people/find"


def a_correction(nik: str = "", **changes: Any) -> dict[str, Any]:
    identity = {"nik": nik or a_nik(), "name": "CONTOH DUA", "birth_date": "2000-01-10", "sex": "male"}
    return {**identity, "reason_code": "family_card_shown", **changes}


async def corrects(
    counter: Counter,
    recording_id: str,
    body: dict[str, Any],
    *,
    version: str | None = '"1"',
    role: str = "supervisor",
    offices: str = OFFICE,
    key: str | None = None,
) -> httpx.Response:
    headers = {"authorization": f"Bearer {counter.token(role, offices)}"}
    headers |= {"if-match": version} if version else {}
    headers |= {"idempotency-key": key} if key else {}
    return await counter.http.patch(f"{counter.url}/v1/arrivals/{recording_id}", json=body, headers=headers)


async def finds(counter: Counter, nik: str, birth_date: str = "2000-01-10") -> list[str]:
    answer = await counter.post(FOUND, {"nik": nik, "birth_date": birth_date})
    return [one["recording_id"] for one in answer.json()["items"]]


async def hears(counter: Counter, recording_id: str, *facts: Data) -> None:
    events = [
        Event.of(fact, source=OF_RECORDING, key=recording_id, office=OFFICE, sequence=number, traceparent="")
        for number, fact in enumerate(facts, 1)
    ]
    await publish(counter.stack.endpoints.kafka, events)


async def shows(counter: Counter, recording_id: str, situation: str) -> None:
    async def is_shown() -> bool:
        return bool((await counter.get(f"/v1/arrivals/{recording_id}")).json()["situation"] == situation)

    await eventually(is_shown, within=30)


async def test_the_retyped_identity_is_sealed_as_the_next_version_and_told(counter: Counter) -> None:
    mistyped, right = a_nik(), a_nik()
    told = await counter.arrive(nik=mistyped)
    read = await counter.get(f"/v1/arrivals/{told['recording_id']}", role="supervisor")

    answer = await corrects(counter, told["recording_id"], a_correction(right), version=read.headers["etag"])

    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    said_back = {"recording_id": told["recording_id"], "version": 2, "situation": "arrived", "warnings": []}
    assert answer.json() == said_back
    event = (await counter.events(told["recording_id"]))[-1]
    assert isinstance(event.data, said.ApplicantCorrected)
    assert (event.data.identity_version, event.data.reason_code) == (2, "family_card_shown")
    label = Label(uuid.UUID(told["recording_id"]), OFFICE, 2, "identity")
    sealed = PacketStore(counter.store).read(event.data.dataref, event.data.digest)
    opened = orjson.loads(open_sealed(counter.opening_key("centre"), label, sealed))
    assert opened == {"nik": right, "name": "CONTOH DUA", "birth_date": "2000-01-10", "sex": "male"}
    again = (await counter.get(f"/v1/arrivals/{told['recording_id']}")).json()
    assert (again["version"], again["receipt_code"]) == (2, told["receipt_code"])


async def test_the_person_is_found_by_the_corrected_nik_and_no_more_by_the_wrong_one(counter: Counter) -> None:
    mistyped, right = a_nik(), a_nik()
    told = await counter.arrive(nik=mistyped)

    (await corrects(counter, told["recording_id"], a_correction(right, birth_date="2000-01-11"))).raise_for_status()

    assert await finds(counter, right, "2000-01-11") == [told["recording_id"]]
    assert await finds(counter, right) == []
    assert await finds(counter, mistyped) == []
    back = await counter.post("/v1/arrivals", an_arrival(nik=right, birth_date="2000-01-11"))
    assert (back.status_code, back.json()["recording_id"]) == (200, told["recording_id"])
    other = await counter.post("/v1/arrivals", an_arrival(nik=mistyped))
    assert (other.status_code, other.json()["rejoined"]) == (201, False)


async def test_doubts_about_the_new_identity_warn_and_those_about_the_old_are_forgotten(counter: Counter) -> None:
    told = await counter.arrive(sex="female")
    assert told["warnings"] == ["nik_sex_differs"]

    answer = await corrects(counter, told["recording_id"], a_correction(birth_date="2000-01-12"))

    assert answer.json()["warnings"] == ["nik_date_differs"]
    assert (await counter.get(f"/v1/arrivals/{told['recording_id']}")).json()["warnings"] == ["nik_date_differs"]


async def test_who_is_younger_after_all_gets_the_card_on_the_birthday(counter: Counter) -> None:
    told = await counter.arrive()

    await corrects(counter, told["recording_id"], a_correction(birth_date="2020-02-29"))

    event = (await counter.events(told["recording_id"]))[-1]
    assert isinstance(event.data, said.ApplicantCorrected)
    assert str(event.data.card_not_before) == "2037-03-01"


@pytest.mark.parametrize(("version", "status"), [(None, 428), ("*", 428), ('"7"', 412), ('W/"1"', 412), ("1", 412)])
async def test_a_correction_names_the_version_that_was_read(counter: Counter, version: str | None, status: int) -> None:
    told = await counter.arrive()

    answer = await corrects(counter, told["recording_id"], a_correction(), version=version)

    assert answer.status_code == status
    assert (await counter.get(f"/v1/arrivals/{told['recording_id']}")).json()["version"] == 1


async def test_the_second_of_two_supervisors_reads_again_before_correcting(counter: Counter) -> None:
    told = await counter.arrive()
    first, second = a_correction(), a_correction()

    done = await corrects(counter, told["recording_id"], first)
    stale = await corrects(counter, told["recording_id"], second)
    third = await corrects(counter, told["recording_id"], second, version='"2"')

    assert [answer.status_code for answer in (done, stale, third)] == [200, 412, 200]
    assert slug(stale) == "precondition-failed"
    query = "SELECT identity_version FROM correction WHERE recording_id = $1 ORDER BY 1"
    rows = await counter.rows(query, uuid.UUID(told["recording_id"]))
    assert [row["identity_version"] for row in rows] == [2, 3]


async def test_a_repeated_key_gives_the_first_answer_though_its_version_is_stale_by_then(counter: Counter) -> None:
    told = await counter.arrive()
    body, key = a_correction(), str(uuid.uuid4())

    first = await corrects(counter, told["recording_id"], body, key=key)
    again = await corrects(counter, told["recording_id"], body, key=key)
    other = await corrects(counter, told["recording_id"], a_correction(), key=key)

    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert again.headers["etag"] == '"2"'
    assert (other.status_code, slug(other)) == (422, "key-reused")


async def test_only_a_supervisor_of_this_office_may_correct(counter: Counter) -> None:
    told = await counter.arrive()
    body = a_correction()

    officer = await corrects(counter, told["recording_id"], body, role="officer")
    foreign = await corrects(counter, told["recording_id"], body, offices=NEIGHBOUR)
    nobody = await corrects(counter, str(uuid.uuid4()), body)

    assert [answer.status_code for answer in (officer, foreign, nobody)] == [403, 404, 404]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"nik": "321606100100000"}, "#/nik"),
        ({"name": " "}, "#/name"),
        ({"name": ...}, "#/name"),
        ({"birth_date": "10-01-2000"}, "#/birth_date"),
        ({"birth_date": "2999-01-01"}, "#/birth_date"),
        ({"sex": "x"}, "#/sex"),
        ({"reason_code": "because"}, "#/reason_code"),
        ({"note": "nomor di KK 32160610"}, "#/note"),
        ({"office": OFFICE}, "#/office"),
    ],
)
async def test_the_whole_identity_is_typed_anew_and_each_part_is_checked(
    counter: Counter, changes: dict[str, Any], pointer: str
) -> None:
    told = await counter.arrive()

    body = {name: value for name, value in {**a_correction(), **changes}.items() if value is not ...}
    answer = await corrects(counter, told["recording_id"], body)

    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [pointer])
    (value,) = changes.values()
    assert value is ... or len(value) < 5 or value not in answer.text


async def test_a_nik_with_another_open_recording_is_refused_without_telling_which(counter: Counter) -> None:
    taken = a_nik()
    other, told = await counter.arrive(nik=taken), await counter.arrive()
    before = {file for file in (counter.store / "identities").rglob("*") if file.is_file()}

    answer = await corrects(counter, told["recording_id"], a_correction(taken))

    assert (answer.status_code, slug(answer)) == (409, "nik-has-open-recording")
    assert other["recording_id"] not in answer.text
    assert other["receipt_code"] not in answer.text
    assert {file for file in (counter.store / "identities").rglob("*") if file.is_file()} == before
    assert await finds(counter, taken) == [other["recording_id"]]


async def test_the_same_nik_stays_though_a_second_recording_was_begun_beside(counter: Counter) -> None:
    nik = a_nik()
    told = await counter.arrive(nik=nik)
    beside = an_arrival(nik=nik, reason_code="earlier_one_lost")
    (await counter.post("/v1/arrivals", beside, role="supervisor")).raise_for_status()

    answer = await corrects(counter, told["recording_id"], a_correction(nik))

    assert answer.status_code == 200


async def test_who_corrected_when_is_in_the_log_and_nothing_of_the_person(counter: Counter) -> None:
    mistyped, right = a_nik(), a_nik()
    told = await counter.arrive(nik=mistyped)
    recording_id = uuid.UUID(told["recording_id"])

    answer = await corrects(counter, told["recording_id"], a_correction(right, note="KK dibawa ibu"))

    (row,) = await counter.rows("SELECT * FROM access_log WHERE $1 = ANY(recording_ids)", recording_id)
    assert (row["action"], row["actor"], row["offices"]) == ("correct_arrival", f"supervisor:{OFFICE}", [OFFICE])
    assert row["trace_id"] == answer.headers["trace-id"]
    (kept,) = await counter.rows("SELECT * FROM correction WHERE recording_id = $1", recording_id)
    assert (kept["reason_code"], kept["note"]) == ("family_card_shown", "KK dibawa ibu")
    assert kept["corrected_by"] == f"supervisor:{OFFICE}"
    events = b"".join(event.value() for event in await counter.events(told["recording_id"]))
    for value in (mistyped, right, "CONTOH", "2000-01-10"):
        assert value not in f"{row} {kept}"
        assert value.encode() not in events
    assert b"KK dibawa" not in events


async def test_what_was_replaced_stays_sealed_in_the_store(counter: Counter) -> None:
    told = await counter.arrive(nik=(mistyped := a_nik()))

    await corrects(counter, told["recording_id"], a_correction())

    query = "SELECT * FROM correction WHERE recording_id = $1"
    (kept,) = await counter.rows(query, uuid.UUID(told["recording_id"]))
    sealed = PacketStore(counter.store).read(kept["replaced_dataref"], kept["replaced_digest"])
    label = Label(uuid.UUID(told["recording_id"]), OFFICE, 1, "identity")
    assert orjson.loads(open_sealed(counter.opening_key("centre"), label, sealed))["nik"] == mistyped


async def test_a_person_called_in_for_data_is_no_longer_after_the_correction(counter: Counter) -> None:
    told = await counter.arrive()
    check, signature = Stage.IDENTITY_CHECK, "identity_check/data/identity_mismatch"
    parked = RecordingParked(stage=check, cause=Cause.DATA, signature=signature, who_must_act=WhoActs.RESIDENT)
    await hears(counter, told["recording_id"], parked)
    await shows(counter, told["recording_id"], "come_for_data")

    answer = await corrects(counter, told["recording_id"], a_correction())

    assert answer.json()["situation"] == "arrived"
    await hears(counter, told["recording_id"], parked, RecordingResumed(stage=check, reason_code="corrected"))
    await shows(counter, told["recording_id"], "arrived")


@pytest.mark.parametrize(
    ("fact", "situation", "refusal"),
    [
        (CardPrintReady(waiting_for="blank"), "waiting_for_blank", "beyond-correction"),
        (RecordingCancelled(reason_code="wrong_person"), "cancelled", "recording-closed"),
    ],
)
async def test_what_the_centre_found_unique_and_what_has_ended_is_not_corrected(
    counter: Counter, fact: Data, situation: str, refusal: str
) -> None:
    told = await counter.arrive()
    (await counter.capture(told["recording_id"], b"CONTOH" * 100)).raise_for_status()
    await hears(counter, told["recording_id"], fact)
    await shows(counter, told["recording_id"], situation)

    answer = await corrects(counter, told["recording_id"], a_correction())

    assert (answer.status_code, slug(answer)) == (409, refusal)


async def test_a_new_packet_is_in_the_access_log_and_the_first_is_not(counter: Counter) -> None:
    told = await counter.arrive()
    query = "SELECT action, actor FROM access_log WHERE $1 = ANY(recording_ids)"

    (await counter.capture(told["recording_id"], b"CONTOH" * 100)).raise_for_status()
    first = await counter.rows(query, uuid.UUID(told["recording_id"]))
    (await counter.capture(told["recording_id"], b"CONTOH" * 101, packet_version=2)).raise_for_status()

    assert first == []
    (row,) = await counter.rows(query, uuid.UUID(told["recording_id"]))
    assert tuple(row) == ("capture_again", f"officer:{OFFICE}")
