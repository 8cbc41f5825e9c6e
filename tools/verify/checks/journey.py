"""The legal steps of one recording, told independently of the service that takes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.events import recording as said
from tools.verify.seen import Told

_CARD = ("identity_check", "submission", "deduplication", "card_printing")
_BEFORE: dict[str, dict[str, tuple[str, ...]]] = {
    purpose: {stage: _CARD[:place] for place, stage in enumerate(_CARD)} | {"suket_issue": _CARD[:3]}
    for purpose in ("first_recording", "re_recording")
} | {"suket_extension": {"identity_check": (), "suket_issue": ("identity_check",)}}
_BY_A_NEWER_PACKET = ("submission", "deduplication")
_BY_A_CORRECTION = ("identity_check",)


@dataclass(slots=True, kw_only=True)
class Journey:
    """Hears the events of one recording in order; each `hear` gives a fault or nothing."""

    purpose: str
    may_start_anew: bool
    was_corrected: bool = False
    started: Mapping[str, datetime]
    done: set[str] = field(default_factory=set)
    parked: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    ended: Told | None = None
    last: Told | None = None

    def hear(self, event: Told) -> str | None:
        """Take the next event; gives what is illegal about it."""
        step = _STEPS.get(event.type)
        if step is None:
            return f"{event.type} is none of its events"
        fault = self._after_the_end(event) if self.ended else step(self, event)
        self.last = event
        self.told.add(event.type)
        if event.type in _ENDS:
            self.ended = event
        return fault

    def attempted(self, event: Told) -> str | None:
        """An attempt needs the stages before it, and a stage that is neither done nor parked."""
        stage = event.data["stage"]
        before = _BEFORE.get(self.purpose, {}).get(stage)
        if before is None:
            return f"{self.purpose} has no stage {stage}"
        missing = [one for one in before if one not in self.done]
        if missing:
            return f"{stage} was attempted before {missing[0]} was done"
        if not self._begins_anew(stage) and stage in self.done | self.parked:
            return f"{stage} was attempted although {'done' if stage in self.done else 'parked'}"
        self.parked.discard(stage)
        if event.data["outcome"] == "done":
            self.done.add(stage)
        return None

    def failed(self, event: Told) -> str | None:
        """A failure follows its attempt."""
        last = self.last
        is_its = last is not None and last.type == said.RecordingAttempted.event_type
        if not is_its or last is None or last.data["attempt_id"] != event.data["attempt_id"]:
            return "a failure was told without its attempt"
        return None

    def was_parked(self, event: Told) -> str | None:
        """Parking follows a final failure."""
        last = self.last
        if last is None or last.type != said.RecordingFailed.event_type or not last.data["final"]:
            return "it was parked without a final failure"
        self.parked.add(event.data["stage"])
        return None

    def resumed(self, event: Told) -> str | None:
        """Only what is parked is resumed, or what a corrected identity begins anew (ADR 0015)."""
        stage = event.data["stage"]
        if stage not in self.parked and not (self.was_corrected and stage in _BY_A_CORRECTION):
            return f"{stage} was resumed and not parked"
        self.parked.discard(stage)
        return None

    def _begins_anew(self, stage: str) -> bool:
        newer_packet = self.may_start_anew and stage in _BY_A_NEWER_PACKET
        return newer_packet or (self.was_corrected and stage in _BY_A_CORRECTION)

    def _after_the_end(self, event: Told) -> str | None:
        """A call under way at the end still tells how it ended, and changes nothing."""
        last, ended = self.last, self.ended
        began = self.started.get(str(event.data.get("attempt_id")))
        if began is not None and ended is not None and began <= ended.time:
            return None
        if event.type == said.RecordingParked.event_type and last and last.type == said.RecordingFailed.event_type:
            return None
        return f"{event.type} after {ended.type if ended else ''}"


def _needs(what: str, *, stage: bool = False) -> Callable[[Journey, Told], str | None]:
    def step(journey: Journey, event: Told) -> str | None:
        return None if what in (journey.done if stage else journey.told) else f"{event.type} without {what}"

    return step


def _completed(journey: Journey, event: Told) -> str | None:
    needed = said.CardHandedOver if event.data["document"] == "card" else said.SuketExtended
    return None if needed.event_type in journey.told else f"completed without {needed.event_type}"


def _cancelled(_journey: Journey, _event: Told) -> str | None:
    return None


_ENDS = (said.RecordingCompleted.event_type, said.RecordingCancelled.event_type)
_STEPS: dict[str, Callable[[Journey, Told], str | None]] = {
    said.RecordingAttempted.event_type: Journey.attempted,
    said.RecordingFailed.event_type: Journey.failed,
    said.RecordingParked.event_type: Journey.was_parked,
    said.RecordingResumed.event_type: Journey.resumed,
    said.RecordingCompleted.event_type: _completed,
    said.RecordingCancelled.event_type: _cancelled,
    said.SuketIssued.event_type: _needs("suket_issue", stage=True),
    said.SuketExtended.event_type: _needs("suket_issue", stage=True),
    said.CardPrintReady.event_type: _needs("deduplication", stage=True),
    said.CardPrinted.event_type: _needs("card_printing", stage=True),
    said.CardHandedOver.event_type: _needs(said.CardPrinted.event_type),
}
