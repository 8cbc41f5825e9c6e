"""What a check of one invariant found."""

from collections.abc import Iterable
from dataclasses import dataclass

_MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Result:
    """One invariant's line; `examples` name recordings, attempts or places by id, never people."""

    id: str
    is_ok: bool
    statement: str
    detail: str
    examples: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Write the line, and one for each example below it."""
        head = f"{self.id:<4}{'ok' if self.is_ok else 'BROKEN':<7} {self.statement} ({self.detail})"
        return [head, *(f"           {example}" for example in self.examples)]


def judge(identifier: str, statement: str, looked_at: str, faults: Iterable[str]) -> Result:
    """Make a result of what was looked at and every fault that was found."""
    found = list(faults)
    detail = f"{looked_at}; {len(found):,} found" if found else looked_at
    return Result(identifier, not found, statement, detail, tuple(found[:_MOST_EXAMPLES]))
