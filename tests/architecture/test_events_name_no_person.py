"""No event has a field for what identifies a person; such things travel sealed, under other names."""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from shared.events.catalog import EVENTS
from shared.events.envelope import Data

# `card_not_before` is a day, and no birth date: ADR 0009.
_PERSONAL = {
    "nik", "name", "phone", "email", "birth", "birthday", "birthdate", "address", "biometric", "biometrics", "photo",
    "fingerprint", "fingerprints", "iris", "irises", "signature_image", "sex", "gender", "mother", "father", "note",
    "text", "message",
}  # fmt: skip


def personal_fields(events: tuple[type[Data], ...]) -> Iterator[str]:
    """Name the fields, of the events and of what is nested in them, that hold a personal word."""
    described = [msgspec.inspect.type_info(event) for event in events]
    for info in described:
        yield from _personal(info)


def test_no_event_has_a_field_for_a_person() -> None:
    assert "\n".join(personal_fields(EVENTS)) == ""


def test_a_personal_field_is_found_however_deep_it_lies() -> None:
    class Sender(msgspec.Struct):
        birth_date: str

    class Told(Data, frozen=True, kw_only=True):
        event_type: ClassVar[str] = "applicant.told.v1"
        topic: ClassVar[str] = "intake.events"
        sender_nik: str
        others: list[Sender | None]

    assert list(personal_fields((Told,))) == ["Told.sender_nik", "Sender.birth_date"]


def _personal(info: Any) -> Iterator[str]:
    if isinstance(info, msgspec.inspect.StructType):
        for field in info.fields:
            if _PERSONAL & {field.name, *field.name.split("_")} and field.name != "message_id":
                yield f"{info.cls.__name__}.{field.name}"
            yield from _personal(field.type)
    elif isinstance(info, msgspec.inspect.UnionType):
        for one in info.types:
            yield from _personal(one)
    elif isinstance(info, msgspec.inspect.CollectionType):
        yield from _personal(info.item_type)
