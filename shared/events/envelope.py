"""CloudEvents 1.0 in binary mode on Kafka: the envelope is headers, the value is the data as JSON."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

import msgspec

from shared.clock import now, rfc3339
from shared.ids import uuid7


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says beside its envelope; subclasses are facts in the past, versioned by `event_type`."""

    event_type: ClassVar[str]
    topic: ClassVar[str]


D = TypeVar("D", bound=Data)
Headers = list[tuple[str, bytes | None]]


class Undecodable(Exception):
    """The record is no CloudEvent of a type and shape we know."""


@dataclass(frozen=True, slots=True)
class Event(Generic[D]):
    """One fact: who says it (`source`), about what (`key`), as the how manieth of that source and key (`sequence`)."""

    id: UUID
    source: str
    key: str
    office: str
    sequence: int
    time: datetime
    traceparent: str
    data: D

    @classmethod
    def of(cls, data: D, *, source: str, key: object, office: str, sequence: int, traceparent: str) -> "Event[D]":
        """Make a new event now."""
        return cls(uuid7(), source, str(key), office, sequence, now(), traceparent, data)

    @property
    def type(self) -> str:
        """Name of the fact with its version, such as `applicant.arrived.v1`."""
        return self.data.event_type

    @property
    def recording_id(self) -> UUID:
        """The key of the events that tell of a recording."""
        return UUID(self.key)

    def headers(self) -> dict[str, str]:
        """Write the envelope as the CloudEvents Kafka binding wants it; `office` and `sequence` are extensions."""
        return {
            "ce_specversion": "1.0",
            "ce_id": str(self.id),
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_subject": self.key,
            "ce_time": rfc3339(self.time),
            "ce_office": self.office,
            "ce_sequence": str(self.sequence),
            "ce_traceparent": self.traceparent,
            "content-type": "application/json",
        }

    def value(self) -> bytes:
        """Write the data as JSON."""
        return msgspec.json.encode(self.data)


def type_of(headers: Headers) -> str:
    """Read the event type from a record's headers, without decoding its value; empty when there is none."""
    return next(((value or b"").decode("utf-8", "replace") for name, value in headers if name == "ce_type"), "")


def read_event(headers: Headers, value: bytes | None, catalog: dict[str, type[Data]]) -> Event[Data]:
    """Decode one record; raises `Undecodable` with a reason that holds nothing of the record's content."""
    try:
        said = {name: raw.decode() for name, raw in headers if raw is not None}
        return Event(
            id=UUID(said["ce_id"]),
            source=said["ce_source"],
            key=said["ce_subject"],
            office=said.get("ce_office", ""),
            sequence=int(said.get("ce_sequence", "0")),
            time=datetime.fromisoformat(said["ce_time"]).astimezone(UTC),
            traceparent=said.get("ce_traceparent", ""),
            data=msgspec.json.decode(value or b"", type=catalog[said["ce_type"]]),
        )
    except Exception as error:  # whatever a stranger's bytes raise, it is the record's fault
        raise Undecodable(type(error).__name__) from error
