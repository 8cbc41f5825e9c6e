"""What the centre says when it answers as agreed; each is one fact."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class IdentityMatch:
    reference: str


@dataclass(frozen=True, slots=True)
class IdentityMismatch:
    """The fields are names of fields, never their values."""

    result: Literal["mismatch", "not_found"]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Received:
    reference: str


@dataclass(frozen=True, slots=True)
class AtCentre:
    """`state` is one of Dukcapil's words."""

    reference: str
    state: str
    digest: str


@dataclass(frozen=True, slots=True)
class NotAtCentre:
    """The centre answered that it has no such recording."""


@dataclass(frozen=True, slots=True)
class Printed:
    print_reference: str


@dataclass(frozen=True, slots=True)
class SuketIssued:
    number: str
    valid_until: dt.date


@dataclass(frozen=True, slots=True)
class Alive:
    """The centre answered a probe."""


Result: TypeAlias = IdentityMatch | IdentityMismatch | Received | AtCentre | NotAtCentre | Printed | SuketIssued | Alive
