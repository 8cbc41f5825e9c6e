"""A slow, overloaded centre is not flooded: it goes on doing what it can."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from shared.events.vocabulary import Purpose
from tests.support.eventually import eventually
from tests.support.recordings import PARTS, SETTINGS, Installation, running_installation

_CAPACITY = {"per_second": 20, "queue": 20}
_OVERLOAD = {
    **SETTINGS,
    "recording": {**SETTINGS["recording"], "REKAM_GATE_LIMIT": "32", "REKAM_RETRY_BASE_SECONDS": "3"},
}


@pytest.fixture
async def busy_installation() -> AsyncIterator[Installation]:
    """An installation of its own."""
    async with running_installation(_OVERLOAD, (*PARTS, "probe")) as installation:
        (await installation.centre.put("/capacity", json=_CAPACITY)).raise_for_status()
        yield installation


@pytest.mark.timeout(300)
async def test_two_minutes_of_overload_cost_the_centre_none_of_its_work(busy_installation: Installation) -> None:
    people = []
    for number in range(40):
        people += await busy_installation.arrive(
            75, Purpose.SUKET_EXTENSION, office=f"32.{16 + number // 20}.{number % 20 + 1:02}"
        )

    await eventually(lambda: _has_worked(busy_installation, 125), within=150)

    calls = (await busy_installation.centre.get("/journal", params={"limit": 100_000})).json()["items"]
    work = [call for call in calls if call["operation"] != "probe"]
    done = [datetime.fromisoformat(call["at"]) for call in work if call["answer"] in (200, 201)]
    begin = min(done) + timedelta(seconds=3)
    by_ten_seconds = [
        sum(1 for at in done if begin + timedelta(seconds=first) <= at < begin + timedelta(seconds=first + 10)) / 10
        for first in range(0, 110, 10)
    ]
    goodput = sum(by_ten_seconds) / len(by_ten_seconds)
    refused = sum(1 for call in work if call["answer"] == 503) / len(work)
    print(f"\ngoodput {goodput:.1f}/s, each ten seconds {by_ten_seconds}, refused {refused:.1%}")  # noqa: T201
    assert goodput >= 18, by_ten_seconds
    assert min(by_ten_seconds) >= 0.75 * 20, by_ten_seconds


async def _has_worked(installation: Installation, seconds: float) -> bool:
    worked = "SELECT extract(epoch FROM max(started_at) - min(started_at))::float8 FROM attempt"
    return float(await installation.database.fetchval(worked) or 0) >= seconds
