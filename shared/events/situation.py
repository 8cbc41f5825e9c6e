"""What a recording's situation is, for whom it is whose turn: one pure function, used wherever one is shown.

Never more optimistic than the facts, and never a refusal for a fault of line or server (I18). Sentences: WORDS.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from shared.events.vocabulary import Cause, Effect, NextAction, Purpose, Stage, WhoActs


class Situation(StrEnum):
    ARRIVED = "arrived"
    SAVED_HERE = "saved_here"
    WAITING_FOR_LINE = "waiting_for_line"
    WAITING_FOR_CENTRE = "waiting_for_centre"
    CHECKING_WITH_CENTRE = "checking_with_centre"
    OUR_FAULT = "our_fault"
    AT_CENTRE = "at_centre"
    STILL_CHECKING = "still_checking"
    COME_FOR_PRINTS = "come_for_prints"
    COME_FOR_DATA = "come_for_data"
    REGENCY_REVIEW = "regency_review"
    WAITING_FOR_AGE = "waiting_for_age"
    WAITING_FOR_BLANK = "waiting_for_blank"
    SUKET_READY = "suket_ready"
    SUKET_EXTENDED = "suket_extended"
    CARD_READY = "card_ready"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    KEPT_PLACE = "kept_place"


@dataclass(frozen=True, slots=True)
class StageFact:
    """What is known of one stage; a stage never heard of has no fact."""

    is_done: bool = False
    is_parked: bool = False
    cause: Cause | None = None
    effect: Effect | None = None
    next_action: NextAction | None = None
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the situation depends on; the same whether read from a ledger or folded from events."""

    purpose: Purpose
    has_capture: bool = False
    is_sent_home: bool = False
    is_completed: bool = False
    is_cancelled: bool = False
    is_card_printed: bool = False
    card_waits_for: str | None = None
    suket_until: date | None = None
    stages: Mapping[Stage, StageFact] = field(default_factory=dict)
    is_checking_long: bool = False
    line_is_down: bool = False
    centre_is_failing: bool = False


_IN_ORDER = (Stage.IDENTITY_CHECK, Stage.SUBMISSION, Stage.DEDUPLICATION, Stage.CARD_PRINTING, Stage.SUKET_ISSUE)

_TURN = {
    Situation.ARRIVED: WhoActs.OFFICE,
    Situation.KEPT_PLACE: WhoActs.OFFICE,
    Situation.AT_CENTRE: WhoActs.CENTRE,
    Situation.STILL_CHECKING: WhoActs.CENTRE,
    Situation.WAITING_FOR_CENTRE: WhoActs.CENTRE,
    Situation.OUR_FAULT: WhoActs.US,
    Situation.COME_FOR_PRINTS: WhoActs.RESIDENT,
    Situation.COME_FOR_DATA: WhoActs.RESIDENT,
    Situation.REGENCY_REVIEW: WhoActs.REGENCY,
    Situation.WAITING_FOR_BLANK: WhoActs.REGENCY,
    Situation.SUKET_READY: WhoActs.RESIDENT,
    Situation.CARD_READY: WhoActs.RESIDENT,
}


_UNSENT = (
    Situation.SAVED_HERE,
    Situation.WAITING_FOR_LINE,
    Situation.WAITING_FOR_CENTRE,
    Situation.CHECKING_WITH_CENTRE,
    Situation.OUR_FAULT,
)
NEWS_AFTER_CAPTURE = timedelta(days=3)
NEWS_AFTER_SUBMISSION = timedelta(days=14)


def situation_of(facts: Facts) -> Situation:
    """Name the one situation of these facts."""
    if facts.is_cancelled:
        return Situation.CANCELLED
    if facts.is_completed:
        return _ended(facts)
    if facts.is_card_printed:
        return Situation.CARD_READY
    parked = next((f for stage in _IN_ORDER if (f := facts.stages.get(stage)) and f.is_parked), None)
    if parked:
        return _parked(parked)
    return _under_way(facts)


