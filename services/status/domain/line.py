"""The state of the line to the centre as its gates tell it, and what the counter should do meanwhile."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.events.vocabulary import Cause, GateState, Operation, Purpose

_SHUT = (GateState.HOLDING, GateState.PROBING)


class Advice(StrEnum):
    KEEP_RECORDING = "keep_recording"
    HOLD = "hold"
    SEND_HOME_KEEP_PLACE = "send_home_keep_place"


class Verdict(StrEnum):
    OPEN = "open"
    LINE_DOWN = "line_down"
    CENTRE_FAILING = "centre_failing"
    PAUSED = "paused"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Gate:
    """One operation's gate as last heard; `shut_since` is when it left flowing."""

    operation: Operation
    state: GateState
    limit: int
    cause: Cause | None
    shut_since: datetime | None
    changed_at: datetime

    @property
    def verdict(self) -> Verdict:
        """Say what keeps calls from the centre."""
        if self.state is GateState.PAUSED:
            return Verdict.PAUSED
        if self.state not in _SHUT:
            return Verdict.OPEN
        known = {Cause.NETWORK: Verdict.LINE_DOWN, Cause.SERVER: Verdict.CENTRE_FAILING}
        return known.get(self.cause or Cause.UNKNOWN, Verdict.UNDETERMINED)


@dataclass(frozen=True, slots=True)
class Line:
    """All gates together."""

    line_is_down: bool
    centre_is_failing: bool
    shut_since: datetime | None

    @classmethod
    def of(cls, gates: Iterable[Gate]) -> "Line":
        """Read the line's state from the gates."""
        listed = list(gates)
        verdicts = {gate.verdict for gate in listed}
        since = min((gate.shut_since for gate in listed if gate.shut_since), default=None)
        return cls(Verdict.LINE_DOWN in verdicts, Verdict.CENTRE_FAILING in verdicts, since)


def advise(
    purpose: Purpose, line: Line, now: datetime, *, office_can_store: bool = True, patience: timedelta
) -> Advice:
    """Say what the counter should do for this purpose; a dead line is no reason to stop recording."""
    if purpose is not Purpose.SUKET_EXTENSION:
        return Advice.KEEP_RECORDING if office_can_store else Advice.SEND_HOME_KEEP_PLACE
    if not (line.line_is_down or line.centre_is_failing) or line.shut_since is None:
        return Advice.KEEP_RECORDING
    # Only the centre can extend a Suket: for a short while it is worth waiting in the room, then it is not.
    return Advice.HOLD if now - line.shut_since < patience else Advice.SEND_HOME_KEEP_PLACE
