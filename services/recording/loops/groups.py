"""Lets retries of many stages go forward, wave by wave; any number of processes share them by the group's row."""

import asyncio

from services.recording.loops.desk import Desk
from services.recording.loops.work import Work
from services.recording.store import group_retries
from services.recording.usecases.advance_groups import Turn, advance_group
from shared.lifecycle import keep_doing

_REST_BUSY = 0.2
_REST_IDLE = 1.0


class Groups:
    """Its turn is one small question while nothing runs."""

    def __init__(self, desk: Desk, work: Work) -> None:
        self._desk = desk
        self._work = work

    async def run(self, stop: asyncio.Event) -> None:
        """Advance what runs until the stop."""
        await keep_doing(self.turn, stop, name="groups")

    async def turn(self) -> float:
        """Give each running group its turn, in a transaction of its own."""
        async with self._desk.database.transaction() as tx:
            running = await group_retries.running(tx)
        turns: set[Turn] = set()
        for group_id in running:
            async with self._desk.database.transaction() as tx:
                turns.add(await advance_group(tx, group_id, outbox=self._desk.outbox))
        if Turn.BEGAN in turns:
            self._work.ring()
        return _REST_BUSY if turns & {Turn.BEGAN, Turn.BUSY} else _REST_IDLE

    async def forget_plans(self) -> None:
        """Take away plans that nobody ran."""
        async with self._desk.database.transaction() as tx:
            await group_retries.forget_plans(tx)
