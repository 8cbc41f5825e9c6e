"""The one situation of a recording, from what intake itself knows and what it heard."""

from services.intake.domain.visits import Recording
from services.intake.usecases.desk import is_sent_home
from shared.events.situation import Facts, Situation, situation_of


def tell_situation(recording: Recording) -> Situation:
    """Name the situation by the function every service uses."""
    progress = recording.progress
    return situation_of(
        Facts(
            purpose=recording.purpose,
            has_capture=recording.packet_version > 0,
            is_sent_home=is_sent_home(recording),
            is_completed=progress.is_completed,
            is_cancelled=progress.is_cancelled,
            is_card_printed=progress.is_card_printed,
            card_waits_for=progress.card_waits_for,
            suket_until=progress.suket_until,
            stages=progress.stages,
        )
    )
