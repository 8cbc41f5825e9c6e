"""Removes stored bytes that no row names; younger ones may still be waiting for their row."""

import asyncio

from services.intake.store import captures
from services.intake.usecases.desk import Desk

_OURS = ("identities/", "packets/")
_AT_ONCE = 2_000


async def sweep_orphans(desk: Desk, older_than_seconds: float) -> int:
    """Give how many files were removed; never one that a row names."""
    store, removed = desk.vault.store, 0
    found = await asyncio.to_thread(store.segments, older_than_seconds)
    paths = [path for path in found if path.startswith(_OURS)]
    for start in range(0, len(paths), _AT_ONCE):
        async with desk.database.connection() as connection:
            orphans = await captures.orphans(connection, paths[start : start + _AT_ONCE])
        for path in orphans:
            await asyncio.to_thread(store.remove, path)
        removed += len(orphans)
    return removed
