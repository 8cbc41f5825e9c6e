"""Migrations on a real PostgreSQL: all of a service's apply to an empty schema, and again without a change."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.postgres.migrate import SHARED, ChangedMigration, migrate
from tools.local import Stack

ROOT = Path(__file__).parents[2]
SERVICES = sorted(folder.parent.name for folder in (ROOT / "services").glob("*/migrations"))

_COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns
    WHERE table_schema = current_schema()
    ORDER BY table_name, column_name"""
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname"


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_migrates_an_empty_database_and_then_nothing(postgres_and_kafka: Stack, service: str) -> None:
    folders = [SHARED, ROOT / "services" / service / "migrations"]

    async with _empty_schema(postgres_and_kafka.endpoints.postgres[service]) as tx:
        applied = await migrate(tx, folders)
        before = await _shape(tx)
        applied_again = await migrate(tx, folders)

        assert len(applied) == sum(len(list(folder.glob("*.sql"))) for folder in folders)
        assert applied_again == []
        assert await _shape(tx) == before


async def test_an_edited_migration_is_refused(postgres_and_kafka: Stack, tmp_path: Path) -> None:
    file = tmp_path / "intake" / "migrations" / "0001_pre_create_trial.sql"
    file.parent.mkdir(parents=True)
    file.write_text("CREATE TABLE trial (id int);")

    async with _empty_schema(postgres_and_kafka.endpoints.postgres["intake"]) as tx:
        await migrate(tx, [file.parent])
        file.write_text("CREATE TABLE trial (id bigint);")

        with pytest.raises(ChangedMigration):
            await migrate(tx, [file.parent])


@asynccontextmanager
async def _empty_schema(dsn: str) -> AsyncIterator[Any]:
    schema = f"tried_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(dsn, server_settings={"search_path": schema})
    await connection.execute(f"CREATE SCHEMA {schema}")
    try:
        async with connection.transaction():
            yield connection
    finally:
        await connection.execute(f"DROP SCHEMA {schema} CASCADE")
        await connection.close()


async def _shape(tx: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in [*await tx.fetch(_COLUMNS), *await tx.fetch(_INDEXES)]]
