"""From an arrival to the office's board while the line is dead and the gate holds: nobody calls, all is recorded."""

import asyncio
import time
from urllib.parse import quote

import orjson

from bench.client import BenchFailed, expect
from bench.people import REGENCY
from bench.result import Aim, Figure, Result
from bench.site import Plan, Site, wait_until
from shared.events.vocabulary import Purpose

_AIMED_PER_SECOND = 500
_LINES = 500
_CLIENTS = 2
_STILL_SECONDS = 1.0
_POSITION = "SELECT position FROM event_head"


async def board(site: Site, plan: Plan) -> Result:
    """Post as many arrivals as the aim gives for the time, at full speed, and wait until the board shows them."""
    await site.hold_gate()
    await wait_until(lambda: _is_still(site), 60, "status did not come to rest")
    await _fill(site, _rounded(plan.warm_up))
    count = min(plan.most, _rounded(plan.seconds))
    shown_before = await _shown(site)
    posted = 0.0
    began = time.monotonic()

    async def work(_: asyncio.Event) -> None:
        nonlocal posted
        posted = await _fill(site, count)

    window = await site.measure(Plan(seconds=plan.seconds * 4 + 30, warm_up=0, most=count), work)
    elapsed = time.monotonic() - began
    shown = await _shown(site) - shown_before
    if shown != count:
        raise BenchFailed(f"the board shows {shown} of {count} arrivals")
    return Result(
        f"Arrival to board with the gate holding ({count:,} arrivals in {elapsed:.1f} s)",
        "arrivals",
        count,
        window.cost,
        [
            Figure("arrivals/s on the board", count / elapsed, Aim(_AIMED_PER_SECOND)),
            Figure(
                "arrivals/s while posting",
                count / posted,
                note=f"at full speed, batches of {_LINES}, {_CLIENTS} clients",
            ),
        ],
    )


def _rounded(seconds: float) -> int:
    return max(1, round(_AIMED_PER_SECOND * seconds / _LINES)) * _LINES


async def _fill(site: Site, count: int) -> float:
    """Post so many and wait until status has logged them; gives how long the posting took."""
    before = await _position(site)
    began = time.monotonic()
    await _post(site, count)
    posted = time.monotonic() - began
    await wait_until(lambda: _has_reached(site, before + count), 60 + count / 50, "the events did not reach status")
    return posted


async def _post(site: Site, count: int) -> None:
    batches = iter([min(_LINES, count - start) for start in range(0, count, _LINES)])

    async def client() -> None:
        for lines in batches:
            await site.post_batch(lines, Purpose.FIRST_RECORDING)

    async with asyncio.TaskGroup() as group:
        for _ in range(_CLIENTS):
            group.create_task(client())


async def _is_still(site: Site) -> bool:
    before = await _position(site)
    await asyncio.sleep(_STILL_SECONDS)
    return await _position(site) == before


async def _has_reached(site: Site, position: int) -> bool:
    return await _position(site) >= position


async def _position(site: Site) -> int:
    return int((await site.rows("status", _POSITION))[0][0])


async def _shown(site: Site) -> int:
    answer = expect(await site.status.get(f"/v1/offices/{quote(REGENCY + '.')}/board"), 200)
    return sum(orjson.loads(answer.body)["situations"].values())
