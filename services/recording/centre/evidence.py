"""What one call to the centre leaves behind for the verdict: phases, errors, bytes, and what the kernel knew."""

import time
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from shared.events.vocabulary import Phase


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    deadline_seconds: float
    attempt_id: UUID | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """An absent phase did not happen: a reused connection resolves, connects and secures nothing."""

    phase_reached: Phase | None
    phase_failed: Phase | None
    phases_ms: dict[str, float]
    error: str | None
    address: str | None
    bytes_sent: int
    bytes_received: int
    reused: bool
    tcp: dict[str, int] | None
    loop_lag_ms: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values, fit for a JSON column."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes
    evidence: Evidence
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Failed:
    evidence: Evidence
    duration_ms: float


class Trail:
    """One call's notes while it runs; every phase entered ends the one before."""

    __slots__ = ("_since", "address", "bytes_received", "bytes_sent", "phase", "phases_ms", "reused", "started", "tcp")

    def __init__(self) -> None:
        self.started = self._since = time.monotonic()
        self.phase: Phase | None = None
        self.phases_ms: dict[str, float] = {}
        self.address: str | None = None
        self.bytes_sent = 0
        self.bytes_received = 0
        self.reused = False
        self.tcp: dict[str, int] | None = None

    def enter(self, phase: Phase) -> None:
        """Begin a phase now."""
        now = time.monotonic()
        self._end_phase(now)
        self.phase, self._since = phase, now

    def evidence(self, error: str | None, loop_lag_ms: float) -> tuple[Evidence, float]:
        """End the call: give its evidence and how long it took, in milliseconds."""
        now = time.monotonic()
        self._end_phase(now)
        evidence = Evidence(
            phase_reached=self.phase,
            phase_failed=self.phase if error else None,
            phases_ms=self.phases_ms,
            error=error,
            address=self.address,
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            reused=self.reused,
            tcp=self.tcp,
            loop_lag_ms=loop_lag_ms,
        )
        return evidence, _milliseconds(now - self.started)

    def _end_phase(self, now: float) -> None:
        if self.phase is not None:
            self.phases_ms[self.phase.value] = _milliseconds(now - self._since)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
