"""Gathers what the wanted checks need, in the order that makes them true of a system at work, and runs them.

A call is journalled before its ledger row is written, and a row before its event is published: so the journal is read
first (and its news last), the tables next, Kafka after them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
from aiokafka.errors import KafkaError

from tools.local.endpoints import Endpoints
from tools.verify.checks import calls, gates, history, rest, store
from tools.verify.gather.centre import read_journal, read_records
from tools.verify.gather.databases import count_unfinished, read_intake, read_ledger
from tools.verify.gather.kafka import History, read_history, read_lag
from tools.verify.gather.rebuild import NoRebuild, read_rebuild
from tools.verify.gather.searching import search_everywhere
from tools.verify.gather.store import read_store
from tools.verify.result import Result
from tools.verify.seen import Accepted, Call, Intake, Ledger, Outage, Rest, Stored

ALL = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I10", "I11", "I13")
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx.HTTPError, KafkaError, NoRebuild)
T = TypeVar("T")


class CannotRead(Exception):
    """A part of the installation that a check needs does not answer."""


async def verify(
    endpoints: Endpoints,
    *,
    folder: Path | None = None,
    only: Collection[str] | None = None,
    accepted: Accepted | None = None,
    outages: Sequence[Outage] = (),
    markers: Sequence[bytes] = (),
) -> list[Result]:
    """Check the invariants, or `only` some; `folder` is the run folder (store, logs, spans), `markers` I10's bytes."""
    wanted = [one for one in ALL if only is None or one in only]
    sources = _Sources(endpoints, folder, tuple(markers))
    checks = _checks(sources, accepted, outages)
    async with asyncio.TaskGroup() as tasks:
        sources.begin(tasks, wanted)
        return [await _checked(one, checks[one]) for one in wanted]


@dataclass(frozen=True, slots=True)
class _Check:
    run: Callable[[], Awaitable[Result]]


async def _checked(identifier: str, check: Callable[[], Awaitable[Result]]) -> Result:
    try:
        return await check()
    except CannotRead as error:
        return Result(identifier, False, "cannot be checked", str(error))
