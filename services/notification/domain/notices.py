"""Which facts are worth a message, once each."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.notification.domain.journey import Journey
from shared.events.situation import NEWS_AFTER_CAPTURE, NEWS_AFTER_SUBMISSION, Situation
from shared.events.vocabulary import Purpose

TOLD = (Situation.ARRIVED, Situation.SAVED_HERE, Situation.AT_CENTRE, Situation.CARD_READY)


@dataclass(frozen=True, slots=True)
class Notice:
    """A situation to tell of; `fact` names what it is about, so that the same is never told twice."""

    situation: Situation
    fact: str


def notice_after(before: Journey, after: Journey) -> Notice | None:
    """Decide whether this change is told; absent when it is not."""
    if after.visit.ticket_number and not before.visit.ticket_number:
        return Notice(Situation.ARRIVED, "arrival")  # however far it is by now: this message carries the code
    now = after.situation
    if now is None or now == before.situation or now not in TOLD:
        return None
    if after.visit.purpose is Purpose.SUKET_EXTENSION:
        return None  # nothing was recorded, so nothing is saved here; its own words come with the Suket
    if now is Situation.ARRIVED:
        return None  # the number on the receipt of a return says it
    return Notice(now, f"packet {after.visit.packet_version}")


def values(situation: Situation, journey: Journey, zone: ZoneInfo, language: str) -> dict[str, str | None]:
    """Fill the placeholders that follow from the journey; absent where not known."""
    if situation is Situation.ARRIVED:
        return {"no": journey.visit.ticket_number or None}
    if situation is Situation.SAVED_HERE:
        return {"tgl": _date(_after(journey.visit.captured_at, NEWS_AFTER_CAPTURE), zone, language)}
    if situation is Situation.AT_CENTRE:
        reached = journey.progress.submitted_at
        return {
            "tgl": _date(reached, zone, language),
            "tgl2": _date(_after(reached, NEWS_AFTER_SUBMISSION), zone, language),
        }
    return {}


def receipt_values(receipt_code: str | None) -> dict[str, str | None]:
    """Fill `{kode}` and `{k}`, the last four and the check of the receipt."""
    if not receipt_code or len(receipt_code) != len("XXXX-XXXX-C"):
        return {"kode": None, "k": None}
    return {"kode": receipt_code, "k": receipt_code[-6:]}


_MONTHS = {
    "id": ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_ZONES = {"Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}


def _after(at: datetime | None, days: timedelta) -> datetime | None:
    return at + days if at else None


def _date(moment: datetime | None, zone: ZoneInfo, language: str) -> str | None:
    if moment is None:
        return None
    local = moment.astimezone(zone)
    return f"{local.day} {_MONTHS[language][local.month - 1]}"


def clock_time(moment: datetime, zone: ZoneInfo) -> str:
    """Write a time of day as people there read it, such as 10.14 WIB."""
    return f"{moment.astimezone(zone):%H.%M} {_ZONES.get(zone.key, 'UTC' if zone.key == str(UTC) else zone.key)}"
