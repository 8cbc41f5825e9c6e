"""Open, join, correct, merge and close outages as the verdicts say; their events leave in the same transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.recording import events_out
from services.recording.domain.outage import (
    Change,
    Closed,
    Corrected,
    Merged,
    Opened,
    Outage,
    OutageRules,
    Touched,
    Updated,
    counted,
    follow,
)
from services.recording.store import outages, probes
from services.recording.usecases.watch_line import Watched, round_shown
from shared.clock import rfc3339
from shared.events.envelope import Data, Event
from shared.events.vocabulary import Cause, Source
from shared.ids import uuid7
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction, clock

Counts = Mapping[UUID, tuple[int, int]]


@dataclass(slots=True)
class _Told:
    """What one turn adds up to."""

    sequences: dict[UUID, int]
    witnesses: dict[str, Any]
    events: list[Event[Data]] = field(default_factory=list)

    def say(self, outage: Outage, fact: Data) -> int:
        """Count an event of this outage and keep it for the outbox."""
        self.sequences[outage.id] = sequence = self.sequences.get(outage.id, 0) + 1
        self.events.append(events_out.of_outage(outage.id, fact, sequence=sequence))
        return sequence


async def follow_outages(
    tx: Transaction, watched: Watched, counts: Counts, *, rules: OutageRules, outbox: Outbox
) -> list[Change]:
    """Follow the outages once; the caller holds the lock of the one who judges."""
    now = await clock(tx)
    standing = await outages.lock_open(tx)
    fresh = {Cause.NETWORK: uuid7(), Cause.SERVER: uuid7()}
    changes = follow([one for one, _ in standing], watched.verdicts, fresh, now=now, rules=rules)
    changes += _grown(changes, [one for one, _ in standing], counts, now, rules)
    told = _Told({one.id: sequence for one, sequence in standing}, _witnesses(watched))
    # A merged one gives its place up first, for at no moment are two outages of one cause open; all is told in order.
    for change in changes:
        if isinstance(change, Merged):
            await _give_up_place(tx, change, told)
    for change in changes:
        await _apply(tx, change, told)
    await outbox.add(tx, told.events)
    return changes


def _grown(
    changes: list[Change], standing: list[Outage], counts: Counts, now: datetime, rules: OutageRules
) -> list[Change]:
    """Take in the counts of outages to which nothing else happened in this turn; the next turn takes the others'."""
    changed = {one.id for change in changes if not isinstance(change, Touched) for one in _of(change)}
    touched = {change.outage.id: change.outage for change in changes if isinstance(change, Touched)}
    quiet = [touched.get(one.id, one) for one in standing if one.id not in changed and one.id in counts]
    grown = [counted(one, *counts[one.id], now=now, rules=rules) for one in quiet]
    return [change for change in grown if change is not None]


def _of(change: Change) -> tuple[Outage, ...]:
    return (change.younger, change.older) if isinstance(change, Merged) else (change.outage,)


async def _apply(tx: Transaction, change: Change, told: _Told) -> None:
    match change:
        case Opened(outage):
            sequence = told.say(outage, events_out.outage_opened(outage))
            await outages.insert(tx, outage, sequence, told.witnesses)
            await outages.enter(tx, outage.id, "opened", _entry(outage))
        case Touched(outage):
            await outages.save(tx, outage, told.sequences[outage.id])
        case Updated(outage):
            sequence = told.say(outage, events_out.outage_updated(outage))
            await outages.save(tx, outage, sequence, told.witnesses)
            await outages.enter(tx, outage.id, "updated", _entry(outage))
        case Corrected():
            await _correct(tx, change, told)
        case Merged():
            await _merge(tx, change, told)
        case Closed(outage):
            await _close(tx, outage, told)


async def _correct(tx: Transaction, change: Corrected, told: _Told) -> None:
    outage = change.outage
    sequence = told.say(outage, events_out.outage_corrected(outage, change.was_cause, change.was_owner))
    was_centre = change.was_cause is Cause.SERVER and outage.cause is Cause.NETWORK
    refunded = await outages.refund_strikes(tx, outage) if was_centre else 0
    await outages.save(tx, outage, sequence, told.witnesses)
    was = {"was_cause": change.was_cause, "was_owner": change.was_owner, "stages_refunded": refunded}
    await outages.enter(tx, outage.id, "corrected", _entry(outage) | was)


async def _give_up_place(tx: Transaction, change: Merged, told: _Told) -> None:
    younger, sequence = change.younger, told.sequences[change.younger.id]
    await outages.end(tx, younger.id, "merged", younger.last_failed_at, sequence, merged_into=change.older.id)


async def _merge(tx: Transaction, change: Merged, told: _Told) -> None:
    younger, older = change.younger, change.older
    sequence = told.say(younger, events_out.outage_closed(younger, younger.last_failed_at))
    await outages.end(tx, younger.id, "merged", younger.last_failed_at, sequence, merged_into=older.id)
    await outages.enter(tx, younger.id, "merged", {"into": str(older.id)})
    sequence = told.say(older, events_out.outage_updated(older))
    await outages.save(tx, older, sequence, told.witnesses)
    await outages.enter(tx, older.id, "updated", _entry(older) | {"merged": str(younger.id)})


async def _close(tx: Transaction, outage: Outage, told: _Told) -> None:
    after = outage.last_failed_at
    again = await outages.first_answered(tx, outage.operations, after) or await probes.first_answered(tx, after)
    ended_at = again or after
    sequence = told.say(outage, events_out.outage_closed(outage, ended_at))
    await outages.end(tx, outage.id, "closed", ended_at, sequence)
    await outages.enter(tx, outage.id, "closed", {"ended_at": rfc3339(ended_at)})


def _entry(outage: Outage) -> dict[str, Any]:
    return {
        "cause": outage.cause,
        "owner": outage.owner,
        "operations": list(outage.operations),
        "sources": list(outage.sources),
        "offices": outage.offices,
        "people": outage.people,
        "because": outage.because,
    }


def _witnesses(watched: Watched) -> dict[str, Any]:
    """What each source said, copied: rounds are pruned, an outage's evidence is not."""
    calls = {
        operation: {"verdict": said.verdict, "failed_calls": said.failed_calls, "because": said.because}
        for operation, said in watched.verdicts.items()
        if Source.CALLS in said.sources
    }
    return {"calls": calls, "probe": round_shown(watched.rounds[0]) if watched.rounds else None}
