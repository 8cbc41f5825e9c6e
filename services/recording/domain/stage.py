"""The life of a stage: waiting → in_flight → done, waiting again, or parked. What an answer makes of it, purely."""

from dataclasses import dataclass, replace
from datetime import MAXYEAR, datetime
from typing import Any
from uuid import UUID

from services.recording.domain.answers import Absent, Answer, Failed, Refused, Succeeded, Trail, Unchanged
from services.recording.domain.journey import AskSchedule
from services.recording.domain.retry import AskCentre, NextStep, Park, RetryPolicy, TryAgain, WaitForLink, next_step
from shared.events.vocabulary import Cause, Effect, NextAction, Operation, Outcome, Owner, Stage, WhoActs


class IllegalTransition(Exception):
    """A stage was asked to go where it may not (I5)."""


@dataclass(frozen=True, slots=True)
class StageLife:
    """What the stage row says that decisions depend on."""

    stage: Stage
    operation: Operation
    state: str
    due_at: datetime
    attempts: int = 0
    strikes: int = 0
    asks: int = 0
    first_failed_at: datetime | None = None
    last_failure: dict[str, Any] | None = None
    signature: str | None = None
    who_must_act: WhoActs | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A stage after an answer, and what the ledger and the events say of the attempt."""

    life: StageLife
    outcome: Outcome
    effect: Effect
    changed: bool = True  # an ask that changed nothing is a ledger row, not an event
    failure: Failed | Refused | None = None
    step: NextStep | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """Retry policy and schedule of asks, with the present time and a throw of the dice in 0..1."""

    policy: RetryPolicy
    schedule: AskSchedule
    now: datetime
    dice: float


def accept(life: StageLife, answer: Answer, patience: Patience) -> Judged:
    """Let an in-flight stage take the answer of its call; raises `IllegalTransition` in any other state."""
    if life.state != "in_flight":
        raise IllegalTransition(life.state)
    life = replace(life, attempts=life.attempts + 1)
    match answer:
        case Succeeded():
            return Judged(_done(life), Outcome.DONE, Effect.KNOWN)
        case Unchanged():
            return _ask_later(life, patience)
        case Absent():
            return _absent(life, patience)
        case Refused() | Failed():
            return _failed(life, answer, patience)


def again(judged: Judged, now: datetime) -> Judged:
    """Let a stage be called for anew, whatever came of this call: it was about a packet no longer the newest."""
    life = replace(judged.life, state="waiting", due_at=now, signature=None, who_must_act=None)
    step = TryAgain(now) if isinstance(judged.step, Park) else judged.step
    is_told = judged.failure is not None or life.stage is Stage.SUBMISSION
    return replace(judged, life=life, step=step, changed=is_told)


def retry_by_hand(life: StageLife, now: datetime) -> StageLife:
    """Let a person bring a stage forward; raises `IllegalTransition` for one that is done, in flight or held back."""
    if life.state not in ("parked", "waiting"):
        raise IllegalTransition(life.state)
    if is_held_back(life.due_at):
        raise IllegalTransition("held back until the corrected identity is checked")
    return replace(life, state="waiting", due_at=now, first_failed_at=None, signature=None, who_must_act=None)


def is_held_back(due_at: datetime) -> bool:
    """Tell whether a stage waits for a corrected identity to be checked, not for a time (ADR 0015)."""
    return due_at.year == MAXYEAR


def bring_forward(life: StageLife, now: datetime) -> StageLife:
    """Let a waiting stage be called for now, its patience as it was; raises `IllegalTransition` for any other."""
    if life.state != "waiting":
        raise IllegalTransition(life.state)
    return replace(life, due_at=min(now, life.due_at))


def signature_of(stage: Stage, failure: Failed | Refused) -> str:
    """Name a kind of failure as `stage/cause/code`; never from message text."""
    return f"{stage}/{failure.cause}/{failure.code}"


def next_action(step: NextStep) -> NextAction:
    """Name a decision as the API does."""
    match step:
        case AskCentre():
            return NextAction.ASK_CENTRE
        case Park():
            return NextAction.PARK
        case WaitForLink():
            return NextAction.WAIT_FOR_LINK
        case TryAgain():
            return NextAction.TRY_AGAIN


def due_at(step: NextStep) -> datetime | None:
    """Give the time of a decision, if it has one."""
    return None if isinstance(step, Park) else step.at


def failure_summary(judged: Judged, trail: Trail, attempt_id: UUID, now: datetime) -> dict[str, Any] | None:
    """Keep of the last failure what a person asks first."""
    if judged.failure is None or judged.step is None:
        return None
    return {
        "attempt_id": str(attempt_id),
        "at": now.isoformat(),
        "cause": judged.failure.cause,
        "effect": judged.effect,
        "phase": trail.phase_failed,
        "signature": judged.signature,
        "next": next_action(judged.step),
    }


def _done(life: StageLife) -> StageLife:
    return replace(life, state="done", last_failure=None, signature=None, who_must_act=None)


def _ask_later(life: StageLife, patience: Patience) -> Judged:
    waits = patience.schedule.after(life.asks + 1)
    later = replace(life, state="waiting", asks=life.asks + 1, due_at=patience.now + waits, first_failed_at=None)
    return Judged(later, Outcome.DONE, Effect.KNOWN, changed=False)


def _absent(life: StageLife, patience: Patience) -> Judged:
    if life.stage is Stage.SUBMISSION:
        safe = replace(
            life,
            state="waiting",
            operation=Operation.SUBMISSION,
            due_at=patience.now,
            last_failure=None,
            signature=None,
        )
        return Judged(safe, Outcome.DONE, Effect.KNOWN, changed=False)
    from_centre = Failed(Cause.SERVER, Effect.NONE, Owner.CENTRE, "not_at_centre")
    return _failed(life, from_centre, patience)


def _failed(life: StageLife, failure: Failed | Refused, patience: Patience) -> Judged:
    since = _failing_since(life, failure, patience.now)
    step = next_step(
        failure,
        operation=life.operation,
        strikes=life.strikes,
        failing_since=since or patience.now,
        now=patience.now,
        policy=patience.policy,
        dice=patience.dice,
    )
    if life.stage is Stage.SUBMISSION and life.operation is Operation.ASK and not isinstance(step, Park):
        step = AskCentre(step.at, costs_a_strike=failure.cause is Cause.SERVER)  # still unknown: go on asking
    refused = isinstance(failure, Refused)
    effect = Effect.KNOWN if isinstance(failure, Refused) else failure.effect
    outcome = Outcome.REFUSED if refused else Outcome.UNKNOWN if failure.cause is Cause.UNKNOWN else Outcome.FAILED
    signature = signature_of(life.stage, failure)
    after = _after(replace(life, first_failed_at=since), step, signature)
    if life.stage is Stage.SUBMISSION and effect is Effect.POSSIBLE:
        after = replace(after, operation=Operation.ASK)  # also when parked: whoever lets it go on asks first (I3)
    return Judged(after, outcome, effect, True, failure, step, signature)


def _failing_since(life: StageLife, failure: Failed | Refused, now: datetime) -> datetime | None:
    """Age is counted against the centre alone: days of a dead line must not park what then meets one 503."""
    if failure.cause is Cause.NETWORK:
        return None
    return life.first_failed_at or now if failure.cause is Cause.SERVER else life.first_failed_at


def _after(life: StageLife, step: NextStep, signature: str) -> StageLife:
    if isinstance(step, Park):
        return replace(life, state="parked", signature=signature, who_must_act=step.who_must_act)
    strikes = life.strikes + int(not isinstance(step, WaitForLink) and step.costs_a_strike)
    operation = Operation.ASK if isinstance(step, AskCentre) else life.operation
    return replace(life, state="waiting", due_at=step.at, strikes=strikes, operation=operation, signature=signature)
