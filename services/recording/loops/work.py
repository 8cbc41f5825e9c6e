"""Claim what is due, call the centre, accept what came of it: any number of processes share this by lease and gate."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence

import structlog

from services.recording.events_out import Attempted
from services.recording.loops.desk import Desk
from services.recording.loops.gauges import count_attempt
from services.recording.store.claims import Claimed
from services.recording.usecases.accept_outcomes import Outcome, accept_outcomes
from services.recording.usecases.call_centre import call_centre
from services.recording.usecases.claim_stages import Turn, claim_stages
from services.recording.usecases.expire_leases import expire_leases
from services.recording.usecases.write_ledger import span_of
from shared.events.vocabulary import Operation
from shared.lifecycle import keep_doing, rest_unless
from shared.postgres.pool import AWAY

_COMPANY_SECONDS = 0.01  # a claim waits this long for what becomes due together
_COLLECT_SECONDS = 0.01
_COLLECT_MOST = 64
_FINISH_SECONDS = 6.0
_log = structlog.get_logger()


class Work:
    """The workers of all operations and the collector of their outcomes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self._bells = {operation: asyncio.Event() for operation in Operation}
        self._full: set[Operation] = set()

    def ring(self, operations: Iterable[Operation] = tuple(Operation)) -> None:
        """Wake the workers of these operations: something may have become due."""
        for operation in operations:
            self._bells[operation].set()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve all operations; the collector ends last, so that no outcome of a call under way is lost."""
        all_called = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._collect(all_called), name="collect")
            async with asyncio.TaskGroup() as workers:
                for operation in Operation:
                    workers.create_task(self._serve(operation, stop), name=f"work {operation}")
            all_called.set()

    async def _serve(self, operation: Operation, stop: asyncio.Event) -> None:
        bell = self._bells[operation]
        in_hand: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as calls:

            async def turn() -> float:
                bell.clear()
                found = await self._claim(operation)
                for one in found.claimed:
                    call = calls.create_task(self._call(one))
                    in_hand.add(call)
                    call.add_done_callback(in_hand.discard)
                await _bell_or(bell, stop, found.rest_seconds)
                return _COMPANY_SECONDS

            await keep_doing(turn, stop, name=f"work {operation}")
            await _finish(in_hand)

    async def _claim(self, operation: Operation) -> Turn:
        async with self._desk.database.transaction() as tx:
            lease = self._desk.deadlines.lease(operation)
            found = await claim_stages(
                tx, operation, most=self._desk.most_in_flight, lease=lease, outbox=self._desk.outbox
            )
        (self._full.add if found.is_full else self._full.discard)(operation)
        return found

    async def _call(self, claimed: Claimed) -> None:
        desk = self._desk
        self._outcomes.put_nowait(await call_centre(desk.client, desk.store, claimed, desk.deadlines))

    async def _collect(self, all_called: asyncio.Event) -> None:
        while not (all_called.is_set() and self._outcomes.empty()):
            if batch := await _gather(self._outcomes):
                await self._accept(batch, all_called)

    async def _accept(self, batch: Sequence[Outcome], all_called: asyncio.Event) -> None:
        """Accept a batch, keeping it in hand while PostgreSQL is away; at the stop its leases take over."""
        while True:
            try:
                async with self._desk.database.transaction() as tx:
                    attempted = await accept_outcomes(tx, batch, rules=self._desk.rules, outbox=self._desk.outbox)
            except AWAY as error:
                _log.warning("outcomes wait for postgresql", error=type(error).__name__, outcomes=len(batch))
                if all_called.is_set():
                    return
                await rest_unless(all_called, 0.5)
            except Exception:  # noqa: BLE001  the work of all others goes on; this one's lease runs out
                _log.exception("outcomes could not be judged", outcomes=len(batch))
                if len(batch) > 1:
                    for one in batch:
                        await self._accept([one], all_called)
                return
            else:
                self._show(attempted)
                return

    def _show(self, attempted: Sequence[Attempted]) -> None:
        # Wake those for whom there is something new: a stage opened or brought forward, or room in a full gate.
        self.ring(self._full & {one.row.life.operation for one in attempted})
        self.ring({operation for one in attempted for operation in one.wakes})
        for one in attempted:
            self._desk.telemetry.record(span_of(one))
            count_attempt(one)

    async def expire_leases(self) -> None:
        """Give attempts whose worker died their ledger row."""
        async with self._desk.database.transaction() as tx:
            attempted = await expire_leases(tx, rules=self._desk.rules, outbox=self._desk.outbox)
        self._show(attempted)


async def _gather(outcomes: "asyncio.Queue[Outcome]") -> list[Outcome]:
    """Wait for a first outcome, then a moment for its company."""
    try:
        batch = [await asyncio.wait_for(outcomes.get(), 0.5)]
    except TimeoutError:
        return []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_COLLECT_SECONDS):
            while len(batch) < _COLLECT_MOST:
                batch.append(await outcomes.get())
    return batch


async def _bell_or(bell: asyncio.Event, stop: asyncio.Event, seconds: float) -> None:
    if not stop.is_set() and seconds > 0:
        await rest_unless(bell, seconds)


async def _finish(in_hand: "set[asyncio.Task[None]]") -> None:
    """Let calls under way end; one that takes longer is left to its lease."""
    if in_hand:
        _, late = await asyncio.wait(in_hand, timeout=_FINISH_SECONDS)
        for call in late:
            call.cancel()
