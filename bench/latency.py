"""How long one person's extension takes at fifty a second, from the POST to the completed recording."""

import asyncio
import time
from uuid import UUID

from bench.client import BenchFailed
from bench.result import Aim, Figure, Result, percentile
from bench.site import Plan, Site, Window
from shared.events.vocabulary import Purpose

_PER_SECOND = 50
_ALL_DONE_WITHIN = 30.0
_COMPLETED = "SELECT id, changed_at FROM recording WHERE state = 'completed' AND id = ANY($1)"
_TOLD = """
    SELECT key, received_at
    FROM event_log
    WHERE type = 'recording.completed.v1' AND key = ANY($1)"""


async def latency(site: Site, plan: Plan) -> Result:
    """Post by the clock, whether earlier ones are answered or not; read the times only after the last."""
    sent: dict[UUID, float] = {}
    answered: list[tuple[float, float]] = []

    async def work(stop: asyncio.Event) -> None:
        began, number = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while not stop.is_set() and number < plan.most:
                group.create_task(_post(site, sent, answered))
                number += 1
                await asyncio.sleep(max(0.0, began + number / _PER_SECOND - time.monotonic()))

    window = await site.measure(plan, work)
    completed, told = await _ends(site, {key: at for key, at in sent.items() if window.holds(at)})
    return _result(window, completed, told, [took * 1000 for at, took in answered if window.holds(at)])


async def _post(site: Site, sent: dict[UUID, float], answered: list[tuple[float, float]]) -> None:
    began = time.time()
    arrival = await site.post_arrival(Purpose.SUKET_EXTENSION)
    answered.append((began, time.time() - began))
    sent[UUID(arrival["recording_id"])] = began


async def _ends(site: Site, sent: dict[UUID, float]) -> tuple[list[float], list[float]]:
    until = time.monotonic() + _ALL_DONE_WITHIN
    keys = [str(one) for one in sent]
    while len(told := await site.rows("status", _TOLD, keys)) < len(sent):
        if time.monotonic() > until:
            raise BenchFailed(f"{len(told)} of {len(sent)} extensions were completed")
        await asyncio.sleep(0.5)
    completed = await site.rows("recording", _COMPLETED, list(sent))
    return (
        [row["changed_at"].timestamp() - sent[row["id"]] for row in completed],
        [row["received_at"].timestamp() - sent[UUID(row["key"])] for row in told],
    )


def _result(window: Window, completed: list[float], told: list[float], answered: list[float]) -> Result:
    return Result(
        f"POST to completed, suket_extension at {_PER_SECOND}/s, open loop ({window.seconds:.0f} s)",
        "journeys",
        len(completed),
        window.cost,
        [
            Figure("p50 s to completed", percentile(completed, 50), Aim(0.25, is_least=False)),
            Figure("p99 s to completed", percentile(completed, 99), Aim(1, is_least=False)),
            Figure("p50 s to the event in status", percentile(told, 50)),
            Figure("p99 s to the event in status", percentile(told, 99)),
            Figure("p50 ms of the POST itself", percentile(answered, 50)),
            Figure("p99 ms of the POST itself", percentile(answered, 99)),
            Figure("journeys/s", len(completed) / window.seconds),
        ],
    )
