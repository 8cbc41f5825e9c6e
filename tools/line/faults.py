"""What can go wrong with the line, and how often it does (API.md section 7)."""

import random
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

Kind = Literal[
    "down",
    "dns",
    "reject",
    "cut_before_request",
    "cut_while_waiting",
    "cut_after_bytes",
    "latency",
    "bandwidth",
]
KINDS: frozenset[str] = frozenset(get_args(Kind))
# These are switches of the whole line: a share of a closed port does not exist.
_WHOLE = frozenset({"down", "reject"})
_SLOW = frozenset({"latency", "bandwidth"})
_ARGUMENTS = {
    "after_bytes": "cut_after_bytes",
    "milliseconds": "latency",
    "bytes_per_second": "bandwidth",
    "answer": "dns",
}


class LineFault(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of PUT /faults; `neutral` says whether the neutral target dies with the line, unasked with `down` only.

    `share` and `times` count calls with the cuts, connections with `latency` and `bandwidth`, questions with `dns`.
    """

    kind: Kind
    seconds: float | None = None
    neutral: bool | None = None
    share: float = 1.0
    times: int | None = None
    after_bytes: int | None = None
    milliseconds: float | None = None
    bytes_per_second: float | None = None
    answer: Literal["servfail", "nothing"] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share is 0 to 1")
        if self.kind in _WHOLE and (self.share != 1 or self.times is not None):
            raise ValueError("this kind is the whole line's: no share, no times")
        if self.kind in _SLOW and self.neutral:
            raise ValueError("this kind leaves the neutral target alone")
        self._check_arguments()

    @property
    def kills_neutral(self) -> bool:
        """Say whether the neutral target suffers too."""
        return self.kind == "down" if self.neutral is None else self.neutral

    def _check_arguments(self) -> None:
        for argument, kind in _ARGUMENTS.items():
            if getattr(self, argument) is not None and self.kind != kind:
                raise ValueError(f"{argument} belongs to {kind}")
        for argument in ("after_bytes", "milliseconds", "bytes_per_second"):
            value = getattr(self, argument)
            if self.kind == _ARGUMENTS[argument] and (value is None or value <= 0):
                raise ValueError(f"{self.kind} needs {argument} above 0")


@dataclass(slots=True)
class Trouble:
    """A fault switched on: it throws the dice for each call, and its `times` run out."""

    fault: LineFault
    hits: int = 0

    @property
    def is_spent(self) -> bool:
        """Say whether its times are used up."""
        return self.fault.times is not None and self.hits >= self.fault.times

    def aims(self) -> bool:
        """Throw the dice without counting: the hit is seen later."""
        return not self.is_spent and random.random() < self.fault.share

    def strikes(self) -> bool:
        """Throw the dice, and count a hit."""
        if not self.aims():
            return False
        self.hits += 1
        return True
