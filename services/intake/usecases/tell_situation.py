"""The one situation of a recording, from what intake itself knows and what it heard."""

from datetime import date
from typing import Any

from services.intake.domain.visits import Recording
from services.intake.usecases.desk import is_sent_home
from shared.events.situation import Facts, Situation, StageFact, situation_of
from shared.events.vocabulary import Cause, Effect, NextAction, Stage


def tell_situation(recording: Recording) -> Situation:
    """Name the situation by the function every service uses."""
    heard: dict[str, Any] = dict(recording.facts)
    until = heard.get("suket_until")
    return situation_of(
        Facts(
            purpose=recording.purpose,
            has_capture=recording.packet_version > 0,
            is_sent_home=is_sent_home(recording),
            is_completed=heard.get("ended") == "completed",
            is_cancelled=heard.get("ended") == "cancelled",
            is_card_printed=bool(heard.get("is_card_printed")),
            card_waits_for=heard.get("card_waits_for"),
            suket_until=date.fromisoformat(until) if until else None,
            stages={Stage(name): _fact(fact) for name, fact in heard.get("stages", {}).items()},
        )
    )


def _fact(heard: dict[str, Any]) -> StageFact:
    return StageFact(
        is_done=heard.get("is_done", False),
        is_parked=heard.get("is_parked", False),
        cause=Cause(heard["cause"]) if heard.get("cause") else None,
        effect=Effect(heard["effect"]) if heard.get("effect") else None,
        next_action=NextAction(heard["next"]) if heard.get("next") else None,
        signature=heard.get("signature", ""),
    )
