"""What the sixteen digits of a NIK say. A wrong form is refused; a doubt warns and never refuses (DOMAIN.md)."""

from datetime import date
from enum import StrEnum

LENGTH = 16
# A woman's day of birth is written plus forty.
_WOMENS_DAY = 40

# The 38 provinces of 2025. Not covered: regencies and kecamatan, whose codes were split and renamed so often that a
# current list would doubt rightful old NIKs, and codes of before 2005, which no NIK carries.
PROVINCES = frozenset(
    str(code)
    for codes in (
        range(11, 20),
        (21,),
        range(31, 37),
        range(51, 54),
        range(61, 66),
        range(71, 77),
        (81, 82),
        range(91, 97),
    )
    for code in codes
)


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


class Doubt(StrEnum):
    DATE_DIFFERS = "nik_date_differs"
    SEX_DIFFERS = "nik_sex_differs"
    UNKNOWN_REGION = "unknown_region"


class MalformedNik(ValueError):
    """This cannot be a NIK; the message never quotes it."""


def check_form(nik: str) -> str:
    """Give the NIK back when its form is possible; the serial is counted from 0001."""
    if len(nik) != LENGTH or not (nik.isascii() and nik.isdigit()):
        raise MalformedNik("must be 16 digits")
    if nik.endswith("0000"):
        raise MalformedNik("must end in a serial from 0001")
    return nik


def doubts(nik: str, birth_date: date, sex: Sex) -> list[Doubt]:
    """List what does not fit together; a NIK stays valid even when its birth date is wrong."""
    day = int(nik[6:8])
    is_womans = day > _WOMENS_DAY
    written = f"{day - _WOMENS_DAY * is_womans:02d}{nik[8:12]}"
    found = [
        (Doubt.DATE_DIFFERS, written != f"{birth_date:%d%m%y}"),
        (Doubt.SEX_DIFFERS, is_womans != (sex is Sex.FEMALE)),
        (Doubt.UNKNOWN_REGION, nik[:2] not in PROVINCES),
    ]
    return [doubt for doubt, is_so in found if is_so]
