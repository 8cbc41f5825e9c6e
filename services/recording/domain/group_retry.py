"""Retries of many stages at once: waves 1 → 10 → doubling while at least 90 % are done, each id exactly once. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.recording.domain.answers import Refused
from services.recording.domain.retry import AskCentre
from services.recording.domain.stage import IllegalTransition, Judged, StageLife
from shared.events.vocabulary import Cause, GroupRetryState, Operation, Stage

CAUSE_STILL_HOLDS = "cause_still_holds"
OPERATOR = "operator"
PLAN_LASTS = timedelta(hours=1)
_ENOUGH_PERCENT = 90
_SECOND_WAVE = 10
_LARGEST_WAVE = 5_000  # a wave is one transaction


class ItemState(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    FAILED_AGAIN = "failed_again"
    SKIPPED = "skipped"


class Deferral(StrEnum):
    """Why a running item, although it was called for, has no result that counts yet."""

    LINK = "link"  # the line died, or nobody knows what happened
    ASK = "ask"  # the centre is asked before, or told anew after, a possible effect
    CHECKING = "checking"  # the centre answered: it works on it


class Because(StrEnum):
    """Why an item was skipped."""

    RECORDING_ENDED = "recording_ended"
    CHANGED_HANDS = "changed_hands"
    CORRECTED = "corrected"
    NOT_THERE_ANY_MORE = "not_there_any_more"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class GroupRetry:
    """What the group's row says that decisions depend on."""

    state: GroupRetryState
    wave: int = 0
    ramp: int = 0
    paused_because: str | None = None
    paused_signature: str | None = None
    paused_by: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of the present wave, and whether in the whole group something is left to start or to hear of."""

    fresh: int = 0
    deferred: int = 0
    checking: int = 0
    cut: int = 0  # deferred ones of this wave whose gate does not flow
    done: int = 0
    failed_again: int = 0
    signature: str | None = None  # of most that failed again
    has_requested: bool = False
    has_ready: bool = False  # requested, and its gate flows
    has_running: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do: the wave is not over, or the gate does not flow."""


@dataclass(frozen=True, slots=True)
class StartWave:
    group: GroupRetry
    size: int


@dataclass(frozen=True, slots=True)
class PauseItself:
    group: GroupRetry


@dataclass(frozen=True, slots=True)
class Complete:
    group: GroupRetry


Decision = Wait | StartWave | PauseItself | Complete


