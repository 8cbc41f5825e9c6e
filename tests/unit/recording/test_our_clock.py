"""How far our clock is off is known at once, also when it was set a moment ago."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from services.recording.centre import our_clock
from services.recording.centre.our_clock import OurClock
from services.recording.loops.witness import Witness

A_MONTH = timedelta(days=30)


def test_a_clock_that_nobody_compared_is_taken_as_right() -> None:
    assert OurClock().off_seconds == 0


def test_a_clock_as_the_databases_is_not_off() -> None:
    assert abs(_compared().off_seconds) < 1


@pytest.mark.parametrize("step", [A_MONTH, -A_MONTH])
def test_a_step_of_our_clock_is_known_before_the_next_look(monkeypatch: pytest.MonkeyPatch, step: timedelta) -> None:
    clock = _compared()

    monkeypatch.setattr(our_clock, "now", lambda: datetime.now(UTC) + step)

    assert abs(clock.off_seconds - step.total_seconds()) < 1


def test_a_verdict_is_told_of_our_clock_also_when_no_probe_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    witness = Witness()
    witness.clock.compare(datetime.now(UTC), time.monotonic())

    monkeypatch.setattr(our_clock, "now", lambda: datetime.now(UTC) - A_MONTH)

    assert witness().clock_off_seconds < -A_MONTH.total_seconds() + 1


def _compared() -> OurClock:
    clock = OurClock()
    clock.compare(datetime.now(UTC), time.monotonic())
    return clock
