"""Puts the probe together; it migrates nothing and waits for the recording service to have made its tables."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

from services.recording.centre.client import CentreClient
from services.recording.centre.our_clock import OurClock
from services.recording.domain.surroundings import Surroundings
from services.recording.probe.pages import pages
from services.recording.probe.rounds import Places
from services.recording.probe.settings import ProbeSettings
from services.recording.probe.watch import Watch
from shared.lifecycle import Task, keep_doing, run_until_stopped
from shared.postgres.pool import Database, Transaction
from shared.telemetry import set_up_logs

# No connection is used twice: a fresh one tells whether a connection can be had at all.
_IDLE_SECONDS = 0.2


async def run(settings: ProbeSettings) -> None:
    """Probe until told to stop."""
    set_up_logs("probe")
    database = Database(settings.postgres_dsn, application="rekam-probe", prepare=_nothing, size=2)
    clock = OurClock()
    places = _places(settings, clock)
    holder = f"{socket.gethostname()}/{settings.instance}/{os.getpid()}"
    watch = Watch(database, places, settings, holder, clock)
    try:
        await run_until_stopped(
            {
                "postgresql": database.keep_open,
                "http": pages(settings.http_host, settings.http_port, lambda: watch.is_ready),
                "watch": _repeating(watch.turn, "watch"),
                "prune": _repeating(watch.prune, "prune"),
            }
        )
    finally:
        await watch.let_go()
        for client in (places.centre, places.second_way):
            if client is not None:
                await client.close()
        await database.close()


def _places(settings: ProbeSettings, clock: OurClock) -> Places:
    # The witnesses are its own neighbours; but a wrong clock of ours must accuse nobody of an expired certificate.
    def seen() -> Surroundings:
        return Surroundings(clock_off_seconds=clock.off_seconds)

    def client(url: str) -> CentreClient:
        ca_file = settings.centre_ca_file
        return CentreClient(url, ca_file, connections=2, idle_seconds=_IDLE_SECONDS, surroundings=seen)

    targets = [target.rpartition(":") for target in settings.neutral_targets]
    return Places(
        centre=client(settings.centre_url),
        second_way=client(settings.second_way_url) if settings.second_way_url else None,
        neutral=[(host.strip("[]"), int(port)) for host, _, port in targets],
        deadline_seconds=settings.probe_deadline_seconds,
        neutral_deadline_seconds=settings.neutral_deadline_seconds,
    )


def _repeating(turn: Callable[[], Awaitable[float]], name: str) -> Task:
    async def run_it(stop: asyncio.Event) -> None:
        await keep_doing(turn, stop, name=name)

    return run_it


async def _nothing(_tx: Transaction) -> None:
    """The tables are the recording service's."""
