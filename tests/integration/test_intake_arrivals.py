"""A person at the counter: registered once, durably, and readable by nobody here."""

import asyncio
import base64
import hashlib
import hmac
import json
import uuid
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from shared.events import intake as said
from shared.sealing import Label, open_sealed
from tests.support.intake import BORN, FOREIGN, NEIGHBOUR, OFFICE, Counter, an_arrival
from tests.support.serving import slug

pytest_plugins = ["tests.support.intake_fixture"]


def pointers(answer: httpx.Response) -> list[str]:
    return [fault["pointer"] for fault in answer.json()["errors"]]


async def test_an_arrival_is_answered_with_a_ticket_and_can_be_read_at_once(counter: Counter) -> None:
    answer = await counter.post("/v1/arrivals", an_arrival(reference="SEKOLAH-12"))
    told = answer.json()
    shown = await counter.get(answer.headers["location"])

    assert answer.status_code == 201
    assert told["ticket"]["lane"] == "today"
    assert told["ticket"]["number"].startswith("A-")
    assert (told["rejoined"], told["warnings"]) == (False, [])
    assert shown.json()["situation"] == "arrived"
    assert shown.json()["reference"] == "SEKOLAH-12"
    assert shown.json()["receipt_code"] == told["receipt_code"]


async def test_the_arrival_is_told_with_a_sealed_identity_that_only_the_centre_opens(counter: Counter) -> None:
    person = an_arrival()
    told = (await counter.post("/v1/arrivals", person)).json()

    (event,) = await counter.events(told["recording_id"])

    data = event.data
    assert isinstance(data, said.ApplicantArrived)
    assert (event.sequence, event.office, event.source) == (1, OFFICE, "/rekam/intake")
    path, _, place = data.dataref.partition("#")
    offset, length = map(int, place.split("+"))
    sealed = (counter.store / path).read_bytes()[offset : offset + length]
    label = Label(UUID(told["recording_id"]), OFFICE, data.identity_version, "identity")
    identity = orjson.loads(open_sealed(counter.opening_key("centre"), label, sealed))
    assert identity == {name: person[name] for name in ("nik", "name", "birth_date", "sex")}
    assert data.digest == f"sha-256:{hashlib.sha256(sealed).hexdigest()}"
    assert data.check_hmac == check_hmac(counter, f"{told['receipt_code']}|{BORN}")


def check_hmac(counter: Counter, text: str) -> str:
    key = bytes.fromhex(counter.stack.environment("intake")["REKAM_CHECK_KEY"])
    return hmac.digest(key, text.encode(), "sha256").hex()


async def test_nik_name_and_phone_lie_nowhere_in_clear(counter: Counter) -> None:
    nik, name, phone = "3216061001009876", "CONTOH PENANDA RAHASIA", "+62811000777555"
    told = await counter.arrive(nik=nik, name=name, contact={"phone": phone, "language": "id"})
    await counter.events(told["recording_id"])
    tables = await counter.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")

    seen = [str(await counter.rows(f'SELECT * FROM "{row["tablename"]}"')) for row in tables]  # noqa: S608  our own names
    seen += [str((record.key, record.value, record.headers)) for record in await counter.records()]
    seen += [str(file.read_bytes()) for file in counter.store.rglob("*") if file.is_file()]

    assert not [mark for mark in (nik, name, phone) for text in seen if mark in text]


async def test_a_contact_travels_sealed_to_notification_alone(counter: Counter) -> None:
    told = await counter.arrive(contact={"email": "contoh@contoh.invalid", "language": "id"})
    path = f"/v1/arrivals/{told['recording_id']}/contact"
    headers = {"authorization": f"Bearer {counter.token()}"}
    changed = await counter.http.put(counter.url + path, json={"phone": "+62811000111"}, headers=headers)
    withdrawn = await counter.http.delete(counter.url + path, headers=headers)

    events = [one for one in await counter.events(told["recording_id"]) if one.data.topic == said.CONTACTS_TOPIC]

    assert (changed.status_code, withdrawn.status_code) == (204, 204)
    assert [type(one.data) for one in events] == [said.ContactChanged, said.ContactChanged, said.ContactWithdrawn]
    assert [one.sequence for one in events] == [0, 0, 0]
    opened = [opened_contact(counter, one.data.sealed, told) for one in events[:2]]  # type: ignore[attr-defined]
    assert opened == [
        {"email": "contoh@contoh.invalid", "language": "id", "receipt_code": told["receipt_code"]},
        {"phone": "+62811000111", "receipt_code": told["receipt_code"]},
    ]


