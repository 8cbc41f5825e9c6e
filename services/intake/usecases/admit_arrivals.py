"""Seals arrivals in a thread, then registers them in one transaction; the edge of single posts and batches alike."""

import asyncio
from collections.abc import Sequence

import asyncpg
import structlog

from services.intake.domain.visits import Arrival
from services.intake.usecases.accept_arrivals import Asked, Result, accept_arrivals
from services.intake.usecases.desk import Desk
from services.intake.usecases.seal_arrivals import Sealed, seal_arrivals, segment_of
from shared.clock import now
from shared.packets import SpoolFull
from shared.problems import Problem

_DRAWS = 3
_log = structlog.get_logger()


class NoRoom(Problem):
    """The spool is full; nothing was kept."""

    status, slug, retryable = 507, "spool-full", True


async def admit_arrivals(desk: Desk, asked: Sequence[Asked]) -> list[Result]:
    """Register all in one transaction, after their identities are durable; raises `NoRoom` when they cannot be."""
    for draw in range(_DRAWS):
        sealed = await _sealed(desk, [one.arrival for one in asked])
        try:
            async with desk.database.transaction() as tx:
                results = await accept_arrivals(tx, desk, asked, sealed, now())
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "arrival_receipt" or draw == _DRAWS - 1:
                raise
            _log.info("a receipt code was drawn twice", draw=draw)
            continue
        await _forget_unused(desk, sealed, results)
        return results
    raise RuntimeError("unreachable")


async def _sealed(desk: Desk, arrivals: Sequence[Arrival]) -> list[Sealed]:
    try:
        return await asyncio.to_thread(seal_arrivals, desk.vault, arrivals)
    except SpoolFull:
        raise NoRoom("Free the store's disk; the arrivals were not registered.", retry_after=60) from None


async def _forget_unused(desk: Desk, sealed: Sequence[Sealed], results: Sequence[Result]) -> None:
    """Remove a segment none of whose identities was needed; what a crash leaves behind, the sweep finds."""
    if any(not isinstance(one, Problem) and one.status == 201 and not one.is_repeated for one in results):  # noqa: PLR2004  created
        return
    await asyncio.to_thread(desk.vault.store.remove, segment_of(sealed))