def whose_turn(situation: Situation) -> WhoActs:
    """Tell who has to do something now; `nobody` when the platform goes on by itself."""
    return _TURN.get(situation, WhoActs.NOBODY)


def dukcapil_status(facts: Facts) -> str:
    """Name the nearest of Dukcapil's own words (DOMAIN.md, status vocabulary)."""
    done = {stage for stage, fact in facts.stages.items() if fact.is_done}
    if facts.is_completed and facts.purpose is not Purpose.SUKET_EXTENSION:
        return "CARD_ISSUED"
    if facts.is_card_printed:
        return "CARD_PRINTED"
    if Stage.DEDUPLICATION in done:
        return "PRINT_READY_RECORD"
    if Stage.SUBMISSION in done:
        return "RECEIVED_AT_CENTRAL"
    if (fact := facts.stages.get(Stage.SUBMISSION)) and fact.effect is Effect.POSSIBLE:
        return "SENT_FOR_ENROLLMENT"
    return "BIO_CAPTURED" if facts.has_capture else "UNREGISTERED"


def next_news_at(
    situation: Situation, *, unsent_since: datetime | None, submitted_at: datetime | None
) -> datetime | None:
    """Give the moment by which the person hears from us; absent where nothing is promised yet."""
    if situation in _UNSENT and unsent_since:
        return unsent_since + NEWS_AFTER_CAPTURE
    if situation is Situation.AT_CENTRE and submitted_at:
        return submitted_at + NEWS_AFTER_SUBMISSION
    return None


def _ended(facts: Facts) -> Situation:
    # `suket_extended` is for one made without a visit; who came for it has it ready to collect.
    return Situation.SUKET_READY if facts.purpose is Purpose.SUKET_EXTENSION else Situation.COMPLETED


def _parked(fact: StageFact) -> Situation:
    if fact.cause is Cause.BIOMETRIC:
        return Situation.COME_FOR_PRINTS
    if fact.cause is Cause.DATA:
        return Situation.COME_FOR_DATA if "identity_mismatch" in fact.signature else Situation.REGENCY_REVIEW
    if fact.cause is Cause.LOCAL:
        return Situation.OUR_FAULT
    return Situation.WAITING_FOR_CENTRE


def _under_way(facts: Facts) -> Situation:
    stages = facts.stages
    if _done(stages, Stage.DEDUPLICATION):
        return Situation.WAITING_FOR_AGE if facts.card_waits_for == "birthday" else _before_print(facts)
    if _done(stages, Stage.SUBMISSION):
        return Situation.STILL_CHECKING if facts.is_checking_long else Situation.AT_CENTRE
    needs_capture = facts.purpose is not Purpose.SUKET_EXTENSION
    if needs_capture and not facts.has_capture:
        return Situation.KEPT_PLACE if facts.is_sent_home else Situation.ARRIVED
    return _on_the_way(facts)


def _on_the_way(facts: Facts) -> Situation:
    current = next((f for s in _IN_ORDER if (f := facts.stages.get(s)) and not f.is_done), StageFact())
    if current.next_action is NextAction.ASK_CENTRE:
        return Situation.CHECKING_WITH_CENTRE
    if current.cause is Cause.LOCAL:
        return Situation.OUR_FAULT
    if facts.line_is_down or current.cause is Cause.NETWORK:
        return Situation.WAITING_FOR_LINE
    if facts.centre_is_failing or current.cause is Cause.SERVER:
        return Situation.WAITING_FOR_CENTRE
    return Situation.SAVED_HERE


def _before_print(facts: Facts) -> Situation:
    if facts.card_waits_for == "blank":
        return Situation.SUKET_READY if facts.suket_until else Situation.WAITING_FOR_BLANK
    return Situation.AT_CENTRE


def _done(stages: Mapping[Stage, StageFact], stage: Stage) -> bool:
    fact = stages.get(stage)
    return fact is not None and fact.is_done
