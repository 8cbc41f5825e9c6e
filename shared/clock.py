"""The one place where the wall clock is read; domains get the time handed in."""

from datetime import UTC, datetime


def now() -> datetime:
    """Tell the present time, aware and in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Write a moment as the APIs and events do: UTC, microseconds, a Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
