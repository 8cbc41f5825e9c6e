"""What follows from a try to send; pure, with time and dice handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class MessageState(StrEnum):
    CREATED = "created"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    PERMANENT_FAILURE = "permanent_failure"
    TEMPORARY_FAILURE = "temporary_failure"
    TECHNICAL_FAILURE = "technical_failure"
    SUPPRESSED = "suppressed"


RESENDABLE = (
    MessageState.PERMANENT_FAILURE,
    MessageState.TEMPORARY_FAILURE,
    MessageState.TECHNICAL_FAILURE,
    MessageState.SUPPRESSED,
)


@dataclass(frozen=True, slots=True)
class Took:
    """The channel took the message."""


@dataclass(frozen=True, slots=True)
class Later:
    """The channel is away or asks to wait."""

    failure: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The channel will never take it."""

    failure: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Our own fault: the contact does not open, the text does not fill."""

    failure: str


@dataclass(frozen=True, slots=True)
class Unaddressed:
    """There is no address for this channel."""


Result = Took | Later | Refused | Broken | Unaddressed


@dataclass(frozen=True, slots=True)
class Backoff:
    """How a temporary failure is tried again."""

    base: timedelta
    cap: timedelta
    give_up_after: timedelta

    def next_try(self, now: datetime, attempts: int, dice: float) -> datetime:
        """Give the time of the next try: doubling up to the cap, the upper half of it by dice."""
        span = min(self.cap, self.base * (1 << min(attempts - 1, 16)))
        return now + span * (0.5 + dice / 2)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state a message goes to, why, and when it is due again if it is."""

    state: MessageState
    reason: str | None = None
    due_at: datetime | None = None


def judge(
    result: Result, *, created_at: datetime, attempts: int, now: datetime, backoff: Backoff, dice: float
) -> Verdict:
    """Decide what becomes of a message after a try."""
    match result:
        case Took():
            return Verdict(MessageState.SENT)
        case Refused(failure):
            return Verdict(MessageState.PERMANENT_FAILURE, failure)
        case Broken(failure):
            return Verdict(MessageState.TECHNICAL_FAILURE, failure)
        case Unaddressed():
            return Verdict(MessageState.SUPPRESSED, "no_address")
        case Later(failure):
            if now - created_at >= backoff.give_up_after:
                return Verdict(MessageState.PERMANENT_FAILURE, failure)
            return Verdict(MessageState.TEMPORARY_FAILURE, failure, backoff.next_try(now, attempts, dice))