def opened_contact(counter: Counter, sealed: str, told: dict[str, Any]) -> Any:
    label = Label(UUID(told["recording_id"]), OFFICE, 1, "contact")
    return orjson.loads(open_sealed(counter.opening_key("contact"), label, base64.b64decode(sealed)))


async def test_doubts_warn_and_never_refuse(counter: Counter) -> None:
    told = await counter.arrive(nik="9916065101000004", sex="male", birth_date="1999-01-11")

    assert told["warnings"] == ["nik_date_differs", "nik_sex_differs", "unknown_region"]


async def test_a_traveller_stands_in_the_traveller_lane(counter: Counter) -> None:
    shown = await counter.arrive()
    leaves = (await counter.get(f"/v1/arrivals/{shown['recording_id']}")).json()["arrived_at"][:10]

    told = await counter.arrive(leaves_on=leaves)

    assert told["ticket"]["lane"] == "traveller"
    assert told["ticket"]["number"].startswith("T-")


async def test_who_is_not_yet_17_gets_the_card_on_the_birthday(counter: Counter) -> None:
    told = await counter.arrive(birth_date="2012-02-29", nik="3216062902120003")

    (event,) = await counter.events(told["recording_id"])

    assert str(event.data.card_not_before) == "2029-03-01"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"nik": "32160610010000011"}, "#/nik"),
        ({"nik": "3216061001000000"}, "#/nik"),
        ({"nik": 3216061001000001}, "#/nik"),
        ({"birth_date": "2001-02-31"}, "#/birth_date"),
        ({"birth_date": 5}, "#/birth_date"),
        ({"birth_date": "2999-01-01"}, "#/birth_date"),
        ({"sex": "x"}, "#/sex"),
        ({"purpose": "wedding"}, "#/purpose"),
        ({"name": ["CONTOH"]}, "#/name"),
        ({"name": "  "}, "#/name"),
        ({"nickname": "contoh"}, "#/nickname"),
        ({"contact": {}}, "#/contact"),
        ({"arrived_at": "2017-06-14T08:00:00"}, "#/arrived_at"),
        ({"reference": "3216061001000001"}, "#/reference"),
        ({"office": "../06"}, "#/office"),
    ],
)
async def test_a_malformed_field_is_refused_with_its_pointer_and_without_its_value(
    counter: Counter, changes: dict[str, Any], pointer: str
) -> None:
    answer = await counter.post("/v1/arrivals", an_arrival(**changes))

    assert answer.status_code == 422
    assert pointers(answer) == [pointer]
    (value,) = changes.values()
    assert len(str(value)) < 5 or str(value) not in answer.text


async def test_malformed_json_is_refused(counter: Counter) -> None:
    answer = await counter.post("/v1/arrivals", content=b'{"office": ', headers={"content-type": "application/json"})

    assert (answer.status_code, slug(answer)) == (400, "malformed")


async def test_without_a_token_with_an_old_one_or_without_the_scope_nobody_registers(counter: Counter) -> None:
    async def status(authorization: str | None) -> int:
        headers = {"idempotency-key": "x"} | ({"authorization": authorization} if authorization else {})
        return (await counter.http.post(f"{counter.url}/v1/arrivals", json=an_arrival(), headers=headers)).status_code

    expired = counter.token("officer", OFFICE, -60)
    regency = counter.token("regency", "32.16.")

    assert await status(None) == 401
    assert await status(f"Bearer {expired}") == 401
    assert await status("Bearer rubbish") == 401
    assert await status(f"Bearer {regency}") == 403


@pytest.mark.parametrize("office", [NEIGHBOUR, FOREIGN, "99.99.99"])
async def test_a_foreign_or_unknown_office_does_not_exist(counter: Counter, office: str) -> None:
    answer = await counter.post("/v1/arrivals", an_arrival(office=office))

    assert (answer.status_code, slug(answer)) == (404, "not-found")


async def test_a_recording_of_another_office_does_not_exist_for_this_one(counter: Counter) -> None:
    told = await counter.arrive()

    neighbour = await counter.get(f"/v1/arrivals/{told['recording_id']}", offices=NEIGHBOUR)
    regency = await counter.get(f"/v1/arrivals/{told['recording_id']}", role="regency", offices="32.16.")

    assert neighbour.status_code == 404
    assert (regency.status_code, regency.json()["receipt_code"]) == (200, None)


