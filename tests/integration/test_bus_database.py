"""Migrations, the months of the inbox, and what a service does when its database comes late."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.clock import now
from shared.ids import smallest_uuid7_at
from shared.postgres import inbox
from shared.postgres.migrate import ChangedMigration, migrate
from tests.support.bus import Bus, open_bus
from tools.local import Stack

MONTHS = r"""
    SELECT relname
    FROM pg_class
    WHERE relname LIKE 'inbox\_20%' AND relkind = 'r' AND relnamespace = current_schema()::regnamespace
    ORDER BY 1"""


@pytest.fixture
async def bus(bus_stack: Stack) -> AsyncIterator[Bus]:
    async with open_bus(bus_stack) as bus:
        yield bus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "desk" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0001_pre_desk.sql").write_text("CREATE TABLE desk (id int)")
    return folder


async def test_a_migration_is_applied_once(bus: Bus, folder: Path) -> None:
    async with bus.database.transaction() as tx:
        first = await migrate(tx, [folder])
    (folder / "0002_pre_chair.sql").write_text("CREATE TABLE chair (id int); CREATE INDEX ON chair (id)")
    async with bus.database.transaction() as tx:
        second = await migrate(tx, [folder])

    assert (first, second) == (["desk/0001_pre_desk.sql"], ["desk/0002_pre_chair.sql"])


async def test_an_edited_migration_stops_the_start_and_names_the_file(bus: Bus, folder: Path) -> None:
    async with bus.database.transaction() as tx:
        await migrate(tx, [folder])
    (folder / "0001_pre_desk.sql").write_text("CREATE TABLE desk (id bigint)")

    with pytest.raises(ChangedMigration, match=r"desk/0001_pre_desk\.sql"):
        async with bus.database.transaction() as tx:
            await migrate(tx, [folder])


async def test_replicas_that_start_at_once_migrate_once(bus: Bus, folder: Path) -> None:
    async def start() -> list[str]:
        async with bus.database.transaction() as tx:
            return await migrate(tx, [folder])

    applied = await asyncio.gather(*[start() for _ in range(4)])

    assert sorted(applied) == [[], [], [], ["desk/0001_pre_desk.sql"]]


@pytest.mark.parametrize("today", [datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC), now()])
async def test_the_inbox_has_every_month_from_the_horizon_to_the_next(bus: Bus, today: datetime) -> None:
    async with bus.database.transaction() as tx:
        await inbox.ensure_partitions(tx, today)
        for days in range(-90, 28):
            moment = today + timedelta(days=days)
            assert await inbox.mark(tx, "test", [smallest_uuid7_at(moment)])
            assert not inbox.is_too_old(smallest_uuid7_at(moment), today)


async def test_the_month_that_fell_off_is_dropped(bus: Bus) -> None:
    oldest = (await bus.rows(MONTHS))[0]["relname"]

    async with bus.database.transaction() as tx:
        await inbox.ensure_partitions(tx, now() + timedelta(days=31))

    assert (await bus.rows(MONTHS))[0]["relname"] > oldest
