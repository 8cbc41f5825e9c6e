"""How far a journey has come by what recording has said of it: one shape, for all who only listen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from shared.events.situation import StageFact
from shared.events.vocabulary import Stage

_ORDER = (Stage.IDENTITY_CHECK, Stage.SUBMISSION, Stage.DEDUPLICATION, Stage.CARD_PRINTING, Stage.SUKET_ISSUE)


@dataclass(frozen=True, slots=True)
class Progress:
    """What recording has said of the journey."""

    sequence: int = 0
    heard_at: datetime | None = None
    office: str = ""
    stages: Mapping[Stage, StageFact] = field(default_factory=dict)
    submitted_at: datetime | None = None
    is_completed: bool = False
    is_cancelled: bool = False
    is_card_printed: bool = False
    card_waits_for: str | None = None
    suket_until: date | None = None
    ended_at: datetime | None = None

    def with_stage(self, stage: Stage, fact: StageFact) -> "Progress":
        """Replace what is known of one stage."""
        return replace(self, stages={**self.stages, stage: fact})

    def with_done(self, stage: Stage, at: datetime) -> "Progress":
        """Note that a stage is done; the first time counts."""
        done = self.with_stage(stage, StageFact(is_done=True))
        if stage is Stage.SUBMISSION and done.submitted_at is None:
            return replace(done, submitted_at=at)
        return done

    def taken_back_to(self, stage: Stage) -> "Progress":
        """Forget this stage and all behind it: a person let it begin anew."""
        kept = {s: fact for s, fact in self.stages.items() if _ORDER.index(s) < _ORDER.index(stage)}
        submitted = self.submitted_at if Stage.SUBMISSION in kept else None
        return replace(self, stages=kept, submitted_at=submitted, card_waits_for=None)


NOTHING_HEARD = Progress()
