"""Marker bytes of people are found in no topic, log, span, address, metric or table, also after careless clients."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from tests.support.office import Office, Refused
from tests.support.topics import all_records
from tests.support.world import World
from tools.local import SERVICES

_PRINTS = b"PENANDA-SIDIK-JARI-REKAAN-7f3a91c2"


@pytest.mark.timeout(120)
async def test_no_marker_of_a_person_is_found_where_it_has_no_business(world: World, office: Office) -> None:
    packets = [await office.captures(one, content=_PRINTS) for one in await _registers(office)]
    await _careless_clients(world, office)
    await world.finishes(office, within=30)
    await world.keeps_its_promises(office)

    clear = _every_spelling([*office.memory.markers(), _PRINTS])
    sealed = _every_spelling(packet[-48:] for packet in packets)
    found = [name async for name, content in _places(world) if _holds_any(content, (*clear, *sealed))]
    found += [name for name, content in _files(world.stack.folder / "store") if _holds_any(content, clear)]

    assert not found, f"marker bytes in {found}"


@pytest.mark.timeout(60)
async def test_the_search_finds_a_marker_that_was_planted(world: World, office: Office) -> None:
    planted = b"PENANDA-YANG-DITANAM"
    connection = await asyncpg.connect(world.endpoints.postgres["intake"])
    try:
        await connection.execute("CREATE TABLE planted (bytes bytea, words text)")
        await connection.execute("INSERT INTO planted VALUES ($1, $2)", planted, "")
        found = [name async for name, content in _tables(world) if _holds_any(content, _every_spelling([planted]))]
    finally:
        await connection.execute("DROP TABLE IF EXISTS planted")
        await connection.close()

    assert found == ["intake.planted"], f"beside {office.code}"


async def _registers(office: Office) -> list[str]:
    return [await office.registers(one) for one in office.people(5, purposes=("first_recording", "re_recording"))]


async def _careless_clients(world: World, office: Office) -> None:
    """Send personal data where it does not belong: in addresses, in wrong fields, in unreadable bodies."""
    (applicant,) = office.people(1, purposes=("suket_extension",))
    url = f"{world.endpoints.intake}/v1/arrivals"
    good = applicant.arrival(office.code)
    for body in ({**good, "nik": good["nik"] + "1"}, {**good, "birth_date": "1990-02-31"}, {**good, "extra": good}):
        with contextlib.suppress(Refused):
            await office.posts(url, json=body)
    with contextlib.suppress(Refused):
        await office.posts(url, content=f'{{"name": "{applicant.name}", "nik": {applicant.nik}'.encode())
    for service in SERVICES:
        for path in (f"/v1/recordings/{applicant.nik}", f"/{applicant.phone}", f"/v1/arrivals/{applicant.name}"):
            await world.http.get(getattr(world.endpoints, service) + path, headers=office.headers)
    await world.http.post(url, json=good, headers={"Idempotency-Key": str(uuid4())})
    await office.registers(applicant)


async def _places(world: World) -> AsyncIterator[tuple[str, bytes]]:
    """Give every place to be searched and what it holds; the far side and the people's mailbox are not ours."""
    for record in await all_records(world.endpoints.kafka):
        yield f"topic {record.topic}", record.text
    for folder, pattern in (("logs", "*"), ("traces", "*"), ("kafka", "*.log")):
        for name, content in await asyncio.to_thread(_files, world.stack.folder / folder, pattern):
            yield name, content
    async for name, content in _tables(world):
        yield name, content
    for service in SERVICES:
        yield f"metrics of {service}", (await world.answers(service, "/metrics")).content


def _files(folder: Path, pattern: str = "*") -> list[tuple[str, bytes]]:
    return [
        (str(path.relative_to(folder.parent)), path.read_bytes()) for path in folder.rglob(pattern) if path.is_file()
    ]


async def _tables(world: World) -> AsyncIterator[tuple[str, bytes]]:
    for service in SERVICES:
        connection = await asyncpg.connect(world.endpoints.postgres[service])
        try:
            names = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
            for (name,) in names:
                copied = bytearray()
                await connection.copy_from_table(name, output=_into(copied))
                yield f"{service}.{name}", bytes(copied)
        finally:
            await connection.close()


def _into(buffer: bytearray):  # type: ignore[no-untyped-def]  # noqa: ANN202  asyncpg takes any coroutine function
    async def write(data: bytes) -> None:
        buffer.extend(data)

    return write


def _every_spelling(markers: Iterable[bytes]) -> list[bytes]:
    """Give each marker as it is, in hex, and in base64 at each of the three places it may begin."""
    spelled: list[bytes] = []
    for marker in markers:
        spelled += [marker, marker.hex().encode()]
        for shift in range(3):
            # The edges depend on the neighbours, so only what lies between them is looked for.
            spelled.append(base64.b64encode(b"\0" * shift + marker)[4:-4])
    return spelled


def _holds_any(content: bytes, needles: Iterable[bytes]) -> bool:
    return any(needle in content for needle in needles)
