"""Made-up people of valid form: no name, number or birthday belongs to anybody."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

_DAY_OF_WOMEN = 40


@dataclass(frozen=True, slots=True)
class Person:
    """Who comes to the office, and why; `marker` strings must be found nowhere in clear afterwards."""

    nik: str
    name: str
    birth_date: date
    sex: str
    purpose: str
    email: str | None

    def arrival(self, office: str) -> dict[str, Any]:
        """Write the body of POST /v1/arrivals."""
        contact = {"contact": {"email": self.email, "language": "id"}} if self.email else {}
        return {
            "office": office,
            "purpose": self.purpose,
            "nik": self.nik,
            "name": self.name,
            "birth_date": self.birth_date.isoformat(),
            "sex": self.sex,
            **contact,
        }

    def markers(self) -> list[bytes]:
        """Give what must never be seen in clear."""
        return [marker.encode() for marker in (self.nik, self.name, self.email) if marker]


def make_people(count: int, *, office: str, today: date, dice: random.Random) -> list[Person]:
    """Make people as the story tells of them: mostly 17-year-olds, some re-recordings, some Suket to extend."""
    return [_person(number, office, today, dice) for number in range(1, count + 1)]


def _person(number: int, office: str, today: date, dice: random.Random) -> Person:
    purpose = dice.choices(["first_recording", "re_recording", "suket_extension"], [60, 15, 25])[0]
    age = dice.randint(17, 18) if purpose == "first_recording" else dice.randint(19, 64)
    birth_date = today - timedelta(days=age * 366 + dice.randint(0, 300))
    sex = dice.choice(["female", "male"])
    day = birth_date.day + (_DAY_OF_WOMEN if sex == "female" else 0)
    # Serials from 1000 on keep clear of the centre's sandbox numbers 0001 to 0006.
    nik = f"{office.replace('.', '')}{day:02}{birth_date:%m%y}{1000 + number:04}"
    email = f"contoh{number}@example.invalid" if number % 5 == 0 else None
    return Person(nik, f"CONTOH WARGA REKAAN {number:04}", birth_date, sex, purpose, email)
