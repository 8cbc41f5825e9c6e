"""When the next news is promised; the same days as status shows (services/status/domain/promises.py)."""

from datetime import datetime, timedelta

_AFTER_CAPTURE = timedelta(days=3)
_AFTER_SUBMISSION = timedelta(days=14)


def after_capture(at: datetime | None) -> datetime | None:
    """Promise news after the recording was saved; absent when that time is not known."""
    return at + _AFTER_CAPTURE if at else None


def after_submission(at: datetime | None) -> datetime | None:
    """Promise news after the centre received it; absent when that time is not known."""
    return at + _AFTER_SUBMISSION if at else None
