"""The office day of Jepara, 14 June 2017, against the clock on the wall: 120 office seconds pass in one real second."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

WIB = timezone(timedelta(hours=7), "WIB")
SPEED = 120
OPENS = datetime(2017, 6, 14, 7, 30, tzinfo=WIB)
LINE_DIES = datetime(2017, 6, 14, 8, 30, tzinfo=WIB)
LINE_RETURNS = datetime(2017, 6, 14, 10, 40, tzinfo=WIB)
TICKETS_BY_TEN = 232
LAST_TICKET = datetime(2017, 6, 14, 10, 0, tzinfo=WIB)
SERVED_THAT_DAY = 44


@dataclass(frozen=True, slots=True)
class OfficeClock:
    """Tells office time from real time; the machine's clock is never touched."""

    started: datetime

    @classmethod
    def start(cls) -> "OfficeClock":
        """Open the office now."""
        return cls(datetime.now(UTC))

    def now(self) -> datetime:
        """Tell the office time."""
        return self.at(datetime.now(UTC))

    def at(self, real: datetime) -> datetime:
        """Translate a real moment, as the ledger has it, to office time."""
        return OPENS + (real - self.started) * SPEED

    def real(self, office_time: datetime) -> datetime:
        """Translate an office time to the real moment at which it was."""
        return self.started + (office_time - OPENS) / SPEED

    async def until(self, office_time: datetime) -> None:
        """Wait for an office time."""
        await asyncio.sleep(max(0.0, (office_time - self.now()).total_seconds() / SPEED))


async def office_minutes(minutes: float) -> None:
    """Let office minutes pass."""
    await asyncio.sleep(minutes * 60 / SPEED)
