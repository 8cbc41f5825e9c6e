"""What must happen now and then beside the work itself: probes, cards, the ledger's partitions."""

import random
from datetime import timedelta

from services.recording.loops.desk import Desk
from services.recording.loops.gauges import PROBES
from services.recording.loops.work import Work
from services.recording.store import gates, ledger
from services.recording.usecases.call_centre import probe_centre
from services.recording.usecases.learn_gates import learn_from_probe
from services.recording.usecases.release_cards import come_of_age, release_cards
from shared.clock import now


class Care:
    """One turn of each; `services.recording.loops.tasks` repeats them."""

    def __init__(self, desk: Desk, work: Work) -> None:
        self._desk = desk
        self._work = work

    async def probe(self) -> None:
        """Probe the centre for the gates that hold and whose time has come; one process does it."""
        meanwhile = timedelta(seconds=self._desk.deadlines.call_seconds * 2)
        async with self._desk.database.transaction() as tx:
            due = await gates.take_due_probes(tx, meanwhile)
        if not due:
            return
        is_alive = await probe_centre(self._desk.client, self._desk.deadlines)
        PROBES.labels("answered" if is_alive else "silent").inc()
        async with self._desk.database.transaction() as tx:
            rest = self._desk.rules.probe_every * random.uniform(0.7, 1.3)  # noqa: S311  jitter
            for operation in sorted(due):
                events = await learn_from_probe(tx, operation, is_alive=is_alive, rest=rest)
                await self._desk.outbox.add(tx, events)
        if is_alive:
            self._work.ring()

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
            await ledger.ensure_partitions(tx, now())
