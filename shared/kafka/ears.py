"""Applies heard events to the database: once each, in order per key, and what cannot be applied to quarantine."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from shared.events.catalog import CATALOG
from shared.events.envelope import Data, Event, Undecodable, read_event
from shared.postgres import inbox, quarantine
from shared.postgres.pool import AWAY, Database, Transaction, clock
from shared.postgres.quarantine import Held

UseCase = Callable[[Transaction, list[Event[Any]]], Awaitable[None]]
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Heard:
    """A record and what it says; `event` is absent when it could not be decoded, and `error` names why."""

    held: Held
    event: Event[Data] | None
    error: str = ""


class Ears:
    """One table of event → use case; a use case gets a list, in order, and folds what concerns one key."""

    def __init__(self, *, consumer: str, database: Database, hears: Mapping[type[Data], UseCase]) -> None:
        self.consumer = consumer
        self._database = database
        self._hears = hears

    async def apply(self, heard: Sequence[Heard]) -> None:
        """Apply a batch in one transaction; if it raises, one event per transaction, the faulty ones to quarantine."""
        try:
            async with self._database.transaction() as tx:
                await self._apply(tx, heard)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001  whatever a use case raises is found out event by event below
            _log.warning("a batch raised and is applied one by one", error=type(error).__name__, consumer=self.consumer)
            for one in heard:
                await self._apply_alone(one)

    async def replay(self, identifier: int) -> int:
        """Apply the held records of one key again, in offset order; stops at the first that still raises."""
        replayed = 0
        async with self._database.transaction() as tx:
            for held in await quarantine.held_behind(tx, identifier):
                try:
                    event = read_event(held.headers, held.value, CATALOG)
                    async with tx.transaction():
                        await self._say(tx, [event])
                except AWAY:
                    raise
                except Exception as error:  # noqa: BLE001  it stays in quarantine, and so do those behind it
                    _log.warning("a replayed record still raises", error=type(error).__name__, quarantine_id=held.id)
                    return replayed
                await quarantine.mark_replayed(tx, held.id)
                replayed += 1
        return replayed

    async def _apply(self, tx: Transaction, heard: Sequence[Heard]) -> None:
        held_keys = await quarantine.held_keys(tx, self.consumer, [one.held.key for one in heard])
        now = await clock(tx)  # a wrong clock of ours would hold what is new
        events = []
        for one in heard:
            if one.event is not None and one.held.key not in held_keys and not inbox.is_too_old(one.event.id, now):
                events.append(one.event)
                continue
            reason = "waits behind a held record of its key" if one.held.key in held_keys else "older than the inbox"
            held_keys.add(one.held.key)
            await self._hold(tx, one, one.error or reason)
        await self._say(tx, events)

    async def _say(self, tx: Transaction, events: list[Event[Data]]) -> None:
        # By id: a relay that published twice may have both copies in one batch.
        wanted = {event.id: event for event in events if type(event.data) in self._hears}
        fresh = await inbox.mark(tx, self.consumer, list(wanted))
        for use_case, group in in_order([event for event in wanted.values() if event.id in fresh], self._hears):
            await use_case(tx, group)

    async def _apply_alone(self, one: Heard) -> None:
        try:
            async with self._database.transaction() as tx:
                await self._apply(tx, [one])
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001  a faulty event must not stop the ones behind it
            _log.exception("an event went to quarantine", consumer=self.consumer, type=type(one.event).__name__)
            async with self._database.transaction() as tx:
                await self._hold(tx, one, type(error).__name__)

    async def _hold(self, tx: Transaction, one: Heard, error: str) -> None:
        _log.error(
            "a record is held in quarantine",
            consumer=self.consumer,
            topic=one.held.topic,
            partition=one.held.partition,
            offset=one.held.offset,
            error=error,
        )
        await quarantine.add(tx, self.consumer, one.held, error)


def in_order(
    events: Sequence[Event[Any]], hears: Mapping[type[Data], UseCase]
) -> list[tuple[UseCase, list[Event[Any]]]]:
    """Group events by use case so that, for each key, they are applied in the order they were heard."""
    rounds: list[dict[UseCase, list[Event[Any]]]] = []
    place: dict[str, tuple[int, UseCase]] = {}
    for event in events:
        use_case = hears[type(event.data)]
        at, last = place.get(event.key, (0, use_case))
        at = at if last == use_case else at + 1
        place[event.key] = (at, use_case)
        if at == len(rounds):
            rounds.append({})
        rounds[at].setdefault(use_case, []).append(event)
    return [(use_case, group) for one_round in rounds for use_case, group in one_round.items()]


__all__ = ["Ears", "Heard", "Undecodable", "UseCase", "in_order"]
