"""How many calls of one operation may be under way: successes raise it, losses cut it (AIMD), never below one. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

_FEWEST = 1.0
_CUT = 0.7
_CUT_AT_START = 0.5  # doubling has overshot by up to twice
# A quarter of a call a round: gates that share one centre would lose a call in thirty by a whole one.
_STEP = 0.25


@dataclass(frozen=True, slots=True)
class Pace:
    """What was learnt of how much the centre bears; `most` is what an installation allows."""

    most: int
    allowed: float
    is_starting: bool = True  # each success adds a whole call until the first loss
    is_dry: bool = False  # nothing has succeeded since the last cut
    cut_at: datetime | None = None
    filled_at: datetime | None = None  # when a claim last left no room

    @property
    def calls(self) -> int:
        """Give the limit in whole calls."""
        return int(self.allowed)


def gained(pace: Pace, started_at: datetime) -> Pace:
    """Learn from a success; it raises the limit only if the limit was reached while the call was under way."""
    pace = replace(pace, is_dry=False)
    if pace.filled_at is None or pace.filled_at < started_at:
        return pace
    step = 1.0 if pace.is_starting else _STEP / pace.allowed
    return replace(pace, allowed=min(float(pace.most), pace.allowed + step))


def lost(pace: Pace, started_at: datetime, now: datetime) -> Pace:
    """Learn from a loss; those of calls begun before the last cut are of the same window and cut nothing again."""
    if pace.cut_at is not None and started_at <= pace.cut_at:
        return pace
    if pace.is_dry:
        return replace(restarted(pace), is_dry=True, cut_at=now)
    allowed = max(_FEWEST, pace.allowed * (_CUT_AT_START if pace.is_starting else _CUT))
    return replace(pace, allowed=allowed, is_starting=False, is_dry=True, cut_at=now)


def restarted(pace: Pace) -> Pace:
    """Begin again with one call: after an outage, a pause, or a window in which nothing succeeded."""
    return replace(pace, allowed=_FEWEST, is_starting=True, is_dry=False, filled_at=None)
