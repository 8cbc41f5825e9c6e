"""Made-up people of valid form by the hundred thousand, written as the JSON of an arrival without a JSON library."""

import datetime as dt
import itertools

from shared.events.vocabulary import Purpose

REGENCY = "32.16"
_OFFICES = [f"{REGENCY}.{number:02}" for number in range(1, 24)]
_SERIALS = range(1000, 10_000)  # clear of the centre's sandbox numbers 0001 to 0006
_WOMENS_DAY = 40
_YOUNGEST = dt.date(2001, 3, 27)


class People:
    """Gives each person once, spread over the offices of one regency."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def next(self, purpose: Purpose, *, has_contact: bool = False) -> tuple[str, bytes]:
        """Give a key and the body of the next person's arrival."""
        number = next(self._numbers)
        turn, place = divmod(number, len(_OFFICES))
        day, serial = divmod(turn, len(_SERIALS))
        born = _YOUNGEST - dt.timedelta(days=day)
        is_woman = place % 2 == 0
        office = _OFFICES[place]
        nik = f"{office.replace('.', '')}{born.day + _WOMENS_DAY * is_woman:02}{born:%m%y}{_SERIALS[serial]}"
        key = f"bench-{number}"
        contact = f',"contact":{{"email":"contoh{number}@example.invalid","language":"id"}}' if has_contact else ""
        body = (
            f'{{"office":"{office}","purpose":"{purpose}","nik":"{nik}","name":"CONTOH WARGA {number}",'
            f'"birth_date":"{born}","sex":"{"female" if is_woman else "male"}","key":"{key}"{contact}}}'
        )
        return key, body.encode()

    def batch(self, count: int, purpose: Purpose, *, has_contact: bool = False) -> bytes:
        """Give the lines of an arrival batch."""
        return b"\n".join(self.next(purpose, has_contact=has_contact)[1] for _ in range(count))
