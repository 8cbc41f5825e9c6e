"""The same person again: by a repeated request, at another counter, with a receipt, or by the thousand."""

import asyncio
import json
import uuid

import httpx

from shared.events import intake as said
from tests.support.intake import FOREIGN, NEIGHBOUR, OFFICE, Counter, an_arrival
from tests.support.serving import slug

pytest_plugins = ["tests.support.intake_fixture"]


def pointers(answer: httpx.Response) -> list[str]:
    return [fault["pointer"] for fault in answer.json()["errors"]]


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
