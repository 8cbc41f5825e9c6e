"""Wires status: the one place that knows settings, Kafka and the order of things."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from fastapi import FastAPI

from services.status.api import Shown, routes
from services.status.events_in import HEARS, TOPICS
from services.status.loops import Freshness, watch_hearing
from services.status.settings import StatusSettings
from services.status.store import projections
from services.status.usecases.rebuild_projections import hash_projections, rebuild_projections
from shared.events.catalog import CATALOG
from shared.events.envelope import Data, Event, Undecodable, read_event
from shared.events.offices import read_offices
from shared.ids import uuid7
from shared.lifecycle import rest_unless, run_until_stopped
from shared.postgres import inbox
from shared.postgres.migrate import SHARED, migrate
from shared.postgres.pool import Database, Transaction, clock
from shared.runtime import Runtime
from shared.settings import read_settings

_FOLDER = Path(__file__).parent
_PATIENCE_SECONDS = 15


@dataclass(frozen=True, slots=True)
class RebuildCheck:
    """What a rebuild from Kafka gave, beside what is served."""

    live: str
    rebuilt: str
    events: int
    live_events: int


async def run(stop: asyncio.Event | None = None, settings: StatusSettings | None = None) -> None:
    """Run the service until it is told to stop."""
    settings = settings or read_settings(StatusSettings)
    runtime = Runtime(settings, service="status", folder=_FOLDER, topics=TOPICS)
    freshness = Freshness()
    app = build(runtime, settings, freshness)

    async def watch(stop: asyncio.Event) -> None:
        await watch_hearing(runtime.is_ready, freshness, stop)

    try:
        await run_until_stopped({**runtime.tasks(app), "watch hearing": watch}, stop)
    finally:
        await runtime.close()


def build(runtime: Runtime, settings: StatusSettings, freshness: Freshness) -> FastAPI:
    """Make the API over this runtime."""
    app = runtime.web("Rekam status")
    shown = Shown(
        database=runtime.database,
        offices=read_offices(settings.offices_file),
        data_age=freshness.age_seconds,
        patience=timedelta(minutes=settings.patience_minutes),
    )
    app.include_router(routes(shown))
    runtime.hear(app, HEARS)
    return app


async def check_rebuild(settings: StatusSettings) -> RebuildCheck:
    """Rebuild from Kafka into a schema of its own, compare by hash with what is served, and drop the schema."""
    schema = f"rebuild_{uuid7().hex}"
    stop = asyncio.Event()
    live = Database(settings.postgres_dsn, application="rekam-status-check", prepare=_nothing, size=2)
    beside = Database(
        _within(settings.postgres_dsn, schema), application="rekam-status-rebuild", prepare=_fresh, size=2
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live.keep_open(stop))
        try:
            await _until_ready(live)
            async with live.transaction() as tx:
                await projections.make_schema(tx, schema)
            tasks.create_task(beside.keep_open(stop))
            await _until_ready(beside)
            return await _compare(settings, live, beside)
        finally:
            stop.set()
            await beside.close()
            async with live.transaction() as tx:
                await projections.drop_schema(tx, schema)
            await live.close()


async def _compare(settings: StatusSettings, live: Database, beside: Database) -> RebuildCheck:
    async with live.transaction() as tx:
        held = await projections.held_events(tx)
    await rebuild_projections(beside, _history(settings.kafka_bootstrap), left_out=held)
    async with beside.transaction() as tx:
        rebuilt, events = await hash_projections(tx)
    for _ in range(_PATIENCE_SECONDS):
        async with live.transaction() as tx:
            served, live_events = await hash_projections(tx)
        if live_events >= events:
            break
        await rest_unless(asyncio.Event(), 1)
    return RebuildCheck(served, rebuilt, events, live_events)


async def _history(bootstrap: str) -> AsyncIterator[Sequence[Event[Data]]]:
    """Read every topic from its beginning to where it ends now; without a group, so nothing is committed."""
    consumer = AIOKafkaConsumer(
        *TOPICS, bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    async with asyncio.timeout(30):
        await consumer.start()
    try:
        ends = await asyncio.wait_for(consumer.end_offsets(list(consumer.assignment())), 30)
        while await _is_behind(consumer, ends):
            records = await consumer.getmany(timeout_ms=500, max_records=2000)
            heard = [_read(record) for part in records.values() for record in part]
            yield [event for event in heard if event is not None]
    finally:
        await asyncio.wait_for(consumer.stop(), 10)


async def _is_behind(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await asyncio.wait_for(consumer.position(partition), 10) < end:
            return True
    return False


def _read(record: ConsumerRecord) -> Event[Data] | None:
    try:
        event = read_event(list(record.headers), record.value, CATALOG)
    except Undecodable:
        return None  # lies in quarantine of the served tables too
    return event if type(event.data) in HEARS else None


def _within(dsn: str, schema: str) -> str:
    parts = urlsplit(dsn)
    query = "&".join(filter(None, (parts.query, f"search_path={schema}")))
    return urlunsplit(parts._replace(query=query))


async def _until_ready(database: Database) -> None:
    async with asyncio.timeout(30):
        while not await database.is_ready():
            await rest_unless(asyncio.Event(), 0.1)


async def _nothing(_: Transaction) -> None:
    """Change nothing: the served schema is the service's own."""


async def _fresh(tx: Transaction) -> None:
    await migrate(tx, [SHARED, _FOLDER / "migrations"])
    await inbox.ensure_partitions(tx, await clock(tx))
