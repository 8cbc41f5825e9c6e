"""What notification must know of a recording to tell its person something; each half is folded from one source."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from shared.events.situation import Facts, Situation, StageFact, situation_of
from shared.events.vocabulary import Purpose, Stage

_ORDER = (Stage.IDENTITY_CHECK, Stage.SUBMISSION, Stage.DEDUPLICATION, Stage.CARD_PRINTING, Stage.SUKET_ISSUE)


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
class Progress:
    """What recording has said."""

    sequence: int = 0
    stages: Mapping[Stage, StageFact] = field(default_factory=dict)
    submitted_at: datetime | None = None
    is_completed: bool = False
    is_cancelled: bool = False
    is_card_printed: bool = False
    card_waits_for: str | None = None
    suket_until: date | None = None

    def with_stage(self, stage: Stage, fact: StageFact) -> "Progress":
        """Replace what is known of one stage."""
        return replace(self, stages={**self.stages, stage: fact})

    def with_done(self, stage: Stage, at: datetime) -> "Progress":
        """Note that a stage is done; the first time counts."""
        done = self.with_stage(stage, StageFact(is_done=True))
        first = self.submitted_at or at
        return replace(done, submitted_at=first) if stage is Stage.SUBMISSION else done

    def taken_back_to(self, stage: Stage) -> "Progress":
        """Forget this stage and all behind it: a person let it begin anew."""
        kept = {s: fact for s, fact in self.stages.items() if _ORDER.index(s) < _ORDER.index(stage)}
        submitted = self.submitted_at if Stage.SUBMISSION in kept else None
        return replace(self, stages=kept, submitted_at=submitted, card_waits_for=None)


@dataclass(frozen=True, slots=True)
class Journey:
    """Both halves together."""

    visit: Visit = Visit()
    progress: Progress = Progress()
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
