"""Which stages a purpose has, and what each waits for before it exists."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.events.vocabulary import Lane, Operation, Purpose, Stage

_CARD = (Stage.IDENTITY_CHECK, Stage.SUBMISSION, Stage.DEDUPLICATION, Stage.CARD_PRINTING)
STAGES: dict[Purpose, tuple[Stage, ...]] = {
    Purpose.FIRST_RECORDING: _CARD,
    Purpose.RE_RECORDING: _CARD,
    Purpose.SUKET_EXTENSION: (Stage.IDENTITY_CHECK, Stage.SUKET_ISSUE),
}
OPERATION: dict[Stage, Operation] = {
    Stage.IDENTITY_CHECK: Operation.IDENTITY_CHECK,
    Stage.SUBMISSION: Operation.SUBMISSION,
    Stage.DEDUPLICATION: Operation.ASK,
    Stage.CARD_PRINTING: Operation.CARD_PRINT,
    Stage.SUKET_ISSUE: Operation.SUKET,
}
# Whose worker has something new to do when a stage is done.
FOLLOWED_BY: dict[Stage, tuple[Operation, ...]] = {
    Stage.IDENTITY_CHECK: (Operation.SUBMISSION, Operation.SUKET),
    Stage.SUBMISSION: (Operation.ASK,),
}
_TRAVELLER = timedelta(days=7)
_BACKLOG = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class AskSchedule:
    """When the centre is asked about a record it works on; the last step repeats."""

    steps: tuple[timedelta, ...] = (
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
        timedelta(days=1),
    )

    def after(self, asks: int) -> timedelta:
        """Give the wait before the next ask, after so many."""
        return self.steps[min(asks, len(self.steps) - 1)]


def next_stage(purpose: Purpose, done: Collection[Stage], *, has_capture: bool) -> Stage | None:
    """Name the stage whose preconditions hold now and did not before; card printing opens by blank, not here."""
    missing = next((stage for stage in STAGES[purpose] if stage not in done), None)
    if missing is Stage.SUBMISSION and not has_capture:
        return None
    return None if missing is Stage.CARD_PRINTING else missing


def lacks(purpose: Purpose, stage: Stage, *, has_capture: bool, awaits: str | None) -> str:
    """Say what a stage without a row waits for, in the words of the API's `waiting_for`."""
    if stage is Stage.SUBMISSION and not has_capture:
        return "capture"
    if stage is Stage.CARD_PRINTING and awaits:
        return awaits
    return "due_time" if stage is STAGES[purpose][0] else "centre"


def lane_of(leaves_on: date | None, arrived_at: datetime, now: datetime) -> Lane:
    """Fix the lane of a stage when its row is written."""
    if leaves_on is not None and leaves_on <= (now + _TRAVELLER).date():
        return Lane.TRAVELLER
    return Lane.BACKLOG if now - arrived_at > _BACKLOG else Lane.TODAY
