"""The heart: outcomes of calls become ledger rows, stage states, following stages and events, in one transaction."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.recording import events_out
from services.recording.domain.answers import Answer, Succeeded, Trail
from services.recording.domain.group_retry import ItemState, Result, result_of
from services.recording.domain.journey import OPERATION, STAGES, AskSchedule, lane_of, next_stage
from services.recording.domain.retry import RetryPolicy
from services.recording.domain.stage import Judged, Patience, accept, again, failure_summary
from services.recording.events_out import Attempted
from services.recording.store import blanks, group_items, ledger, recordings, stages
from services.recording.store.recordings import Recording
from services.recording.usecases.learn_gates import learn_gates
from services.recording.usecases.write_ledger import ledger_row
from shared.events.envelope import Data, Event
from shared.events.vocabulary import Operation, Purpose, Stage
from shared.postgres.outbox import Outbox
from shared.postgres.pool import Transaction, clock


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one claimed call; `attempt_id` fences it."""

    recording_id: UUID
    stage: str
    attempt_id: UUID
    packet_version: int | None
    answer: Answer
    trail: Trail
    identity_version: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What an installation decides: patience, schedule of asks, rest between probes."""

    policy: RetryPolicy
    schedule: AskSchedule
    probe_every: timedelta
    suket_while_waiting: bool = False


@dataclass(slots=True)
class _Told:
    """What one batch adds up to before it is saved."""

    events: list[Event[Data]] = field(default_factory=list)
    opened: list[stages.NewStage] = field(default_factory=list)
    attempted: list[Attempted] = field(default_factory=list)


async def accept_outcomes(
    tx: Transaction, outcomes: Sequence[Outcome], *, rules: Rules, outbox: Outbox
) -> list[Attempted]:
    """Judge outcomes and save all they change; an outcome whose lease was lost is left to the one who took it."""
    locked = await recordings.lock(tx, sorted({one.recording_id for one in outcomes}))
    rows = await stages.lock_leased(tx, [(one.recording_id, one.stage, one.attempt_id) for one in outcomes])
    now = await clock(tx)
    stocks = await _stocks(tx, locked, outcomes)
    told = _Told()
    for outcome in outcomes:
        if row := rows.get(outcome.attempt_id):
            patience = Patience(rules.policy, rules.schedule, now, random.random())  # noqa: S311  jitter
            _judge(locked[outcome.recording_id], row, outcome, patience, told)
            _follow(locked[outcome.recording_id], told, rules, stocks, now)
    await _save(tx, told, locked, now)
    told.events += await learn_gates(tx, told.attempted, rest=rules.probe_every)
    await outbox.add(tx, told.events)
    return told.attempted


def _judge(recording: Recording, row: stages.StageRow, outcome: Outcome, patience: Patience, told: _Told) -> None:
    judged = accept(row.life, outcome.answer, patience)
    if _is_outrun(recording, judged.life.stage, outcome):
        judged = again(judged, patience.now)
    attempted = Attempted(row, judged, outcome.answer, outcome.trail)
    told.attempted.append(attempted)
    told.events += events_out.attempt_events(recording, attempted)


def _is_outrun(recording: Recording, stage: Stage, outcome: Outcome) -> bool:
    """Tell whether a newer packet or identity came while the call for an older one was under way: only it counts."""
    if stage is Stage.IDENTITY_CHECK:
        newest, called_for = recording.identity_version, outcome.identity_version
        return called_for is not None and called_for < newest
    packet, sent = recording.packet_version, outcome.packet_version
    follows_packets = stage in (Stage.SUBMISSION, Stage.DEDUPLICATION)
    return follows_packets and packet is not None and sent is not None and sent < packet


def _follow(recording: Recording, told: _Told, rules: Rules, stocks: dict[str, int], now: datetime) -> None:
    """Open what follows a stage that is done; park or free the recording with its stages."""
    attempted = told.attempted[-1]
    life, answer = attempted.judged.life, attempted.answer
    if life.state == "parked" and recording.is_open:
        recording.state = "parked"
    if life.state != "done" or not recording.is_open:
        return
    recording.done |= {life.stage}
    facts: list[Data] = []
    if life.stage is Stage.DEDUPLICATION:
        facts += _await_card(recording, stocks, now)
        if recording.awaits == "blank" and rules.suket_while_waiting and stocks.get(recording.regency, 0) == 0:
            told.opened.append(_new_stage(recording, Stage.SUKET_ISSUE, rules, now, attempted.traceparent))
    if life.stage is Stage.CARD_PRINTING and isinstance(answer, Succeeded):
        recording.card_printed_at = now
        facts.append(events_out.card_printed(answer))
    if life.stage is Stage.SUKET_ISSUE and isinstance(answer, Succeeded) and answer.valid_until:
        recording.suket_until = answer.valid_until
        facts += events_out.suket_given(recording.purpose, answer.valid_until)
        if recording.purpose is Purpose.SUKET_EXTENSION:
            recording.state = "completed"
    told.events += events_out.told(recording, facts, attempted.traceparent)
    if following := _follower(recording, life.stage):
        told.opened.append(_new_stage(recording, following, rules, now, attempted.traceparent))


def _follower(recording: Recording, stage: Stage) -> Stage | None:
    """Name what begins behind this stage; an identity checked again does not begin anew what the centre has already."""
    order = STAGES[recording.purpose]
    if stage not in order:
        return None
    here = order.index(stage) + 1
    done = {*recording.done, *order[:here]}
    following = next_stage(recording.purpose, done, has_capture=recording.packet_version is not None)
    return following if following in order[here : here + 1] else None


def _await_card(recording: Recording, stocks: dict[str, int], now: datetime) -> list[Data]:
    """Put the card in line; who finds a blank there is told so by its release, a moment later."""
    recording.print_ready_at = now
    too_young = recording.card_not_before is not None and recording.card_not_before > now.date()
    recording.awaits = "birthday" if too_young else "blank"
    if too_young:
        return [events_out.print_ready("birthday", recording.card_not_before)]
    return [] if stocks.get(recording.regency, 0) > 0 else [events_out.print_ready("blank", None)]


def _new_stage(recording: Recording, stage: Stage, rules: Rules, now: datetime, caused_by: str) -> stages.NewStage:
    waits = rules.schedule.after(0) if stage is Stage.DEDUPLICATION else stages.AT_ONCE
    lane = lane_of(recording.leaves_on, recording.arrived_at, now)
    return stages.NewStage(recording.id, stage, OPERATION[stage], lane, recording.office, waits, caused_by)


async def _stocks(tx: Transaction, locked: dict[UUID, Recording], outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Read, without a lock, whether blanks are there; the release of cards decides under the lock."""
    finished = [one for one in outcomes if one.stage == Stage.DEDUPLICATION and isinstance(one.answer, Succeeded)]
    regencies = {locked[one.recording_id].regency for one in finished}
    return {regency: await blanks.stock(tx, regency) for regency in sorted(regencies)}


