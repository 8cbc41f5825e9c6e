"""Closing time is the office's own, whatever the server's clock says."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.intake.usecases.close_day import last_closing
from shared.events.offices import Office

JAYAPURA = Office("91.71.01", "Contoh", "91.71", "Kota Contoh", ZoneInfo("Asia/Jayapura"))


def closed_at(now: datetime, hour: int = 16) -> datetime:
    return last_closing(JAYAPURA, hour, now).astimezone(UTC)


def test_before_closing_time_the_last_closing_was_yesterdays() -> None:
    assert closed_at(datetime(2017, 6, 14, 6, 59, tzinfo=UTC)) == datetime(2017, 6, 13, 7, tzinfo=UTC)


def test_at_closing_time_the_day_is_closed() -> None:
    assert closed_at(datetime(2017, 6, 14, 7, 0, tzinfo=UTC)) == datetime(2017, 6, 14, 7, tzinfo=UTC)


def test_hour_24_closes_at_midnight() -> None:
    assert closed_at(datetime(2017, 6, 14, 14, 0, tzinfo=UTC), 24) == datetime(2017, 6, 13, 15, tzinfo=UTC)
