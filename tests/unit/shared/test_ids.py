"""Ids sort by the time they were made."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from shared.clock import now
from shared.ids import made_at, smallest_uuid7_at, uuid7

NANOSECONDS = st.integers(0, 4_102_444_800_000_000_000)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=80_000)).map(lambda age: datetime(1970, 1, 1, tzinfo=UTC) + age)


@given(NANOSECONDS, st.integers(250, 10**15))
def test_a_later_id_is_a_larger_id(earlier: int, gap: int) -> None:
    with patch("time.time_ns", side_effect=[earlier, earlier + gap]):
        first, second = uuid7(), uuid7()

    assert first < second


@given(MOMENTS)
def test_an_id_tells_when_it_was_made_to_the_millisecond(moment: datetime) -> None:
    to_the_millisecond = moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    assert made_at(smallest_uuid7_at(moment)) == to_the_millisecond


@given(NANOSECONDS)
def test_the_bound_of_a_moment_lies_below_every_id_made_in_it(nanoseconds: int) -> None:
    with patch("time.time_ns", return_value=nanoseconds):
        made = uuid7()

    assert smallest_uuid7_at(made_at(made)) <= made < smallest_uuid7_at(made_at(made) + timedelta(milliseconds=1))


def test_an_id_is_a_uuid_of_version_7_made_now() -> None:
    made = uuid7()

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert abs(made_at(made) - now()) < timedelta(seconds=1)


def test_ids_made_at_once_differ() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000
