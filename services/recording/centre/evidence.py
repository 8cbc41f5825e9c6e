"""What one call to the centre leaves behind for the verdict: phases, errors, bytes, and what the kernel knew."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from shared.events.vocabulary import Phase

_LATEST_SAMPLES = 10


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
    """An absent phase did not happen: a reused connection resolves, connects and secures nothing.

    `tcp` is the last of `samples`, which are the first and the latest; each is `at_ms` of the call old.
    """

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
    samples: tuple[dict[str, int], ...] = ()
    phases_at_ms: dict[str, float] = field(default_factory=dict)  # when each began
    verify_code: int | None = None  # OpenSSL's number for what is wrong with the certificate
    ended_in_order: bool = False  # by TLS's closing alert, which nobody on the way can forge
    status: int | None = None  # of an answer by HTTP
    retry_after_seconds: float | None = None

    @property
    def elapsed_ms(self) -> float:
        """Give how long all phases took together."""
        return sum(self.phases_ms.values())

    @property
    def is_still_leaving(self) -> bool:
        """Say whether the request was still on its way; our own kernel takes a packet at once and sends it slowly."""
        acked = (self.tcp or {}).get("bytes_acked", self.bytes_sent)
        return self.phase_failed is Phase.SEND or (self.phase_failed is Phase.WAIT and acked < self.bytes_sent)

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

    __slots__ = (
        "_samples",
        "_since",
        "address",
        "bytes_received",
        "bytes_sent",
        "ended_in_order",
        "phase",
        "phases_at_ms",
        "phases_ms",
        "reused",
        "started",
        "verify_code",
    )

    def __init__(self) -> None:
        self.started = self._since = time.monotonic()
        self.phase: Phase | None = None
        self.phases_ms: dict[str, float] = {}
        self.phases_at_ms: dict[str, float] = {}
        self.address: str | None = None
        self.bytes_sent = 0
        self.bytes_received = 0
        self.reused = False
        self.ended_in_order = False
        self.verify_code: int | None = None
        self._samples: list[dict[str, int]] = []

    @property
    def tcp(self) -> dict[str, int] | None:
        """Give what the kernel said last."""
        return self._samples[-1] if self._samples else None

    def enter(self, phase: Phase) -> None:
        """Begin a phase now."""
        now = time.monotonic()
        self._end_phase(now)
        self.phase, self._since = phase, now
        self.phases_at_ms[phase.value] = _milliseconds(now - self.started)

    def look(self, counters: dict[str, int]) -> None:
        """Keep what the kernel says now: the first sample and the latest ones."""
        if len(self._samples) > _LATEST_SAMPLES:
            del self._samples[1]
        self._samples.append(counters | {"at_ms": round((time.monotonic() - self.started) * 1000)})

    def evidence(
        self,
        error: str | None,
        loop_lag_ms: float,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> tuple[Evidence, float]:
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
            samples=tuple(self._samples),
            phases_at_ms=self.phases_at_ms,
            verify_code=self.verify_code,
            ended_in_order=self.ended_in_order,
            status=status,
            retry_after_seconds=retry_after_seconds,
        )
        return evidence, _milliseconds(now - self.started)

    def _end_phase(self, now: float) -> None:
        if self.phase is not None:
            self.phases_ms[self.phase.value] = _milliseconds(now - self._since)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
