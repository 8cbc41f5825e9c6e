"""What must happen now and then beside the work itself: probes, the end of orders, cards, the ledger's partitions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from services.recording.loops.desk import Desk
from services.recording.loops.gauges import PROBES
from services.recording.loops.work import Work
from services.recording.store import gates, ledger
from services.recording.usecases.call_centre import probe_centre
from services.recording.usecases.learn_gates import learn_from_probe
from services.recording.usecases.release_cards import come_of_age, release_cards
from services.recording.usecases.set_gate import end_orders
from shared.events.vocabulary import Operation
from shared.postgres.pool import clock

_PROBE_SECONDS = 4.0
_PROBER_DIED = timedelta(seconds=_PROBE_SECONDS + 2)


class Care:
    """One turn of each; `services.recording.loops.tasks` repeats them."""

    def __init__(self, desk: Desk, work: Work) -> None:
        self._desk = desk
        self._work = work

    async def probe(self) -> None:
        """Probe the centre for the gates that hold and whose time has come, and let orders end; one process does it."""
        async with self._desk.database.connection() as tx:
            is_due, ended = await gates.due_for_care(tx)
        if ended:
            await self._end_orders(ended)
        if not is_due:
            return
        async with self._desk.database.transaction() as tx:
            due = await gates.take_probe(tx, _PROBER_DIED)
        if due:
            await self._probe_for(due)

    async def _probe_for(self, due: Sequence[Operation]) -> None:
        is_alive = await probe_centre(self._desk.client, replace(self._desk.deadlines, call_seconds=_PROBE_SECONDS))
        PROBES.labels("answered" if is_alive else "silent").inc()
        async with self._desk.database.transaction() as tx:
            for operation in sorted(due):
                events = await learn_from_probe(tx, operation, is_alive=is_alive, rest=self._desk.rules.probe_every)
                await self._desk.outbox.add(tx, events)
            await gates.end_probe(tx)
        if is_alive:
            self._work.ring()

    async def _end_orders(self, operations: Sequence[Operation]) -> None:
        async with self._desk.database.transaction() as tx:
            for operation in sorted(operations):
                await self._desk.outbox.add(tx, await end_orders(tx, operation))
        self._work.ring(operations)

    async def release_cards(self) -> None:
        """Let cards be printed for those who have become old enough and for whom there are blanks."""
        async with self._desk.database.transaction() as tx:
            await come_of_age(tx, self._desk.outbox)
            released = await release_cards(tx, self._desk.outbox)
        if released:
            self._work.ring()

    async def ensure_partitions(self) -> None:
        """Make the ledger's partition of this month and the next."""
        async with self._desk.database.transaction() as tx:
            await ledger.ensure_partitions(tx, await clock(tx))
