"""A person at the counter: registered once, durably, and readable by nobody here."""

import base64
import hashlib
import hmac
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


async def test_offices_and_the_sealing_key_are_published(counter: Counter) -> None:
    offices = (await counter.get("/v1/offices")).json()["items"]
    (key,) = (await counter.http.get(f"{counter.url}/v1/sealing-keys")).json()["keys"]

    assert [office["code"] for office in offices] == [OFFICE]
    assert key == counter.opening_key("centre").sealing_key().to_json()
