"""What every service stands on, wired once: database, outbox and relay, ears, tokens, spans and the HTTP edge.

Only a service's `app.py` uses this; the rooms below get what they need as arguments.
"""

import asyncio
import gc
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import Gauge

from shared.auth import Authorizer, Keys
from shared.http import create_app, serve
from shared.kafka.consumer import Consumer, Hears, Subscription
from shared.kafka.producer import Producer
from shared.kafka.quarantine_api import quarantine_routes
from shared.kafka.relay import Relay
from shared.lifecycle import Task, keep_doing
from shared.postgres import inbox, outbox, quarantine
from shared.postgres.migrate import SHARED, migrate
from shared.postgres.pool import Database, Prepare, Transaction, clock
from shared.settings import ServiceSettings
from shared.telemetry import Telemetry, set_up_logs

_VERSION = "0.1.0"
_OUTBOX_AGE = Gauge("rekam_outbox_oldest_seconds", "Age of the oldest event not yet in Kafka.", ["service"])
_QUARANTINED = Gauge("rekam_quarantined", "Records that wait in quarantine for a person.", ["service"])
_LAG = Gauge("rekam_consumer_lag", "Records not yet applied.", ["topic", "group"])


class Runtime:
    """One service's mechanics; `tasks` gives all that must run beside its own loops."""

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        service: str,
        folder: Path,
        topics: tuple[str, ...],
        prepare: Prepare | None = None,
    ) -> None:
        set_up_logs(service)
        os.nice(settings.niceness)
        # What was imported stays; a request leaves few cycles behind, so looking for them after each 700 is waste.
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        self.settings = settings
        self.service = service
        self._prepare_more = prepare
        self._migrations = [SHARED, folder / "migrations"]
        self.telemetry = Telemetry(service, settings.otlp_url)
        self.database = Database(
            settings.postgres_dsn, application=f"rekam-{service}", prepare=self._prepare, size=settings.pool_size
        )
        self.outbox = outbox.Outbox(settings.partitions)
        self.producer = Producer(settings.kafka_bootstrap)
        self._topics = topics
        self._consumer: Consumer | None = None
        self._keys = Keys(settings.issuer_url)

    def web(self, title: str, *, limits: Mapping[str, int] | None = None) -> FastAPI:
        """Make the HTTP edge; a service adds its routers to it."""
        app = create_app(
            title=title, version=_VERSION, is_ready=self.is_ready, public_url=self.settings.public_url, limits=limits
        )
        app.state.authorizer = Authorizer(self._keys, audience=self.settings.audience, issuer=self.settings.issuer_url)
        return app

    def hear(self, app: FastAPI, hears: Hears, *, after: Callable[[], None] | None = None) -> None:
        """Listen to this runtime's topics as one group, with the quarantine's routes; `after` follows each batch."""
        heard = Subscription(
            bootstrap=self.settings.kafka_bootstrap,
            group=self.service,
            instance=self.settings.instance,
            topics=self._topics,
            partitions=self.settings.partitions,
            company_seconds=self.settings.company_seconds,
        )
        self._consumer = Consumer(heard, self.database, hears, self.telemetry, after=after)
        app.include_router(quarantine_routes(self.database, self._consumer.ears))

    def tasks(self, app: FastAPI) -> dict[str, Task]:
        """List the tasks for `lifecycle.run_until_stopped`."""
        holder = f"{self.service}/{self.settings.instance}"
        relay = Relay(
            self.database,
            self.outbox,
            self.producer,
            self.telemetry,
            partitions=self.settings.partitions,
            holder=holder,
        )

        async def serve_http(stop: asyncio.Event) -> None:
            await self._keys.fetch()
            await serve(app, host=self.settings.http_host, port=self.settings.http_port, stop=stop)

        tasks: dict[str, Task] = {
            "postgresql": self.database.keep_open,
            "http": serve_http,
            "relay": relay.run,
            "gauges": self._gauges,
        }
        if self._consumer is not None:
            tasks["consumer"] = self._consumer.run
        return tasks

    async def is_ready(self) -> dict[str, bool]:
        """Tell which parts work; a service that hears nothing yet is not ready."""
        parts = {"postgresql": await self.database.is_ready()}
        if self._consumer is not None:
            parts["kafka"] = self._consumer.is_hearing
        return parts

    async def close(self) -> None:
        """Give everything back after the tasks have ended."""
        await self.database.close()
        self.telemetry.shut_down()

    async def _prepare(self, tx: Transaction) -> None:
        await migrate(tx, self._migrations)
        await inbox.ensure_partitions(tx, await clock(tx))
        await outbox.ensure_buckets(tx, self.settings.partitions)
        if self._prepare_more is not None:
            await self._prepare_more(tx)

    async def _gauges(self, stop: asyncio.Event) -> None:
        async def turn() -> float:
            async with self.database.connection() as connection:
                _OUTBOX_AGE.labels(self.service).set(await outbox.oldest_seconds(connection))
                _QUARANTINED.labels(self.service).set(await quarantine.count_held(connection))
                await inbox.ensure_partitions(connection, await clock(connection))
            for topic, behind in (self._consumer.lag if self._consumer else {}).items():
                _LAG.labels(topic, self.service).set(behind)
            return 15.0

        await keep_doing(turn, stop, name="gauges", rest=5.0)