@dataclass(frozen=True, slots=True)
class Frozen:
    """A stage as it was when its id was frozen, or as it is now."""

    state: str
    attempts: int
    identity_version: int
    is_open: bool = True
    is_in_a_group: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What an accepted outcome makes of its item."""

    state: ItemState
    deferred: Deferral | None = None


def wave_size(good_waves: int) -> int:
    """Give the size of the wave after so many good ones: 1, 10, 20, 40 … (ARCHITECTURE section 4)."""
    if good_waves == 0:
        return 1
    return min(_LARGEST_WAVE, _SECOND_WAVE << min(good_waves - 1, 20))


def waves_of(count: int) -> list[int]:
    """Give the sizes of the waves that so many items need when all goes well."""
    sizes: list[int] = []
    while (left := count - sum(sizes)) > 0:
        sizes.append(min(left, wave_size(len(sizes))))
    return sizes


def decide(group: GroupRetry, seen: Progress) -> Decision:
    """Decide what a group does next; a pause of its own says that the cause still holds."""
    if group.state is not GroupRetryState.RUNNING or seen.fresh:
        return Wait()
    if not seen.has_requested:
        return Wait() if seen.has_running else Complete(replace(group, state=GroupRetryState.COMPLETED))
    settled = seen.done + seen.failed_again
    if group.ramp and seen.done * 100 < _ENOUGH_PERCENT * settled:
        return PauseItself(
            replace(
                group,
                state=GroupRetryState.PAUSED,
                ramp=0,
                paused_because=CAUSE_STILL_HOLDS,
                paused_signature=seen.signature,
            )
        )
    is_untold = group.ramp and not settled and not seen.checking and seen.deferred
    if seen.cut or not seen.has_ready or is_untold:
        return Wait()
    was_good = group.ramp and (settled or seen.checking)
    ramp = group.ramp + 1 if was_good else max(group.ramp, 1)
    return StartWave(replace(group, wave=group.wave + 1, ramp=ramp), wave_size(ramp - 1))


def start(group: GroupRetry) -> GroupRetry:
    """Let a plan run; one that runs already, or ended, is the same plan asked for twice."""
    return replace(group, state=GroupRetryState.RUNNING) if group.state is GroupRetryState.PLANNED else group


def pause(group: GroupRetry, by: str) -> GroupRetry:
    """Let no further wave begin; pausing what is paused changes nothing."""
    _only_from(group, GroupRetryState.RUNNING, GroupRetryState.PAUSED)
    if group.state is GroupRetryState.PAUSED:
        return group
    return replace(group, state=GroupRetryState.PAUSED, ramp=0, paused_because=OPERATOR, paused_by=by)


def resume(group: GroupRetry) -> GroupRetry:
    """Go on with a wave of one, for what failed before is only said to be gone; a running group just runs."""
    _only_from(group, GroupRetryState.RUNNING, GroupRetryState.PAUSED)
    if group.state is GroupRetryState.RUNNING:
        return group
    return replace(
        group,
        state=GroupRetryState.RUNNING,
        ramp=0,
        paused_because=None,
        paused_signature=None,
        paused_by=None,
    )


def cancel(group: GroupRetry) -> GroupRetry:
    """Begin nothing more; what runs gets its result."""
    _only_from(
        group,
        GroupRetryState.PLANNED,
        GroupRetryState.RUNNING,
        GroupRetryState.PAUSED,
        GroupRetryState.CANCELLED,
    )
    return replace(group, state=GroupRetryState.CANCELLED)


def result_of(before: StageLife, judged: Judged) -> Result:
    """Say what an outcome means to its item: deferred ones go on running, whatever else failed has failed again."""
    life, failure = judged.life, judged.failure
    if life.state == "done":
        return Result(ItemState.DONE)
    if life.state == "parked":
        return Result(ItemState.FAILED_AGAIN)
    if failure is None or isinstance(failure, Refused):  # refused, and yet it waits: outrun by something newer
        is_checked = before.stage is Stage.DEDUPLICATION
        return Result(ItemState.RUNNING, Deferral.CHECKING if is_checked else Deferral.ASK)
    if failure.cause in (Cause.NETWORK, Cause.UNKNOWN):
        return Result(ItemState.RUNNING, Deferral.LINK)
    if isinstance(judged.step, AskCentre) and before.operation is Operation.SUBMISSION:
        return Result(ItemState.RUNNING, Deferral.ASK)
    return Result(ItemState.FAILED_AGAIN)


def misfit(frozen: Frozen, present: Frozen | None) -> Because | None:
    """Say why an item is left alone when its turn comes; a waiting one may have been tried meanwhile, by itself."""
    if present is None or not present.is_open:
        return Because.RECORDING_ENDED
    if present.identity_version != frozen.identity_version:
        return Because.CORRECTED
    if present.is_in_a_group:
        return Because.CHANGED_HANDS
    if present.state != frozen.state:
        return Because.NOT_THERE_ANY_MORE
    if frozen.state == "parked" and present.attempts != frozen.attempts:
        return Because.CHANGED_HANDS
    return None


def has_expired(made_at: datetime, now: datetime) -> bool:
    """Tell whether a plan is too old to be run."""
    return now - made_at > PLAN_LASTS


def _only_from(group: GroupRetry, *states: GroupRetryState) -> None:
    if group.state not in states:
        raise IllegalTransition(group.state)
