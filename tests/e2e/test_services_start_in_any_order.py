"""The four services start in four rotations of their order, also before what they lean on."""

import pytest

from tests.support.eventually import eventually
from tests.support.office import Office
from tests.support.world import World
from tools.local import SERVICES

_LATE = (("postgres", "kafka"), ("kafka",), ("postgres",), ())


@pytest.mark.timeout(150)
@pytest.mark.parametrize("turn", range(len(SERVICES)))
async def test_whatever_starts_first_the_day_begins(world: World, office: Office, turn: int) -> None:
    order, late = (*SERVICES[turn:], *SERVICES[:turn]), _LATE[turn]
    for name in (*SERVICES, *late):
        await world.stops(name)

    for service in order:
        await world.starts(service, wait=False)
        await eventually(lambda service=service: world.answers(service, "/livez"), within=30)
    for name in late:
        await world.starts(name)

    await eventually(world.works, within=30)
    await office.records(office.people(10))
    await world.finishes(office, within=30)
    await world.keeps_its_promises(office)
