"""What to do next about a failure: a decision, never an action. No clock and no dice: both are handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.recording.domain.answers import Failed, Refused
from shared.events.vocabulary import Cause, Effect, Operation, WhoActs


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient we are; all of it is settable."""

    base: timedelta = timedelta(seconds=3)
    cap: timedelta = timedelta(minutes=5)
    give_up_after: timedelta = timedelta(hours=72)
    local_rest: timedelta = timedelta(seconds=30)

    def delay_after(self, strikes: int, dice: float) -> timedelta:
        """Full jitter: anything between nothing and the doubled base, capped; `dice` is in 0..1."""
        # Doubling stops counting at 2**20: beyond it the cap has long been reached, and a float would overflow.
        return min(self.cap, self.base * 2.0 ** min(strikes, 20)) * dice


@dataclass(frozen=True, slots=True)
class TryAgain:
    at: datetime
    costs_a_strike: bool = False


@dataclass(frozen=True, slots=True)
class WaitForLink:
    """Due at once in principle; the gate, not the clock, decides when."""

    at: datetime


@dataclass(frozen=True, slots=True)
class AskCentre:
    """The centre may have it: ask before sending again, whatever the cause."""

    at: datetime
    costs_a_strike: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """Only a person can go on."""

    who_must_act: WhoActs


_PACKET_MISSING = "packet_missing"

NextStep = TryAgain | WaitForLink | AskCentre | Park


def next_step(
    failure: Failed | Refused,
    *,
    operation: Operation,
    strikes: int,
    failing_since: datetime,
    now: datetime,
    policy: RetryPolicy,
    dice: float,
) -> NextStep:
    """Decide about one failed attempt (ARCHITECTURE §4); `strikes` are those before it, `dice` is in 0..1."""
    if isinstance(failure, Refused):
        return Park(failure.who_must_act)
    if failure.cause is Cause.LOCAL and (failure.code == _PACKET_MISSING or failure.effect is Effect.KNOWN):
        return Park(WhoActs.US)  # waiting mends neither lost bytes nor a request the centre will not have
    if failure.cause is Cause.SERVER and now - failing_since >= policy.give_up_after:
        return Park(WhoActs.CENTRE)
    at = now + _delay(failure, strikes, policy, dice)
    if failure.effect is Effect.POSSIBLE and operation is Operation.SUBMISSION:
        return AskCentre(at, costs_a_strike=failure.cause is Cause.SERVER)
    if failure.cause is Cause.NETWORK:
        return WaitForLink(at)
    return TryAgain(at, costs_a_strike=failure.cause is Cause.SERVER)


def _delay(failure: Failed, strikes: int, policy: RetryPolicy, dice: float) -> timedelta:
    asked = timedelta(seconds=failure.retry_after_seconds or 0)
    if failure.cause is Cause.SERVER:
        return max(asked, policy.delay_after(strikes, dice))
    if failure.cause is Cause.LOCAL:
        return policy.local_rest
    return policy.base * dice
