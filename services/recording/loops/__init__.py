"""What recording does by itself."""

import asyncio
from collections.abc import Awaitable, Callable

from services.recording.loops.care import Care
from services.recording.loops.desk import Desk
from services.recording.loops.gauges import measure
from services.recording.loops.work import Work
from shared.lifecycle import Task, keep_doing


def tasks(desk: Desk, work: Work) -> dict[str, Task]:
    """List the tasks for the lifecycle."""
    care = Care(desk, work)
    return {
        "work": work.run,
        "leases": _every(1.0, work.expire_leases, "leases"),
        "probes": _every(0.2, care.probe, "probes"),
        "cards": _every(0.5, care.release_cards, "cards"),
        "partitions": _every(3600.0, care.ensure_partitions, "partitions"),
        "measure": _every(10.0, lambda: measure(desk.database), "gauges"),
    }


def _every(seconds: float, turn: Callable[[], Awaitable[None]], name: str) -> Task:
    async def run(stop: asyncio.Event) -> None:
        async def once() -> float:
            await turn()
            return seconds

        await keep_doing(once, stop, name=name)

    return run
