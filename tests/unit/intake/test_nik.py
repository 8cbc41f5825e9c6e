"""What sixteen digits say, and what they never refuse."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.nik import PROVINCES, Doubt, MalformedNik, Sex, check_form, doubts

DAYS = st.dates(date(1900, 1, 1), date(2026, 1, 1))
SERIALS = st.integers(1, 9999)


def nik_of(birth_date: date, sex: Sex, serial: int = 1, region: str = "321606") -> str:
    day = birth_date.day + 40 * (sex is Sex.FEMALE)
    return f"{region}{day:02d}{birth_date:%m%y}{serial:04d}"


@given(DAYS, st.sampled_from(Sex), SERIALS)
def test_a_nik_that_fits_its_person_raises_no_doubt(birth_date: date, sex: Sex, serial: int) -> None:
    nik = check_form(nik_of(birth_date, sex, serial))

    assert doubts(nik, birth_date, sex) == []


@given(DAYS, SERIALS)
def test_a_woman_registered_as_a_man_is_doubted_for_the_sex_alone(birth_date: date, serial: int) -> None:
    assert doubts(nik_of(birth_date, Sex.FEMALE, serial), birth_date, Sex.MALE) == [Doubt.SEX_DIFFERS]


@given(DAYS, DAYS, st.sampled_from(Sex))
def test_another_birth_date_is_doubted(written: date, said: date, sex: Sex) -> None:
    is_doubted = Doubt.DATE_DIFFERS in doubts(nik_of(written, sex), said, sex)

    assert is_doubted == (f"{written:%d%m%y}" != f"{said:%d%m%y}")


def test_an_unknown_province_is_doubted_and_not_refused() -> None:
    nik = check_form(nik_of(date(2000, 1, 10), Sex.MALE, region="991606"))

    assert doubts(nik, date(2000, 1, 10), Sex.MALE) == [Doubt.UNKNOWN_REGION]


def test_there_are_38_provinces() -> None:
    assert len(PROVINCES) == 38
    assert {"11", "31", "32", "93", "96"} <= PROVINCES


@pytest.mark.parametrize("digits", ["3216061001000000", "321606100100001", "32160610010000011", "", "32160610010000O1"])
def test_what_cannot_be_a_nik_is_refused_without_quoting_it(digits: str) -> None:
    with pytest.raises(MalformedNik) as refused:
        check_form(digits)

    assert not digits or digits not in str(refused.value)


def test_digits_of_other_scripts_are_no_digits() -> None:
    with pytest.raises(MalformedNik):
        check_form("٣" * 16)


@given(st.text(alphabet="0123456789", min_size=16, max_size=16), DAYS, st.sampled_from(Sex))
def test_no_sixteen_digits_break_the_reading(nik: str, birth_date: date, sex: Sex) -> None:
    assert set(doubts(nik, birth_date, sex)) <= set(Doubt)
