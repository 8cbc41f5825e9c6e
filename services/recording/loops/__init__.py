"""What recording does by itself."""

import asyncio
from collections.abc import Awaitable, Callable

from services.recording.loops.care import Care
from services.recording.loops.desk import Desk
from services.recording.loops.gauges import measure
from services.recording.loops.groups import Groups
from services.recording.loops.witness import Lookout
from services.recording.loops.work import Work
from shared.lifecycle import Task, keep_doing


def tasks(desk: Desk, work: Work, lookout: Lookout) -> dict[str, Task]:
    """List the tasks for the lifecycle."""
    care = Care(desk, work)
    groups = Groups(desk, work)
    return {
        "work": work.run,
        "leases": _every(1.0, work.expire_leases, "leases"),
        "probes": _every(0.2, care.probe, "probes"),
        "groups": groups.run,
        "plans": _every(3600.0, groups.forget_plans, "plans"),
        "cards": _every(0.5, care.release_cards, "cards"),
        "partitions": _every(3600.0, care.ensure_partitions, "partitions"),
        "witness": _every(1.0, lookout.look, "witness"),
        "line": _every(0.5, lookout.watch, "line"),
        "touched": _every(1.0, lookout.count, "touched"),
        "verdicts": _every(5.0, lookout.show, "verdicts"),
        "measure": _every(10.0, lambda: measure(desk.database), "gauges"),
    }


def _every(seconds: float, turn: Callable[[], Awaitable[None]], name: str) -> Task:
    async def run(stop: asyncio.Event) -> None:
        async def once() -> float:
            await turn()
            return seconds

        await keep_doing(once, stop, name=name)

    return run
