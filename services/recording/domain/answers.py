"""What a call to the centre can mean for a stage; the far side's protocol is translated into these."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shared.events.vocabulary import Cause, Effect, Owner, Phase, WhoActs


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The centre did it, or says that it had done it."""

    reference: str = ""
    centre_state: str | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An ask whose answer is: still being worked on."""

    centre_state: str


@dataclass(frozen=True, slots=True)
class Absent:
    """An ask whose answer is: never arrived, or an older version; sending is safe."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The centre says the record or the prints cannot be used: only a person can go on."""

    cause: Cause
    code: str
    who_must_act: WhoActs
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing usable came back; the evidence says whose fault, and whether it may have worked."""

    cause: Cause
    effect: Effect
    owner: Owner
    code: str
    retry_after_seconds: float | None = None


Answer = Succeeded | Unchanged | Absent | Refused | Failed


@dataclass(frozen=True, slots=True)
class Trail:
    """What is kept of a call beside its meaning: how long, how far, and what the kernel knew."""

    duration_ms: float = 0.0
    phase_reached: Phase | None = None
    phase_failed: Phase | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
