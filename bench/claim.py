"""What a claim costs before a backlog of 700,000, and what a service costs that has nothing to do behind it."""

import asyncio
import time
from datetime import timedelta

import asyncpg

from bench.backlog import OFFICES, Connection, fill
from bench.client import expect
from bench.meter import Cost, Meter
from bench.result import Aim, Figure, Result, percentile
from bench.site import Plan, Site, wait_until
from services.recording.store.claims import Lease
from services.recording.usecases.claim_stages import claim_stages
from shared.events.vocabulary import Operation
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, Transaction

_CLAIMED = 64
_WAITING = 700_000
_WAITING_QUICK = 3_000
_CLAIMS = 200
_MOST_QUICK = 1_000
_REST_SECONDS = 8.0
_IDLE_SECONDS = 12.0
_PARTITIONS = 6
_LEASE = Lease(timedelta(minutes=1))
_WIDE = f"UPDATE gate SET call_limit = {_CLAIMED}, allowed = {_CLAIMED}, state = 'flowing', not_before = NULL"  # noqa: S608  our own number
_DONE = "UPDATE stage SET state = 'done', lease_token = NULL WHERE lease_token = $1"


async def claim(site: Site, plan: Plan) -> Result:
    """Claim through the use case itself, each call over before the next claim; then count what idling costs."""
    is_quick = plan.most < _MOST_QUICK
    number = _WAITING_QUICK if is_quick else _WAITING
    await asyncio.to_thread(site.stack.stop_service, "recording")
    connection = await asyncpg.connect(site.stack.endpoints.postgres["recording"], timeout=10)
    try:
        took = await _claims(site, connection, number, 5 if is_quick else _CLAIMS)
        await fill(connection, number, timedelta(days=1))
        await connection.execute(_WIDE)
        await asyncio.to_thread(site.stack.start_service, "recording")
        listed = [await _list_gates(site) for _ in range(3 if is_quick else 20)]
        cost = await _idle(site, plan.seconds if is_quick else _IDLE_SECONDS, 0.2 if is_quick else _REST_SECONDS)
        await connection.execute("TRUNCATE recording, stage", timeout=60)
    finally:
        await connection.close(timeout=5)
    return _result(number, took, listed, cost)


async def _claims(site: Site, connection: Connection, number: int, count: int) -> list[float]:
    await fill(connection, number, timedelta(days=-1))
    await connection.execute(_WIDE)
    database = Database(site.stack.endpoints.postgres["recording"], application="rekam-bench", prepare=_nothing)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(database.keep_open(stop))
        await wait_until(database.is_ready, 10, "PostgreSQL does not answer")
        took = [await _claim_once(database, connection) for _ in range(count)]
        stop.set()
    await database.close()
    return took


async def _claim_once(database: Database, connection: Connection) -> float:
    began = time.perf_counter()
    async with database.transaction() as tx:
        outbox = Outbox(_PARTITIONS)
        turn = await claim_stages(tx, Operation.IDENTITY_CHECK, most=_CLAIMED, lease=_LEASE, outbox=outbox)
    took = time.perf_counter() - began
    if len(turn.claimed) != _CLAIMED:
        raise TimeoutError(f"{len(turn.claimed)} were claimed")
    await connection.execute(_DONE, turn.claimed[0].lease_token)
    return took


async def _idle(site: Site, seconds: float, rest: float) -> Cost:
    """Watch the service and PostgreSQL when all of it is due tomorrow."""
    await asyncio.sleep(rest)
    meter = Meter(site.stack.pids())
    meter.open()
    nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await meter.sample_while(nothing, seconds)
    return meter.close()


async def _list_gates(site: Site) -> float:
    began = time.perf_counter()
    expect(await site.recording.get("/v1/gates"), 200)
    return time.perf_counter() - began


async def _nothing(_: Transaction) -> None:
    """The service has prepared its database."""


def _result(number: int, took: list[float], listed: list[float], cost: Cost) -> Result:
    shares = {usage.name: 100 * usage.cpu_seconds / cost.seconds for usage in cost.usages}
    claims, lists = [[one * 1000 for one in these] for these in (took, listed)]
    return Result(
        f"Claims of {_CLAIMED} of {number:,} waiting stages over {OFFICES:,} offices",
        "claims",
        len(took),
        cost,
        [
            Figure("p50 ms of a claim", percentile(claims, 50), Aim(15, is_least=False)),
            Figure("p99 ms of a claim", percentile(claims, 99)),
            Figure("p50 ms of GET /v1/gates", percentile(lists, 50), Aim(200, is_least=False)),
            Figure("recording, % of a core, nothing due", shares["recording"], Aim(2, is_least=False)),
            Figure("postgres, % of a core, nothing due", shares["postgres"], note="for all four services"),
        ],
        ["the table's shares are those of the time when nothing was due"],
    )
