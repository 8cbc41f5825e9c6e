"""Keeps what other witnesses say of the line fresh for the verdict on each call, and follows line and outages."""

import time
from dataclasses import replace
from uuid import UUID

from prometheus_client import Gauge

from services.recording.centre.our_clock import OurClock
from services.recording.domain.line_witnesses import LinkRules, LinkVerdict, Round
from services.recording.domain.link import Verdict, shown_at
from services.recording.domain.outage import OutageRules
from services.recording.domain.surroundings import NOBODY_KNOWS, Surroundings
from services.recording.store import links, outages, probes
from services.recording.usecases.follow_outages import follow_outages
from services.recording.usecases.watch_line import watch_line
from shared.events.vocabulary import Operation
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Database, Transaction, clock

_LINK = Gauge("rekam_link_verdict", "1 for the verdict that stands on the operation's line.", ["operation", "verdict"])
_FRESH_SECONDS = 10.0
_CLOCK_EVERY_SECONDS = 10.0
_LEAST_COUNT_REST = 5.0
_COUNT_SHARE = 50  # counting who is touched may cost one fiftieth of the time


class Witness:
    """Handed to the transport, which asks it at each verdict; beyond ten seconds nobody knows anything."""

    def __init__(self) -> None:
        self._newest: Round | None = None
        self._age = 0.0
        self._read_at = 0.0
        self.clock = OurClock()

    def __call__(self) -> Surroundings:
        """Give what is known now."""
        age = self._age + time.monotonic() - self._read_at
        if self._newest is None or age > _FRESH_SECONDS:
            return replace(NOBODY_KNOWS, clock_off_seconds=self.clock.off_seconds)
        return Surroundings(
            neutral_reached=self._newest.neutral_reached,
            centre_answered=self._newest.centre_answered,
            second_way_answered=self._newest.second_way_answered,
            clock_off_seconds=self.clock.off_seconds,
            seconds_old=age,
        )

    def hear(self, newest: Round | None, age_seconds: float) -> None:
        """Take in the latest round and how old it was by the database's clock."""
        self._newest, self._age, self._read_at = newest, age_seconds, time.monotonic()


class Lookout:
    """One turn of each; every process looks, one of them judges and writes."""

    def __init__(
        self, database: Database, outbox: Outbox, witness: Witness, link_rules: LinkRules, rules: OutageRules
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._witness = witness
        self._link_rules = link_rules
        self._rules = rules
        self._counts: dict[UUID, tuple[int, int]] = {}
        self._count_at = 0.0
        self._clock_at = 0.0

    async def watch(self) -> None:
        """Judge the line and follow outages, or read what another process judged."""
        async with self._database.transaction() as tx:
            watched = await watch_line(tx, self._link_rules)
            if watched is not None:
                await follow_outages(tx, watched, self._counts, rules=self._rules, outbox=self._outbox)
        if watched is not None:
            _show(watched.verdicts)

    async def look(self) -> None:
        """Read the latest round and the clocks, so that a verdict on a call knows what others saw."""
        async with self._database.connection() as tx:
            if time.monotonic() >= self._clock_at:
                await self._compare_clocks(tx)
            newest, age = await probes.newest(tx)
        self._witness.hear(newest, age)

    async def count(self) -> None:
        """Count who is touched by the open outages, seldom enough to cost little."""
        began = time.monotonic()
        if began < self._count_at:
            return
        async with self._database.connection() as tx:
            self._counts = {one.id: await outages.touched(tx, one) for one in await outages.read_open(tx)}
        took = time.monotonic() - began
        self._count_at = time.monotonic() + max(_LEAST_COUNT_REST, took * _COUNT_SHARE)

    async def show(self) -> None:
        """Show the verdicts that stand, also where another process made them; an expired one says nothing."""
        async with self._database.connection() as tx:
            at, rows = await links.read_all(tx)
        if at is not None:
            _show({operation: shown_at(verdict, at) for operation, (verdict, _) in rows.items()})

    async def _compare_clocks(self, tx: Transaction) -> None:
        began = time.monotonic()
        theirs = await clock(tx)
        self._witness.clock.compare(theirs, (began + time.monotonic()) / 2)
        self._clock_at = time.monotonic() + _CLOCK_EVERY_SECONDS


def _show(verdicts: dict[Operation, Verdict]) -> None:
    for operation, said in verdicts.items():
        for verdict in LinkVerdict:
            _LINK.labels(operation, verdict).set(verdict is said.verdict)
