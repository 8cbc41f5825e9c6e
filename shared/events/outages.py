"""What recording says of faults behind many attempts, and of retries of many recordings at once."""

from datetime import datetime
from typing import ClassVar

from shared.events.envelope import Data
from shared.events.recording import TOPIC
from shared.events.vocabulary import Cause, Confidence, GroupRetryState, Operation, Owner, Source


class _Outage(Data, frozen=True, kw_only=True):
    """Key: the outage. `owner` names another agency only when two independent sources agree."""

    topic: ClassVar[str] = TOPIC
    cause: Cause
    owner: Owner
    confidence: Confidence
    operations: list[Operation]
    since: datetime
    offices: int
    people: int
    sources: list[Source]
    because: str


class OutageOpened(_Outage, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "outage.opened.v1"


class OutageUpdated(_Outage, frozen=True, kw_only=True):
    """More is touched, another outage was merged into it, or a person promised the next news."""

    event_type: ClassVar[str] = "outage.updated.v1"
    next_news_at: datetime | None = None
    ticket_ref: str | None = None


class OutageCorrected(_Outage, frozen=True, kw_only=True):
    """Later evidence says another cause or owner than was told before."""

    event_type: ClassVar[str] = "outage.corrected.v1"
    was_cause: Cause
    was_owner: Owner


class OutageClosed(_Outage, frozen=True, kw_only=True):
    """It has been clean for a while; `ended_at` is when the first call went through again."""

    event_type: ClassVar[str] = "outage.closed.v1"
    ended_at: datetime


class GroupRetryProgressed(Data, frozen=True, kw_only=True):
    """Key: the group retry. A wave ended, or a person paused, resumed or cancelled it."""

    topic: ClassVar[str] = TOPIC
    event_type: ClassVar[str] = "group_retry.progressed.v1"
    state: GroupRetryState
    wave: int
    total: int
    requested: int
    running: int
    done: int
    failed_again: int
    skipped: int
