"""What the checks look at, as plain data; ids are text, as the centre, Kafka and PostgreSQL all write them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One line of the centre's journal; `is_settled` when it was read before the ledger was."""

    seq: int
    operation: str
    recording_id: str
    attempt: str | None
    key: str | None = None
    has_effect: bool = False
    packet_version: int | None = None
    digest: str | None = None
    is_settled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What the centre holds under one recording."""

    recording_id: str
    packet_version: int
    digest: str
    registrations: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One row of the ledger."""

    id: str
    recording_id: str
    stage: str
    number: int
    operation: str
    started_at: datetime
    outcome: str
    effect: str
    cause: str | None = None
    trigger: str = "arrival"
    signature: str | None = None
    trace_id: str = ""
    has_evidence: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    recording_id: str
    stage: str
    operation: str
    state: str
    due_at: datetime
    strikes: int = 0
    attempt_id: str | None = None
    started_at: datetime | None = None
    first_failed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRow:
    id: str
    office: str
    purpose: str
    state: str
    packet_version: int | None = None
    awaits: str | None = None
    card_not_before: date | None = None
    is_printed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event: on a topic, or in an outbox on its way there (then without a place)."""

    id: str
    source: str
    key: str
    type: str
    sequence: int
    time: datetime
    data: Mapping[str, Any]
    topic: str = ""
    partition: int = -1
    offset: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The recording service's tables, all at one moment."""

    attempts: tuple[Attempt, ...] = ()
    stages: tuple[StageRow, ...] = ()
    recordings: tuple[RecordingRow, ...] = ()
    stock: Mapping[str, int] = field(default_factory=dict)
    waiting: tuple[Told, ...] = ()
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A row that names sealed bytes: an arrival's identity (version 0) or a capture's packet."""

    recording_id: str
    packet_version: int
    dataref: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    arrivals: tuple[Kept, ...] = ()
    captures: tuple[Kept, ...] = ()
    waiting: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the packet store holds: the datarefs it cannot give back as promised, and old files nobody names."""

    objects: int = 0
    unreadable: frozenset[str] = frozenset()
    orphans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is still on its way: by service, or by `group topic-partition`."""

    outbox: Mapping[str, int] = field(default_factory=dict)
    quarantine: Mapping[str, int] = field(default_factory=dict)
    lag: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """Hashes of the served views and of those rebuilt from the history."""

    live: str
    rebuilt: str
    events: int
    live_events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What a driver itself was answered 2xx for: recording ids, and packet digests as `sha-256:<hex>`."""

    recordings: frozenset[str] = frozenset()
    packets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outage:
    """When the line was truly dead, as the tool that cut it says; `ended` is absent while it still is."""

    began: datetime
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Where personal data was found, and which marker (by its number) or pattern it was."""

    place: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a search for personal data looked through, and found."""

    mode: str
    places: int
    size: int
    found: tuple[Found, ...] = ()
