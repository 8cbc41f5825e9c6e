"""What a person may do with a retry of many: plan it, run it, pause, resume, cancel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any
from uuid import UUID

from services.recording import events_out
from services.recording.domain.group_retry import GroupRetry as Life
from services.recording.domain.group_retry import cancel, has_expired, pause, resume, start, waves_of
from services.recording.domain.stage import IllegalTransition
from services.recording.store import gates, group_items, group_retries
from services.recording.store.group_retries import GroupRow, Plan, Wanted
from shared.events.vocabulary import GateState, GroupRetryState
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction, clock
from shared.problems import Conflict, NotFound
from shared.telemetry import current_traceparent


class PlanExpired(Conflict):
    """This plan is older than an hour; make a new one."""

    slug = "plan-expired"


class GroupRetryEnded(Conflict):
    """This group retry was not started, or has ended."""

    slug = "group-retry-ended"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and for which offices."""

    subject: str
    offices: Sequence[str]


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan as its maker is told of it."""

    plan: Plan
    waves: int
    seconds_low: float
    seconds_high: float
    waits_for_link: bool


async def plan_group(tx: Transaction, group_id: UUID, told: dict[str, Any], wanted: Wanted, *, asker: Asker) -> Planned:
    """Freeze the ids of what fits now; nothing is touched yet."""
    await group_retries.add(tx, group_id, told, wanted, by=asker.subject, trace=current_traceparent())
    plan = await group_retries.freeze(tx, group_id, wanted)
    call_ms, places = await group_retries.pace(tx, sorted(plan.operations))
    sizes = waves_of(plan.by_office.total())
    seconds = call_ms / 1000
    in_waves = sum(ceil(size / places) * seconds + 1 for size in sizes)
    return Planned(
        plan,
        len(sizes),
        round(plan.by_office.total() * seconds / places, 1),
        round(2 * in_waves, 1),
        await waits_for_link(tx, plan.operations),
    )


async def run_plan(tx: Transaction, group_id: UUID, *, reason_code: str, asker: Asker, outbox: Outbox) -> GroupRow:
    """Let the frozen ids of a plan run; asked for a second time, it is the same run."""
    group = await _lock(tx, group_id, asker)
    if group.life.state is not GroupRetryState.PLANNED:
        return group
    if has_expired(group.made_at, await clock(tx)):
        raise PlanExpired
    group.reason_code, group.requested_by = reason_code, asker.subject
    group.traceparent = current_traceparent()
    return await _change(tx, group, start, outbox)


async def pause_group(tx: Transaction, group_id: UUID, *, asker: Asker, outbox: Outbox) -> GroupRow:
    """Let no further wave begin."""
    return await _change(tx, await _lock(tx, group_id, asker), lambda life: pause(life, asker.subject), outbox)


async def resume_group(tx: Transaction, group_id: UUID, *, asker: Asker, outbox: Outbox) -> GroupRow:
    """Go on with what was not begun, in waves from one on."""
    return await _change(tx, await _lock(tx, group_id, asker), resume, outbox)


async def cancel_group(tx: Transaction, group_id: UUID, *, asker: Asker, outbox: Outbox) -> GroupRow:
    """Begin nothing more."""
    group = await _lock(tx, group_id, asker)
    await group_items.skip_requested(tx, group.id)
    return await _change(tx, group, cancel, outbox)


async def waits_for_link(tx: Transaction, operations: Sequence[str] | set[str]) -> bool:
    """Tell whether a gate holds that these operations must pass."""
    return bool(set(operations) & await gates.operations_in(tx, [GateState.HOLDING, GateState.PAUSED]))


async def tell_progress(tx: Transaction, group: GroupRow, outbox: Outbox) -> None:
    """Say how far a locked group is, and save it."""
    counts = (await group_items.counts(tx, [group.id]))[group.id]
    sequence = group.next_sequence()
    await group_retries.save(tx, group)
    await outbox.add(tx, [events_out.group_progressed(group, counts, sequence)])


async def _lock(tx: Transaction, group_id: UUID, asker: Asker) -> GroupRow:
    group = await group_retries.read(tx, group_id, asker.offices, asker.subject, lock=True)
    if group is None:
        raise NotFound("No such group retry in your offices.")
    return group


async def _change(tx: Transaction, group: GroupRow, step: Callable[[Life], Life], outbox: Outbox) -> GroupRow:
    try:
        after = step(group.life)
    except IllegalTransition as error:
        raise GroupRetryEnded(f"It is {group.life.state}.") from error
    if after != group.life:
        group.life = after
        await tell_progress(tx, group, outbox)
    return group