async def test_an_agency_sees_only_what_it_created(counter: Counter) -> None:
    told = await counter.arrive()
    own = await counter.post("/v1/arrivals", an_arrival(), role="agency")

    foreign = await counter.get(f"/v1/arrivals/{told['recording_id']}", role="agency")
    seen = await counter.get(own.headers["location"], role="agency")

    assert (foreign.status_code, seen.status_code) == (404, 200)


async def test_the_same_key_gives_the_same_answer_and_refuses_another_body(counter: Counter) -> None:
    person, key = an_arrival(), str(uuid.uuid4())

    first = await counter.post("/v1/arrivals", person, key=key)
    again = await counter.post("/v1/arrivals", person, key=key)
    other = await counter.post("/v1/arrivals", an_arrival(), key=key)
    none = await counter.post("/v1/arrivals", person, headers={"idempotency-key": ""})

    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, slug(other)) == (422, "key-reused")
    assert (none.status_code, slug(none)) == (400, "missing-idempotency-key")


async def test_the_same_arrival_many_times_at_once_is_one_recording(counter: Counter) -> None:
    person = an_arrival()

    answers = await asyncio.gather(*(counter.post("/v1/arrivals", person) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    (recording_id,) = {answer.json()["recording_id"] for answer in answers}
    assert len({answer.json()["ticket"]["id"] for answer in answers}) == 1
    assert [event.sequence for event in await counter.events(recording_id)] == list(range(1, 9))


async def test_the_same_key_many_times_at_once_registers_once(counter: Counter) -> None:
    person, key = an_arrival(), str(uuid.uuid4())

    answers = await asyncio.gather(*(counter.post("/v1/arrivals", person, key=key) for _ in range(8)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {slug(answer) for answer in answers if answer.status_code == 409} <= {"key-in-use"}
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 409)
    assert len({answer.json()["recording_id"] for answer in answers if answer.status_code == 201}) == 1


async def test_who_comes_again_goes_on_with_the_same_recording(counter: Counter) -> None:
    person = an_arrival()
    first = (await counter.post("/v1/arrivals", person)).json()

    again = await counter.post("/v1/arrivals", {**person, "birth_date": "2000-01-11"})

    assert again.status_code == 200
    assert again.json()["recording_id"] == first["recording_id"]
    assert (again.json()["rejoined"], again.json()["ticket"]["lane"]) == (True, "kept")
    assert again.json()["ticket"]["number"] == first["ticket"]["number"]
    assert "birth_date_differs" in again.json()["warnings"]
    kinds = [type(event.data) for event in await counter.events(first["recording_id"])]
    assert kinds == [said.ApplicantArrived, said.ApplicantReturned]


async def test_a_recording_open_elsewhere_is_told_without_its_id(counter: Counter) -> None:
    person = an_arrival(office=NEIGHBOUR)
    there = (await counter.post("/v1/arrivals", person, offices=NEIGHBOUR)).json()

    answer = await counter.post("/v1/arrivals", {**person, "office": OFFICE})

    told = answer.json()
    assert (answer.status_code, slug(answer)) == (409, "open-elsewhere")
    assert (told["office"], told["situation"]) == (NEIGHBOUR, "arrived")
    assert told["since"]
    assert there["recording_id"] not in answer.text


async def test_with_the_receipt_the_recording_moves_here(counter: Counter) -> None:
    there = (await counter.post("/v1/arrivals", an_arrival(office=NEIGHBOUR), offices=NEIGHBOUR)).json()
    typed = there["receipt_code"].lower().replace("-", "")

    moved = await counter.post("/v1/arrivals/return", {"office": OFFICE, "receipt_code": typed})
    again = await counter.post("/v1/arrivals/return", {"office": OFFICE, "receipt_code": typed})
    left = await counter.get(f"/v1/offices/{NEIGHBOUR}/queue", offices=NEIGHBOUR)

    assert moved.status_code == 200
    assert moved.json()["recording_id"] == there["recording_id"]
    assert (moved.json()["office"], moved.json()["ticket"]["lane"]) == (OFFICE, "kept")
    assert again.json()["ticket"] == moved.json()["ticket"]
    assert there["ticket"]["id"] not in left.text
    events = await counter.events(there["recording_id"])
    assert [event.sequence for event in events] == [1, 2, 3]
    assert [event.data.moved_from for event in events[1:]] == [NEIGHBOUR, None]  # type: ignore[attr-defined]
    assert [event.office for event in events] == [NEIGHBOUR, OFFICE, OFFICE]


async def test_a_receipt_misread_or_unknown_is_refused(counter: Counter) -> None:
    told = await counter.arrive()
    wrong = told["receipt_code"][:-1] + ("0" if told["receipt_code"][-1] != "0" else "1")

    misread = await counter.post("/v1/arrivals/return", {"office": OFFICE, "receipt_code": wrong})
    unknown = await counter.post("/v1/arrivals/return", {"office": OFFICE, "receipt_code": "0000-0000-0"})

    assert (misread.status_code, pointers(misread)) == (422, ["#/receipt_code"])
    assert unknown.status_code == 404


async def test_only_a_supervisor_begins_a_second_recording_beside_an_open_one(counter: Counter) -> None:
    person = an_arrival()
    first = (await counter.post("/v1/arrivals", person)).json()
    beside = {**person, "reason_code": "other_purpose", "purpose": "suket_extension"}

    officer = await counter.post("/v1/arrivals", beside)
    supervisor = await counter.post("/v1/arrivals", beside, role="supervisor")

    assert (officer.status_code, slug(officer)) == (403, "needs-supervisor")
    assert supervisor.status_code == 201
    assert supervisor.json()["recording_id"] != first["recording_id"]


async def test_a_person_without_a_receipt_is_found_at_the_own_office_and_the_look_is_logged(counter: Counter) -> None:
    person = an_arrival()
    told = (await counter.post("/v1/arrivals", person)).json()
    asked = {"nik": person["nik"], "birth_date": person["birth_date"]}

    here = await counter.post("/v1/people/find", asked)
    wrong = await counter.post("/v1/people/find", {**asked, "birth_date": "1999-01-01"})
    there = await counter.post("/v1/people/find", asked, offices=NEIGHBOUR)

    assert [one["recording_id"] for one in here.json()["items"]] == [told["recording_id"]]
    assert (wrong.json()["items"], there.json()["items"]) == ([], [])
    logged = await counter.rows("SELECT actor, recording_ids FROM access_log ORDER BY id DESC LIMIT 3")
    assert [len(row["recording_ids"]) for row in logged] == [0, 0, 1]
    assert logged[2]["actor"] == f"officer:{OFFICE}"


async def test_a_batch_registers_the_good_lines_and_reports_the_bad(counter: Counter) -> None:
    people = [an_arrival(key=str(uuid.uuid4()), arrived_at=f"2017-06-14T0{hour}:00:00+07:00") for hour in (9, 8)]
    bad = an_arrival(key=str(uuid.uuid4()), nik="1")
    lines = [
        json.dumps(people[0]),
        "{not json",
        json.dumps(people[1]),
        json.dumps(bad),
        json.dumps(an_arrival()),
        json.dumps(an_arrival(key="k", office=FOREIGN)),
        json.dumps({**people[1], "key": str(uuid.uuid4())}),
    ]

    report = await counter.batch(lines)
    again = await counter.batch(lines[:1])

    assert [item["status"] for item in report["items"]] == [201, 400, 201, 422, 422, 404, 200]
    assert [item["line"] for item in report["items"]] == list(range(1, 8))
    assert (report["accepted"], report["rejoined"], report["refused"]) == (2, 1, 4)
    late, early = (item["ticket"]["number"] for item in (report["items"][0], report["items"][2]))
    assert early < late
    assert report["items"][3]["problem"]["errors"][0]["pointer"] == "#/nik"
    assert again["items"][0]["replayed"] is True
    assert again["items"][0]["recording_id"] == report["items"][0]["recording_id"]


async def test_a_thousand_arrivals_come_in_one_batch_and_no_more(counter: Counter) -> None:
    lines = [json.dumps(an_arrival(key=str(uuid.uuid4()))) for _ in range(1000)]

    report = await counter.batch(lines)
    more = await counter.post(
        "/v1/arrival-batches",
        content="\n".join([*lines, lines[0]]),
        headers={"content-type": "application/x-ndjson"},
    )

    assert report["accepted"] == 1000
    assert len({item["receipt_code"] for item in report["items"]}) == 1000
    assert len({item["ticket"]["number"] for item in report["items"]}) == 1000
    assert (more.status_code, slug(more)) == (413, "too-large")


async def test_offices_and_the_sealing_key_are_published(counter: Counter) -> None:
    offices = (await counter.get("/v1/offices")).json()["items"]
    (key,) = (await counter.http.get(f"{counter.url}/v1/sealing-keys")).json()["keys"]

    assert [office["code"] for office in offices] == [OFFICE]
    assert key == counter.opening_key("centre").sealing_key().to_json()
