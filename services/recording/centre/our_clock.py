"""How far our wall clock is off the database's: what judges a certificate's time must itself be judged."""

import time
from datetime import datetime

from shared.clock import now


class OurClock:
    """Compared now and then; between two looks the steady clock tells, so that a step is known at the next verdict."""

    __slots__ = ("_theirs_ahead",)

    def __init__(self) -> None:
        self._theirs_ahead: float | None = None

    def compare(self, theirs: datetime, at: float) -> None:
        """Take in what the database's clock said when our steady clock (`time.monotonic`) stood at `at`."""
        self._theirs_ahead = theirs.timestamp() - at

    @property
    def off_seconds(self) -> float:
        """Say how far ours is ahead now; 0 as long as nobody has compared."""
        if self._theirs_ahead is None:
            return 0.0
        return round(now().timestamp() - (self._theirs_ahead + time.monotonic()), 3)
