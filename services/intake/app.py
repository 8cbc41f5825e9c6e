"""Wires intake: the one place that knows settings, Kafka and the order of things."""

import asyncio
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import Gauge

from services.intake.api.arrivals import arrivals_routes
from services.intake.api.batches import batches_routes
from services.intake.api.captures import captures_routes
from services.intake.api.corrections import corrections_routes
from services.intake.api.offices import offices_routes
from services.intake.api.people import people_routes
from services.intake.api.queue import queue_routes
from services.intake.events_in import HEARS
from services.intake.loops import ArrivalCollector, close_days, sweep_store
from services.intake.settings import IntakeSettings, blind_keys
from services.intake.usecases.accept_arrivals import Asked, Result
from services.intake.usecases.admit_arrivals import admit_arrivals
from services.intake.usecases.desk import Desk, Rules
from services.intake.usecases.seal_arrivals import Vault
from shared.events import recording
from shared.events.offices import read_offices
from shared.lifecycle import Task, run_until_stopped
from shared.packets import PacketStore
from shared.runtime import Runtime
from shared.sealing import SealingKey
from shared.settings import read_settings

_FOLDER = Path(__file__).parent
_LIMITS = {r"/v1/recordings/[^/]+/captures": 17 << 20, r"/v1/arrival-batches": 4 << 20}
_FREE = Gauge("rekam_spool_free_bytes", "Room for packets above the reserve.")


async def run(stop: asyncio.Event | None = None, settings: IntakeSettings | None = None) -> None:
    """Run the service until it is told to stop."""
    settings = settings or read_settings(IntakeSettings)
    runtime = Runtime(settings, service="intake", folder=_FOLDER, topics=(recording.TOPIC,))
    app, tasks = build(runtime, settings)
    try:
        await run_until_stopped({**runtime.tasks(app), **tasks}, stop)
    finally:
        await runtime.close()


def build(runtime: Runtime, settings: IntakeSettings) -> tuple[FastAPI, dict[str, Task]]:
    """Make the API and the loops over this runtime."""
    desk = _desk(runtime, settings)

    async def admit(asked: list[Asked]) -> list[Result]:
        return await admit_arrivals(desk, asked)

    async def close(stop: asyncio.Event) -> None:
        await close_days(desk, stop)

    async def sweep(stop: asyncio.Event) -> None:
        await sweep_store(desk, settings.orphan_age_seconds, stop)

    collector = ArrivalCollector(admit)
    app = runtime.web("Rekam intake", limits=_LIMITS)
    for router in (
        arrivals_routes(desk, collector.accept),
        batches_routes(desk),
        captures_routes(desk),
        corrections_routes(desk),
        queue_routes(desk),
        people_routes(desk),
        offices_routes(desk),
    ):
        app.include_router(router)
    runtime.hear(app, HEARS)
    return app, {"arrivals": collector.run, "closing time": close, "orphan sweep": sweep}


def _desk(runtime: Runtime, settings: IntakeSettings) -> Desk:
    store = PacketStore(settings.store_dir, reserve_bytes=settings.spool_reserve_bytes)
    _FREE.set_function(store.free_bytes)
    vault = Vault(
        store=store,
        centre_key=SealingKey.from_file(settings.centre_sealing_key_file),
        contact_key=SealingKey.from_file(settings.contact_sealing_key_file),
        check_key=bytes.fromhex(settings.check_key.get_secret_value()),
        blind_keys=blind_keys(settings.blind_index_keys.get_secret_value()),
    )
    rules = Rules(
        kept_days=settings.kept_days,
        traveller_days=settings.traveller_days,
        closing_hour=settings.closing_hour,
        quality_floors=settings.quality_floors,
    )
    return Desk(
        database=runtime.database,
        outbox=runtime.outbox,
        vault=vault,
        offices=read_offices(settings.offices_file),
        rules=rules,
        request_key=bytes.fromhex(settings.request_key),
    )