async def _save(tx: Transaction, told: _Told, locked: dict[UUID, Recording], now: datetime) -> None:
    await ledger.append(tx, [ledger_row(one) for one in told.attempted])
    await stages.save_all(tx, [_saved(one, now) for one in told.attempted])
    await group_items.settle(tx, [one for attempted in told.attempted if (one := _group_result(attempted))])
    await stages.open_all(tx, told.opened)
    touched = [locked[recording_id] for recording_id in {one.row.recording_id for one in told.attempted}]
    await recordings.save(tx, touched)
    await stages.close_open(tx, [one.id for one in touched if not one.is_open])


def _saved(attempted: Attempted, now: datetime) -> stages.StageRow:
    judged: Judged = attempted.judged
    life = judged.life
    if judged.failure is not None:
        life = replace(life, last_failure=failure_summary(judged, attempted.trail, attempted.attempt_id, now))
    group_result = _group_result(attempted)
    is_deferred = group_result is not None and group_result[2].state is ItemState.RUNNING
    return stages.judged(attempted.row, life, is_deferred=is_deferred)


def _group_result(attempted: Attempted) -> tuple[UUID, group_items.Key, Result, Operation, str | None] | None:
    """Give what an outcome makes of the item of a group retry, if the stage is in one."""
    row, judged = attempted.row, attempted.judged
    if row.group_id is None:
        return None
    key = (row.recording_id, str(judged.life.stage))
    return row.group_id, key, result_of(row.life, judged), judged.life.operation, judged.signature
