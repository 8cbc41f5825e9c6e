"""One recording as others may know it: two halves, each folded from one source alone, so topics may interleave."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from shared.events.progress import NOTHING_HEARD, Progress
from shared.events.situation import Facts, Situation, situation_of
from shared.events.vocabulary import Purpose, TicketLane


@dataclass(frozen=True, slots=True)
class Visit:
    """What intake has said of the person's visits."""

    sequence: int = 0
    heard_at: datetime | None = None
    office: str = ""
    purpose: Purpose | None = None
    created_by: str = ""
    reference: str | None = None
    arrived_at: datetime | None = None
    captured_at: datetime | None = None
    ticket_number: str = ""
    ticket_lane: TicketLane | None = None
    ticket_state: str = ""
    ticket_at: datetime | None = None
    counter: int | None = None
    place_until: date | None = None

    def queue(self, state: str, at: datetime, *, counter: int | None = None, until: date | None = None) -> "Visit":
        """Move the ticket."""
        return replace(self, ticket_state=state, ticket_at=at, counter=counter, place_until=until)


@dataclass(frozen=True, slots=True)
class Journey:
    """Both halves, and what follows from them."""

    visit: Visit = Visit()
    progress: Progress = NOTHING_HEARD
    messages_heard: int = 0

    @property
    def office(self) -> str:
        """The office the recording is open at."""
        return self.visit.office or self.progress.office

    @property
    def opened_at(self) -> datetime | None:
        """When the person arrived."""
        return self.visit.arrived_at

    @property
    def changed_at(self) -> datetime | None:
        """When something was last said, whatever the order of hearing."""
        return max((at for at in (self.visit.heard_at, self.progress.heard_at) if at), default=None)

    @property
    def unsent_since(self) -> datetime | None:
        """Since when something waits here for the centre; absent when nothing does."""
        if self.progress.ended_at or self.progress.submitted_at:
            return None
        if self.visit.purpose is Purpose.SUKET_EXTENSION:
            return self.visit.arrived_at
        return self.visit.captured_at

    def situation(self, *, line_is_down: bool = False, centre_is_failing: bool = False) -> Situation:
        """Name the situation under this state of the line."""
        return situation_of(self.facts(line_is_down=line_is_down, centre_is_failing=centre_is_failing))

    def facts(self, *, line_is_down: bool = False, centre_is_failing: bool = False) -> Facts:
        """Give what the situation depends on."""
        visit, progress = self.visit, self.progress
        return Facts(
            purpose=visit.purpose or Purpose.FIRST_RECORDING,
            has_capture=visit.captured_at is not None,
            is_sent_home=visit.ticket_state == "sent_home",
            is_completed=progress.is_completed,
            is_cancelled=progress.is_cancelled,
            is_card_printed=progress.is_card_printed,
            card_waits_for=progress.card_waits_for,
            suket_until=progress.suket_until,
            stages=progress.stages,
            line_is_down=line_is_down,
            centre_is_failing=centre_is_failing,
        )
