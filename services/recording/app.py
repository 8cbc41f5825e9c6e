"""Puts the recording service together; the only place that knows all its parts."""

from pathlib import Path

from fastapi import FastAPI

from services.recording import api
from services.recording.centre.client import CentreClient
from services.recording.events_in import hears
from services.recording.loops import tasks
from services.recording.loops.desk import Desk
from services.recording.loops.witness import Lookout, Witness
from services.recording.loops.work import Work
from services.recording.settings import RecordingSettings
from services.recording.store import gates, ledger
from shared.events import intake
from shared.events.vocabulary import Operation
from shared.lifecycle import run_until_stopped
from shared.packets import PacketStore
from shared.postgres.pool import Transaction, clock
from shared.runtime import Runtime

_FOLDER = Path(__file__).parent
_BEGUN_BY_EVENTS = (Operation.IDENTITY_CHECK, Operation.SUBMISSION)


def build_runtime(settings: RecordingSettings) -> Runtime:
    """Make the mechanics; the gates and the ledger's partitions exist before anything is lent."""

    async def prepare(tx: Transaction) -> None:
        await gates.ensure(tx, settings.gate_limit)
        await ledger.ensure_partitions(tx, await clock(tx))

    return Runtime(settings, service="recording", folder=_FOLDER, topics=(intake.TOPIC,), prepare=prepare)


def build_app(runtime: Runtime, settings: RecordingSettings, work: Work) -> FastAPI:
    """Make the HTTP API and connect the ears."""
    app = runtime.web("Rekam recording")
    request_key = bytes.fromhex(settings.request_key)
    named = settings.named_organisations()
    app.include_router(
        api.routes(runtime.database, runtime.outbox, request_key, settings.traces_url, work.ring, organisations=named)
    )
    runtime.hear(app, hears(runtime.outbox), after=lambda: work.ring(_BEGUN_BY_EVENTS))
    return app


async def run(settings: RecordingSettings) -> None:
    """Run the service until it is told to stop."""
    runtime = build_runtime(settings)
    witness = Witness()
    client = CentreClient(
        settings.centre_url,
        settings.centre_ca_file,
        connections=settings.centre_connections,
        surroundings=witness,
        access_owner=settings.access_owner,
    )
    desk = Desk(
        database=runtime.database,
        outbox=runtime.outbox,
        telemetry=runtime.telemetry,
        client=client,
        store=PacketStore(settings.store_dir),
        rules=settings.rules(),
        deadlines=settings.deadlines(),
        most_in_flight=settings.gate_limit,
    )
    work = Work(desk)
    lookout = Lookout(runtime.database, runtime.outbox, witness, settings.link_rules(), settings.outage_rules())
    try:
        await run_until_stopped({**runtime.tasks(build_app(runtime, settings, work)), **tasks(desk, work, lookout)})
    finally:
        await client.close()
        await runtime.close()
