"""What intake does unasked: it collects single arrivals into batches, closes the day, and sweeps the store."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from services.intake.usecases.accept_arrivals import Asked, Result
from services.intake.usecases.close_day import close_day
from services.intake.usecases.desk import Desk
from services.intake.usecases.sweep_orphans import sweep_orphans
from shared.clock import now
from shared.lifecycle import keep_doing, rest_unless
from shared.postgres.pool import AWAY
from shared.problems import Problem, Unavailable

Admit = Callable[[list[Asked]], Awaitable[list[Result]]]
_MOST = 200
_HANDS = 2  # one batch gathers and is sealed while the other commits
_COLLECT_SECONDS = 0.005
_ANSWER_SECONDS = 20.0
_LAST_SECONDS = 6.0
_IDLE_SECONDS = 0.5
_CLOSING_SECONDS = 20.0
_SWEEP_SECONDS = 600.0
_log = structlog.get_logger()

_Waiting = tuple[Asked, "asyncio.Future[Result]"]


class ArrivalCollector:
    """Accepts single arrivals together: at most 200, or what comes within 5 ms, in one transaction."""

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self._waiting: deque[_Waiting] = deque()
        self._came = asyncio.Event()
        self._is_full = asyncio.Event()
        self._is_open = True

    async def accept(self, asked: Asked) -> Result:
        """Give the result when it is durable; raises what the batch raised."""
        if not self._is_open:
            raise Unavailable("The service is stopping.", retry_after=2)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        self._came.set()
        if len(self._waiting) >= _MOST:
            self._is_full.set()
        return await asyncio.wait_for(future, _ANSWER_SECONDS)

    async def run(self, stop: asyncio.Event) -> None:
        """Accept until the stop, and a little longer: requests under way are answered."""
        async with asyncio.TaskGroup() as hands:
            for _ in range(_HANDS):
                hands.create_task(self._collect(stop))
        self._is_open = False

    async def _collect(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            await self._turn(0.2)
        until = loop.time() + _LAST_SECONDS
        while loop.time() < until and await self._turn(_IDLE_SECONDS):
            pass

    async def _turn(self, patience: float) -> bool:
        try:
            await asyncio.wait_for(self._came.wait(), patience)
        except TimeoutError:
            return False
        await rest_unless(self._is_full, _COLLECT_SECONDS)
        batch = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
        if not self._waiting:
            self._came.clear()
        if len(self._waiting) < _MOST:
            self._is_full.clear()
        await self._answer([one for one in batch if not one[1].done()])
        return True

    async def _answer(self, batch: list[_Waiting]) -> None:
        try:
            results = await self._admit([asked for asked, _ in batch]) if batch else []
        except Exception as error:  # noqa: BLE001  whatever it is, the ones who wait must learn of it
            await self._answer_alone(batch, error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def _answer_alone(self, batch: list[_Waiting], error: Exception) -> None:
        """A fault of one arrival must not refuse the others; a neighbour that is away refuses all alike."""
        if len(batch) == 1 or isinstance(error, (*AWAY, Problem)):
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        _log.warning("a batch raised and is accepted one by one", error=type(error).__name__, arrivals=len(batch))
        for one in batch:
            await self._answer([one])


async def close_days(desk: Desk, stop: asyncio.Event) -> None:
    """At each office's closing time keep the places of those who are still waiting."""

    async def turn() -> float:
        for office in desk.offices:
            async with desk.database.transaction() as tx:
                kept = await close_day(tx, desk, office, now())
            if kept:
                _log.info("places kept at closing time", office=office, places=kept)
        return _CLOSING_SECONDS

    await keep_doing(turn, stop, name="closing time", rest=2.0)


async def sweep_store(desk: Desk, older_than_seconds: float, stop: asyncio.Event) -> None:
    """Remove stored bytes that no row names."""

    async def turn() -> float:
        removed = await sweep_orphans(desk, older_than_seconds)
        if removed:
            _log.info("orphans removed from the store", files=removed)
        return _SWEEP_SECONDS

    await keep_doing(turn, stop, name="orphan sweep", rest=2.0)
