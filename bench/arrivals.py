"""How many arrivals intake keeps, posted one by one and by the batch, while the rest of the stack works them off."""

import asyncio
import time

from bench.result import Aim, Figure, Result, percentile
from bench.site import Plan, Site, Window
from shared.events.vocabulary import Purpose

CLIENTS = 32
_BATCH_CLIENTS = 2
_LINES = 500
_MS = 1000
_LINE = {False: ", the line works and calls are made", True: ", the line is dead and the gate holds"}


async def single(site: Site, plan: Plan) -> Result:
    """POST /v1/arrivals by 32 clients, each posting again when it is answered."""
    posted: list[tuple[float, float]] = []

    async def work(stop: asyncio.Event) -> None:
        async def client() -> None:
            while not stop.is_set() and len(posted) < plan.most:
                began = time.perf_counter()
                await site.post_arrival(Purpose.FIRST_RECORDING)
                posted.append((time.time(), time.perf_counter() - began))

        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(client())

    if plan.is_line_down:
        await site.hold_gate()
    window = await site.measure(plan, work)
    times = [took * _MS for at, took in posted if window.holds(at)]
    return Result(
        f"Arrivals by single POST, {CLIENTS} clients ({window.seconds:.0f} s{_LINE[plan.is_line_down]})",
        "arrivals",
        len(times),
        window.cost,
        [
            Figure("arrivals/s", len(times) / window.seconds, Aim(500)),
            Figure("p50 ms", percentile(times, 50)),
            Figure("p99 ms", percentile(times, 99), Aim(150, is_least=False)),
        ],
    )


async def batch(site: Site, plan: Plan) -> Result:
    """POST /v1/arrival-batches, nobody leaves a contact."""
    return await _batches(site, plan, Aim(3000), has_contact=False)


async def batch_contacts(site: Site, plan: Plan) -> Result:
    """POST /v1/arrival-batches, everybody leaves an e-mail address."""
    return await _batches(site, plan, Aim(2000), has_contact=True)


async def _batches(site: Site, plan: Plan, aim: Aim, *, has_contact: bool) -> Result:
    posted: list[tuple[float, float]] = []

    async def work(stop: asyncio.Event) -> None:
        async def client() -> None:
            while not stop.is_set() and len(posted) * _LINES < plan.most:
                began = time.perf_counter()
                await site.post_batch(_LINES, Purpose.FIRST_RECORDING, has_contact=has_contact)
                posted.append((time.time(), time.perf_counter() - began))

        async with asyncio.TaskGroup() as group:
            for _ in range(_BATCH_CLIENTS):
                group.create_task(client())

    if plan.is_line_down:
        await site.hold_gate()
    window = await site.measure(plan, work)
    said = f"{'with' if has_contact else 'without'} contacts, {_BATCH_CLIENTS} clients"
    title = f"Arrivals by batches of {_LINES}, {said} ({window.seconds:.0f} s{_LINE[plan.is_line_down]})"
    return _of_batches(title, posted, window, aim)


def _of_batches(title: str, posted: list[tuple[float, float]], window: Window, aim: Aim) -> Result:
    times = [took * _MS for at, took in posted if window.holds(at)]
    count = len(times) * _LINES
    figures = [
        Figure("arrivals/s", count / window.seconds, aim),
        Figure("p50 ms of a batch", percentile(times, 50)),
        Figure("p99 ms of a batch", percentile(times, 99)),
    ]
    return Result(title, "arrivals", count, window.cost, figures)
