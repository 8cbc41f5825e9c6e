"""What notification must know of a recording to tell its person something; each half is folded from one source."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.progress import NOTHING_HEARD, Progress
from shared.events.situation import Facts, Situation, situation_of
from shared.events.vocabulary import Purpose


@dataclass(frozen=True, slots=True)
class Visit:
    """What intake has said."""

    sequence: int = 0
    office: str = ""
    purpose: Purpose | None = None
    ticket_number: str = ""
    is_sent_home: bool = False
    packet_version: int = 0
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """Both halves together."""

    visit: Visit = Visit()
    progress: Progress = NOTHING_HEARD
    office: str = ""

    @property
    def situation(self) -> Situation | None:
        """Name the situation; absent until intake's side of it was heard, for topics may overtake each other."""
        if self.visit.purpose is None or (self.progress.submitted_at and not self.visit.packet_version):
            return None
        return situation_of(
            Facts(
                purpose=self.visit.purpose,
                has_capture=self.visit.packet_version > 0,
                is_sent_home=self.visit.is_sent_home,
                is_completed=self.progress.is_completed,
                is_cancelled=self.progress.is_cancelled,
                is_card_printed=self.progress.is_card_printed,
                card_waits_for=self.progress.card_waits_for,
                suket_until=self.progress.suket_until,
                stages=self.progress.stages,
            )
        )
