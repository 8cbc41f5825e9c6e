"""The centre registers, and every answer is lost for half a minute: nobody is entered twice."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from shared.events.vocabulary import Purpose
from tests.support.eventually import eventually
from tests.support.recordings import PARTS, SETTINGS, Installation, running_installation
from tests.support.world import sends_without_asking

_PEOPLE = 40
_SECONDS = 30


@pytest.fixture(scope="module")
async def losing_installation() -> AsyncIterator[Installation]:
    """An installation of its own, with the second witness."""
    async with running_installation(SETTINGS, (*PARTS, "probe")) as installation:
        yield installation


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["effect_then_lost", "effect_then_hang", "cut_while_waiting"])
async def test_thirty_seconds_of_lost_answers_double_nobody(losing_installation: Installation, kind: str) -> None:
    installation = losing_installation
    people = await _come(installation)
    await _goes_wrong(installation, kind)
    for person in people:
        await installation.is_captured(person)
    await eventually(lambda: _is_over(installation), within=40)
    await installation.is_well_again()

    await eventually(lambda: _all_submitted(installation, people), within=120)

    journal = await installation.journal(*people)
    registered = Counter(
        {str(person): (await installation.record(person))["registrations"].get("1", 0) for person in people}
    )
    lost = await _lost(installation, people)
    print(f"\n{kind}: {lost} answers lost, {len(journal)} calls, registered {Counter(registered.values())}")  # noqa: T201
    assert lost, "the fault hit nobody: nothing was shown"
    assert set(registered.values()) == {1}
    assert sends_without_asking(journal) == []


async def _come(installation: Installation) -> list[UUID]:
    people = await installation.arrive(_PEOPLE, Purpose.FIRST_RECORDING)
    checked = """
        SELECT count(*) FROM stage WHERE recording_id = ANY($1) AND stage = 'identity_check' AND state = 'done'"""

    async def all_checked() -> bool:
        return bool(await installation.database.fetchval(checked, people) == _PEOPLE)

    await eventually(all_checked, within=30)
    return people


async def _goes_wrong(installation: Installation, kind: str) -> None:
    if kind == "cut_while_waiting":
        (await installation.line.put("/faults", json={"kind": kind, "seconds": _SECONDS})).raise_for_status()
    else:
        await installation.goes_wrong("submission", kind, seconds=_SECONDS)


async def _is_over(installation: Installation) -> bool:
    of_line = (await installation.line.get("/faults")).raise_for_status().json()["faults"]
    of_centre = (await installation.centre.get("/faults")).raise_for_status().json()
    return not of_line and not of_centre


async def _all_submitted(installation: Installation, people: list[UUID]) -> bool:
    done = "SELECT count(*) FROM stage WHERE recording_id = ANY($1) AND stage = 'submission' AND state = 'done'"
    return bool(await installation.database.fetchval(done, people) == len(people))


async def _lost(installation: Installation, people: list[UUID]) -> Any:
    lost = """
        SELECT count(*) FROM attempt
        WHERE recording_id = ANY($1) AND operation = 'submission' AND effect = 'possible'"""
    return await installation.database.fetchval(lost, people)
