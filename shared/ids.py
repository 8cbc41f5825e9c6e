"""UUIDv7 (RFC 9562): ids that sort by the time they were made, so that indexes and partitions stay warm."""

import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_MASK_A = (1 << 12) - 1
_MASK_B = (1 << 62) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7() -> UUID:
    """Give a new id whose first 48 bits are the milliseconds of now."""
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    random_part = int.from_bytes(os.urandom(8), "big") & _MASK_B
    # The sub-millisecond fraction fills rand_a (RFC 9562, method 3): ids made in one process rarely go backwards.
    fraction = (rest * 4096 // 1_000_000) & _MASK_A
    return UUID(int=(milliseconds << 80) | _VERSION_7 | (fraction << 64) | _VARIANT | random_part)


def smallest_uuid7_at(moment: datetime) -> UUID:
    """Give the lower bound of all ids made at or after `moment`; partitions begin at such an id."""
    return UUID(int=(moment - _EPOCH) // timedelta(milliseconds=1) << 80)


def made_at(identifier: UUID) -> datetime:
    """Read the time (UTC, to the millisecond) at which a UUIDv7 was made."""
    return _EPOCH + timedelta(milliseconds=identifier.int >> 80)


def trace_id() -> str:
    """Give a new W3C trace id: 32 hexadecimal digits."""
    return os.urandom(16).hex()


def span_id() -> str:
    """Give a new W3C span id: 16 hexadecimal digits."""
    return os.urandom(8).hex()
