"""One pool per service; the service starts while PostgreSQL is down and comes back when it does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
import orjson
import structlog
from asyncpg.pool import PoolConnectionProxy

Transaction: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


class DatabaseAway(Exception):
    """PostgreSQL does not answer; the caller may try again."""


# PostgreSQL is away or restarting: not the fault of what was asked, so wait and ask again.
AWAY: tuple[type[BaseException], ...] = (
    DatabaseAway,
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
    asyncpg.InternalClientError,
)

# A connection lost within `prepare` shows as an InterfaceError, too.
_NOT_OPENED: tuple[type[BaseException], ...] = (*AWAY, asyncpg.InterfaceError)

Prepare: TypeAlias = Callable[[Transaction], Awaitable[None]]

_SESSION = {
    "jit": "off",
    # Every hot statement has its index. A young table has no statistics: a plan made then would scan it for hours.
    "enable_seqscan": "off",
    "statement_timeout": "30000",
    "lock_timeout": "10000",
    "idle_in_transaction_session_timeout": "30000",
    "TimeZone": "UTC",
}
_log = structlog.get_logger()


class Database:
    """A pool that opens itself in the background and lends transactions."""

    def __init__(self, dsn: str, *, application: str, prepare: Prepare, size: int = 8) -> None:
        self._dsn = dsn
        self._prepare = prepare
        self._application = application
        self._size = size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def keep_open(self, stop: asyncio.Event) -> None:
        """Open the pool and prepare the schema as soon as PostgreSQL answers; until then nobody is lent anything."""
        while self._pool is None and not stop.is_set():
            try:
                self._pool = await self._open()
            except _NOT_OPENED as error:
                _log.warning("postgresql does not answer", error=type(error).__name__)
                await _rest(stop, 0.5)
        await stop.wait()

    async def close(self) -> None:
        """Give the connections back; those still busy are cut after five seconds."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 5)
            except TimeoutError:
                self._pool.terminate()

    @asynccontextmanager
    async def transaction(self, *, wait_seconds: float = 5) -> AsyncIterator[Transaction]:
        """Lend one transaction: committed at the end of the block, rolled back on an exception."""
        async with self.connection(wait_seconds=wait_seconds) as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def connection(self, *, wait_seconds: float = 5) -> AsyncIterator[Transaction]:
        """Lend a connection outside any transaction, for single reads."""
        if self._pool is None:
            raise DatabaseAway
        async with self._pool.acquire(timeout=wait_seconds) as connection:
            try:
                yield connection
            except asyncpg.InterfaceError as error:
                if isinstance(error, ValueError):  # a value the driver refuses; every other kind is a lost connection
                    raise
                raise DatabaseAway from error

    async def is_ready(self) -> bool:
        """Tell whether PostgreSQL answers within a second."""
        try:
            async with self.connection(wait_seconds=1) as connection:
                return await connection.fetchval("SELECT true", timeout=1) is True
        except AWAY:
            return False

    async def _open(self) -> "asyncpg.Pool[asyncpg.Record]":
        pool = await asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=self._size,
            timeout=5,
            command_timeout=35,
            init=_speak_json,
            reset=_leave_as_it_is,
            server_settings={"application_name": self._application, **_SESSION},
        )
        try:
            async with pool.acquire() as connection, connection.transaction():
                await self._prepare(connection)
        except BaseException:
            pool.terminate()
            raise
        return pool


async def clock(tx: Transaction) -> datetime:
    """Read the database's clock, the only one that due times and leases obey."""
    moment: datetime = await tx.fetchval("SELECT clock_timestamp()")
    return moment


async def _speak_json(connection: Any) -> None:
    await connection.set_type_codec("jsonb", encoder=_json, decoder=orjson.loads, schema="pg_catalog", format="text")


async def _leave_as_it_is(_connection: Any) -> None:
    """Nothing here sets session state, so the reset that asyncpg sends at each release would be a wasted round trip."""


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()  # our enumerations may be keys


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
