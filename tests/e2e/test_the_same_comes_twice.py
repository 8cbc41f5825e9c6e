"""The same comes twice, at once or with a changed body, and a stranger asks: one recording, a clear no."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.support.office import Applicant, Office
from tests.support.serving import slug
from tests.support.world import World


@pytest.mark.timeout(60)
async def test_the_same_arrival_from_two_clients_at_once_is_one_recording(world: World, office: Office) -> None:
    (applicant,) = office.people(1, purposes=("first_recording",))
    others = {"Authorization": f"Bearer {await world.token('officer', office.code)}"}

    answers = await asyncio.gather(
        *[_posts(world, applicant, office, headers, str(uuid4())) for headers in (office.headers, others)]
    )

    assert sorted(answer.status_code for answer in answers) == [200, 201], "one is registered, the other rejoins"
    assert len({answer.json()["recording_id"] for answer in answers}) == 1


@pytest.mark.timeout(60)
async def test_the_same_key_at_once_is_answered_the_same(world: World, office: Office) -> None:
    (applicant,) = office.people(1, purposes=("first_recording",))
    key = str(uuid4())

    answers = await asyncio.gather(*[_posts(world, applicant, office, office.headers, key) for _ in range(4)])
    last = await _posts(world, applicant, office, office.headers, key)

    created = {answer.json()["recording_id"] for answer in answers if answer.status_code == 201}
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert created == {last.json()["recording_id"]}
    assert last.headers["idempotent-replayed"] == "true"


@pytest.mark.timeout(60)
async def test_the_same_key_with_another_body_is_refused(world: World, office: Office) -> None:
    one, another = office.people(2, purposes=("first_recording",))
    key = str(uuid4())

    assert (await _posts(world, one, office, office.headers, key)).status_code == 201
    refused = await _posts(world, another, office, office.headers, key)

    assert (refused.status_code, slug(refused)) == (422, "key-reused")
    assert another.nik not in refused.text


@pytest.mark.timeout(60)
async def test_a_foreign_office_learns_nothing_of_a_recording(world: World, office: Office) -> None:
    (applicant,) = office.people(1, purposes=("first_recording",))
    recording_id = await office.registers(applicant)
    stranger = {"Authorization": f"Bearer {await world.token('supervisor', '33.20.06')}"}
    paths = {
        world.endpoints.intake: (f"/v1/arrivals/{recording_id}", f"/v1/offices/{office.code}/queue"),
        world.endpoints.recording: (f"/v1/recordings/{recording_id}", f"/v1/recordings/{recording_id}/attempts"),
        world.endpoints.status: (f"/v1/recordings/{recording_id}/timeline", f"/v1/offices/{office.code}/board"),
    }

    for base, asked in paths.items():
        for path in asked:
            answer = await world.http.get(base + path, headers=stranger)
            assert (answer.status_code, slug(answer)) == (404, "not-found"), path
    assert (await _posts(world, applicant, office, stranger, str(uuid4()))).status_code == 404


async def _posts(
    world: World, applicant: Applicant, office: Office, headers: dict[str, str], key: str
) -> httpx.Response:
    body = applicant.arrival(office.code)
    url = f"{world.endpoints.intake}/v1/arrivals"
    return await world.http.post(url, json=body, headers=headers | {"Idempotency-Key": key})
