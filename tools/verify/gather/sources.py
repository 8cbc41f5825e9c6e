"""Each source read once, when a check first asks, in the order that makes them true of a system at work.

A call is journalled before its ledger row is written, and a row before its event is published: so the journal is read
first, the tables next, Kafka after them, and the journal's news last.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
from aiokafka.errors import KafkaError

from tools.local.endpoints import Endpoints
from tools.verify.checks.store import kept_by_events
from tools.verify.gather.centre import read_journal, read_records
from tools.verify.gather.databases import count_unfinished, read_intake, read_ledger
from tools.verify.gather.kafka import History, read_history, read_lag
from tools.verify.gather.rebuild import NoRebuild, read_rebuild
from tools.verify.gather.searching import search_everywhere
from tools.verify.gather.store import read_store
from tools.verify.seen import Call, Intake, Ledger, Rebuild, Registered, Rest, Search, Stored

_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx.HTTPError, KafkaError, NoRebuild)
T = TypeVar("T")


class CannotRead(Exception):
    """A part of the installation that a check needs does not answer."""


class Sources:
    """The running installation, as the checks ask for it."""

    def __init__(
        self, endpoints: Endpoints, folder: Path | None, markers: tuple[bytes, ...], tasks: asyncio.TaskGroup
    ) -> None:
        self._endpoints = endpoints
        self._folder = folder
        self._markers = markers
        self._group = tasks
        self._reading: dict[str, asyncio.Task[Any]] = {}

    async def journal(self) -> list[Call]:
        """Every call the centre saw; those it saw after the tables were read are not settled."""

        async def news() -> list[Call]:
            known = await self._journal_before()
            await self.ledger()
            after = known[-1].seq if known else 0
            return known + await read_journal(self._endpoints.centre_control, after=after, is_settled=False)

        return await self._once("the centre's journal", news)

    async def records(self) -> list[Registered]:
        """Give what the centre holds."""
        return await self._once("the centre's records", lambda: read_records(self._endpoints.centre_control))

    async def ledger(self) -> Ledger:
        """Give the recording service's tables."""

        async def read() -> Ledger:
            with contextlib.suppress(CannotRead):
                await self._journal_before()
            return await read_ledger(self._endpoints.postgres["recording"])

        return await self._once("recording's tables", read)

    async def intake(self) -> Intake:
        """Give what intake promised to keep."""
        return await self._once("intake's tables", lambda: read_intake(self._endpoints.postgres["intake"]))

    async def history(self) -> History:
        """Give all that Kafka tells."""

        async def read() -> History:
            for tables in (self.intake, self.ledger):
                with contextlib.suppress(CannotRead):
                    await tables()
            return await read_history(self._endpoints.kafka)

        return await self._once("Kafka's topics", read)

    async def stored(self) -> Stored:
        """Give what is wrong with the store."""

        async def read() -> Stored:
            if self._folder is None:
                raise CannotRead("the packet store: no run folder given")
            intake = await self.intake()
            told = kept_by_events((await self.history()).told)
            return await asyncio.to_thread(
                read_store, self._folder / "store", [*told, *intake.arrivals, *intake.captures]
            )

        return await self._once("the packet store", read)

    async def rest(self) -> Rest:
        """Give what is still on its way."""

        async def read() -> Rest:
            dsns = self._endpoints.postgres
            counts = {service: await count_unfinished(dsn) for service, dsn in dsns.items()}
            return Rest(
                outbox={service: unpublished for service, (unpublished, _) in counts.items()},
                quarantine={service: held for service, (_, held) in counts.items()},
                lag=await read_lag(self._endpoints.kafka),
            )

        return await self._once("outboxes, quarantines and lag", read)

    async def rebuild(self) -> Rebuild:
        """Give the hashes of the served and the rebuilt views."""
        return await self._once("status's rebuild", lambda: read_rebuild(self._endpoints))

    async def search(self) -> Search:
        """Search everything for people; last, for it alone keeps a core busy."""

        async def read() -> Search:
            topics = (await self.history()).raw
            return await search_everywhere(self._endpoints.postgres, topics, self._folder, self._markers)

        return await self._once("the places searched for people", read)

    async def _journal_before(self) -> list[Call]:
        return await self._once("the centre's journal so far", lambda: read_journal(self._endpoints.centre_control))

    async def _once(self, name: str, read: Callable[[], Awaitable[T]]) -> T:
        if name not in self._reading:
            self._reading[name] = self._group.create_task(_caught(name, read), name=name)
        found: T | CannotRead = await self._reading[name]
        if isinstance(found, CannotRead):
            raise CannotRead(str(found))
        return found


async def _caught(name: str, read: Callable[[], Awaitable[T]]) -> T | CannotRead:
    try:
        return await read()
    except CannotRead as error:
        return error
    except _AWAY as error:
        return CannotRead(f"{name}: {type(error).__name__}")
