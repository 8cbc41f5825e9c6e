"""The services' tables, each database at one moment, read only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
import orjson

from tools.verify.seen import Attempt, Intake, Kept, Ledger, RecordingRow, StageRow, Told

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_ATTEMPTS = """
    SELECT id::text, recording_id::text, stage, number, operation, started_at, outcome, effect, cause, trigger,
        signature, trace_id, evidence <> '{}' AS has_evidence
    FROM attempt"""
_STAGES = """
    SELECT recording_id::text, stage, operation, state, due_at, strikes, attempt_id::text, started_at, first_failed_at
    FROM stage"""
_RECORDINGS = """
    SELECT id::text, office, purpose, state, packet_version, awaits, card_not_before,
        card_printed_at IS NOT NULL AS is_printed
    FROM recording"""
_STOCK = "SELECT regency, stock FROM blank_stock"
_OUTBOX = "SELECT headers, value, topic FROM outbox"
_ARRIVALS = """
    SELECT recording_id::text, 0 AS packet_version, identity_dataref AS dataref, identity_digest AS digest
    FROM arrival"""
_CAPTURES = "SELECT recording_id::text, packet_version, dataref, digest FROM capture"
_UNPUBLISHED = "SELECT count(*) FROM outbox"
_HELD = "SELECT count(*) FROM quarantine WHERE replayed_at IS NULL"


@asynccontextmanager
async def one_moment(dsn: str) -> AsyncIterator[Connection]:
    """Lend a read-only snapshot of a database."""
    connection = await asyncpg.connect(dsn, timeout=5, command_timeout=60)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close(timeout=5)


async def read_ledger(dsn: str) -> Ledger:
    """Read the recording service's tables."""
    async with one_moment(dsn) as tx:
        now: datetime = await tx.fetchval("SELECT clock_timestamp()")
        return Ledger(
            attempts=tuple(Attempt(**row) for row in await tx.fetch(_ATTEMPTS)),
            stages=tuple(StageRow(**row) for row in await tx.fetch(_STAGES)),
            recordings=tuple(RecordingRow(**row) for row in await tx.fetch(_RECORDINGS)),
            stock={row["regency"]: row["stock"] for row in await tx.fetch(_STOCK)},
            waiting=await _waiting(tx),
            now=now,
        )


async def read_intake(dsn: str) -> Intake:
    """Read what intake has promised to keep; nothing where intake has never run."""
    async with one_moment(dsn) as tx:
        if await tx.fetchval("SELECT to_regclass('arrival')") is None:
            return Intake()
        return Intake(
            arrivals=tuple(Kept(**row) for row in await tx.fetch(_ARRIVALS)),
            captures=tuple(Kept(**row) for row in await tx.fetch(_CAPTURES)),
            waiting=await _waiting(tx),
        )


async def count_unfinished(dsn: str) -> tuple[int, int]:
    """Count a service's unpublished events and its records in quarantine; none where it has never run."""
    async with one_moment(dsn) as tx:
        if await tx.fetchval("SELECT to_regclass('outbox')") is None:
            return 0, 0
        return await tx.fetchval(_UNPUBLISHED), await tx.fetchval(_HELD)


async def _waiting(tx: Connection) -> tuple[Told, ...]:
    return tuple(_told(row) for row in await tx.fetch(_OUTBOX))


def _told(row: Any) -> Told:
    said = orjson.loads(row["headers"])
    return Told(
        id=said["ce_id"],
        source=said["ce_source"],
        key=said["ce_subject"],
        type=said["ce_type"],
        sequence=int(said["ce_sequence"]),
        time=datetime.fromisoformat(said["ce_time"]),
        data=orjson.loads(row["value"]),
        topic=row["topic"],
    )
