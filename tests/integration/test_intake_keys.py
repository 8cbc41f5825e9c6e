"""A new key of the blind index finds whom the old one wrote, and writes under the new one."""

from tests.support.intake import Counter, an_arrival, serving, settings_of
from tests.support.serving import free_port

pytest_plugins = ["tests.support.intake_fixture"]


async def test_after_a_new_key_nobody_is_registered_twice(counter: Counter) -> None:
    known, new = an_arrival(), an_arrival()
    first = (await counter.post("/v1/arrivals", known)).json()
    keys = f"{counter.stack.environment('intake')['REKAM_BLIND_INDEX_KEYS']},2:{'ab' * 32}"
    settings = settings_of(counter.stack, free_port(), counter.store, blind_index_keys=keys)

    async with serving(settings, parts={"postgresql", "http", "arrivals"}) as url:
        rotated = Counter(url, counter.issuer, counter.stack, counter.store, counter.http, counter.tokens)
        again = await rotated.post("/v1/arrivals", known)
        fresh = await rotated.post("/v1/arrivals", new)
        fresh_again = await rotated.post("/v1/arrivals", new)
        found = await rotated.post("/v1/people/find", {"nik": known["nik"], "birth_date": known["birth_date"]})

    assert (again.status_code, again.json()["recording_id"]) == (200, first["recording_id"])
    assert (fresh.status_code, fresh_again.status_code) == (201, 200)
    assert [one["recording_id"] for one in found.json()["items"]] == [first["recording_id"]]
    versions = await counter.rows("SELECT DISTINCT key_version FROM person ORDER BY key_version")
    assert [row["key_version"] for row in versions] == [1, 2]
