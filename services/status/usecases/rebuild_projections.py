"""The views again from the history alone, in a schema of their own, and a hash to compare them by (I6)."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from services.status.store import projections as store
from services.status.usecases.record_events import record_events
from shared.events.envelope import Data, Event
from shared.postgres.pool import Database, Transaction


async def rebuild_projections(
    database: Database, history: AsyncIterator[Sequence[Event[Data]]], *, left_out: set[str]
) -> int:
    """Apply the history to the empty schema of `database`, each event once; gives how many events that were."""
    applied = 0
    async for batch in history:
        async with database.transaction() as tx:
            known = await store.known_events(tx, batch)
            fresh: dict[Any, Event[Data]] = {
                event.id: event for event in batch if event.id not in known and str(event.id) not in left_out
            }
            if fresh:
                await record_events(tx, list(fresh.values()))
        applied += len(fresh)
    return applied


async def hash_projections(tx: Transaction) -> tuple[str, int]:
    """Hash the log and every view, position and receive time excluded; gives the hash and the number of events."""
    digest, events = hashlib.sha256(), 0
    for table in sorted(store.HASHED):
        digest.update(table.encode())
        async for row in store.rows_to_hash(tx, table):
            digest.update(row + b"\n")
            events += table == "event_log"
    return digest.hexdigest(), events
