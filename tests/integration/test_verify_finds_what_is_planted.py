"""A day that went well is verified; then one thing at a time is spoilt in the real tables, and is found."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.support.eventually import eventually
from tests.support.office import Office
from tests.support.stack import new_folder
from tests.support.world import World, running_world, settings_of_the_stories
from tools.local import Stack
from tools.verify import Result, verify

_MARKER = b"CONTOH YANG BOCOR"
_PLANTED = {
    "I1": (
        "intake",
        """
        CREATE TABLE kept AS SELECT * FROM capture LIMIT 1;
        UPDATE capture SET packet_version = 9 WHERE recording_id IN (SELECT recording_id FROM kept)""",
        """
        UPDATE capture SET packet_version = kept.packet_version
        FROM kept
        WHERE kept.recording_id = capture.recording_id;
        DROP TABLE kept""",
    ),
    "I4": (
        "recording",
        """
        CREATE TABLE kept AS SELECT * FROM attempt LIMIT 1;
        DELETE FROM attempt WHERE id IN (SELECT id FROM kept)""",
        "INSERT INTO attempt SELECT * FROM kept; DROP TABLE kept",
    ),
    "I6": (
        "status",
        "UPDATE recording_view SET situation = 'x' || situation",
        "UPDATE recording_view SET situation = substr(situation, 2)",
    ),
    "I7": (
        "recording",
        "UPDATE stage SET strikes = strikes + 7 WHERE stage = 'identity_check'",
        "UPDATE stage SET strikes = strikes - 7 WHERE stage = 'identity_check'",
    ),
    "I10": (
        "notification",
        "INSERT INTO channel (name, is_enabled, changed_by) VALUES ('x', false, 'CONTOH YANG BOCOR')",
        "DELETE FROM channel WHERE name = 'x'",
    ),
    "I13": (
        "recording",
        """
        INSERT INTO quarantine (consumer, topic, partition, record_offset, key, headers, error)
        VALUES ('recording', 'intake.events', 0, 9999, 'x', '{}', 'Planted')""",
        "DELETE FROM quarantine WHERE error = 'Planted'",
    ),
}


@pytest.fixture(scope="module")
def stack_to_spoil() -> Iterator[Stack]:
    with Stack.on_free_ports(new_folder(), settings=settings_of_the_stories()) as stack:
        yield stack.start()
    stack.remove()


@pytest.fixture(scope="module")
async def office(stack_to_spoil: Stack) -> AsyncIterator[Office]:
    async with running_world(stack_to_spoil) as world:
        office = await world.opens_an_office()
        await office.records(office.people(6))
        await world.finishes(office, within=60)
        await eventually(lambda: _is_verified(world), within=30)
        yield office


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize("broken", _PLANTED)
async def test_what_is_planted_is_found_and_nothing_else(stack_to_spoil: Stack, broken: str) -> None:
    service, spoil, mend = _PLANTED[broken]
    dsn = stack_to_spoil.endpoints.postgres[service]

    async with _spoilt(dsn, spoil, mend):
        results = await verify(stack_to_spoil.endpoints, folder=stack_to_spoil.folder, markers=[_MARKER])

    found = {result.id for result in results if not result.is_ok}
    assert found == {broken}, _shown(results)


@pytest.mark.usefixtures("office")
async def test_a_damaged_packet_is_found(stack_to_spoil: Stack) -> None:
    packet = next((stack_to_spoil.folder / "store" / "packets").rglob("*-*-*-*-*"))
    sound = packet.read_bytes()
    packet.write_bytes(sound[:-1])

    results = await verify(stack_to_spoil.endpoints, folder=stack_to_spoil.folder, only={"I1", "I11"})

    packet.write_bytes(sound)
    assert {result.id for result in results if not result.is_ok} == {"I1", "I11"}, _shown(results)


@pytest.mark.usefixtures("office")
async def test_what_cannot_be_read_is_never_called_right(stack_to_spoil: Stack) -> None:
    results = await verify(stack_to_spoil.endpoints, folder=None, only={"I1", "I11"})

    assert [result.is_ok for result in results] == [False, False]


async def _is_verified(world: World) -> bool:
    results = await verify(world.endpoints, folder=world.stack.folder, markers=[_MARKER])
    assert all(result.is_ok for result in results), _shown(results)
    return True


@asynccontextmanager
async def _spoilt(dsn: str, spoil: str, mend: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(spoil)
        try:
            yield
        finally:
            await connection.execute(mend)
    finally:
        await connection.close()


def _shown(results: list[Result]) -> str:
    return "\n".join(line for result in results for line in result.lines())
