"""Makes the rounds: at ease every few seconds, every second while something fails; one process of several does it."""

import random
import time
from datetime import datetime, timedelta

from prometheus_client import Counter

from services.recording.centre.our_clock import OurClock
from services.recording.probe.rounds import Places, ask_around
from services.recording.probe.settings import ProbeSettings
from services.recording.store import probes
from services.recording.store.probes import Seen
from shared.postgres.pool import AWAY, Database, Transaction

_ROUNDS = Counter("rekam_probe_rounds_total", "Rounds of the probe by what the centre did.", ["result"])
_LOOK_SECONDS = 1.0
_TROUBLE_LASTS = timedelta(seconds=10)
_PRUNE_SECONDS = 3600.0
_READY_SECONDS = 20.0


class Watch:
    """Repeats `turn`; ready while the database hears it, whether it is the active one or stands by."""

    def __init__(
        self, database: Database, places: Places, settings: ProbeSettings, holder: str, clock: OurClock
    ) -> None:
        self._database = database
        self._places = places
        self._settings = settings
        self._holder = holder
        self._clock = clock
        self._due = 0.0
        self._began = 0.0
        self._fails = False
        self._heard = float("-inf")
        self._pruned = time.monotonic()

    @property
    def is_ready(self) -> bool:
        """Whether a turn went well lately."""
        return time.monotonic() - self._heard < _READY_SECONDS

    async def turn(self) -> float:
        """Make a round if one is due, and give the seconds until the next look."""
        now = await self._take_turn()
        if now is None:
            self._heard = time.monotonic()
            return _LOOK_SECONDS
        if time.monotonic() < self._due and await self._is_troubled(now):
            self._due = min(self._due, self._began + self._failing_rest())
        if time.monotonic() >= self._due:
            await self._round(now)
        self._heard = time.monotonic()
        return max(0.01, min(_LOOK_SECONDS, self._due - time.monotonic()))

    async def prune(self) -> float:
        """Forget old rounds; gives the rest until the next time."""
        async with self._database.connection() as tx:
            now = await self._take(tx)
            if now is not None:
                await probes.prune(tx, now - timedelta(days=self._settings.probe_kept_days))
        return _PRUNE_SECONDS

    async def let_go(self) -> None:
        """Let another probe begin at once."""
        try:
            async with self._database.connection(wait_seconds=1) as tx:
                await probes.release_lease(tx, self._holder)
        except AWAY:
            return

    async def _round(self, now: datetime) -> None:
        self._began = time.monotonic()
        seen = await ask_around(self._places, now)
        _ROUNDS.labels("answered" if seen.centre_answered else "silent").inc()
        async with self._database.connection() as tx:
            await probes.add(tx, seen)
        self._fails = _something_fails(seen)
        if self._fails:
            self._due = time.monotonic() + self._failing_rest()
        else:
            self._due = self._began + self._settings.probe_every_seconds * random.uniform(0.7, 0.9)  # noqa: S311  jitter

    def _failing_rest(self) -> float:
        return self._settings.probe_failing_seconds * random.uniform(0.7, 1.3)  # noqa: S311  jitter

    async def _take_turn(self) -> datetime | None:
        async with self._database.connection() as tx:
            return await self._take(tx)

    async def _take(self, tx: Transaction) -> datetime | None:
        patience = self._settings.probe_every_seconds + 2 * self._settings.probe_deadline_seconds
        now = await probes.take_lease(tx, self._holder, timedelta(seconds=patience))
        if now is not None:
            self._clock.compare(now, time.monotonic())
        return now

    async def _is_troubled(self, now: datetime) -> bool:
        async with self._database.connection() as tx:
            return await probes.is_troubled(tx, now - _TROUBLE_LASTS)


def _something_fails(seen: Seen) -> bool:
    other = seen.second_way is not None and not seen.second_way["answered"]
    return not seen.centre_answered or seen.neutral_reached is False or other
