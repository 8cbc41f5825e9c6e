"""What notification tells the others: one fact per message, without the person."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.notification.domain.sending import MessageState, Verdict
from services.notification.store import Claim
from shared.events import notification as said
from shared.events.envelope import Data, Event

_FAILED = (MessageState.PERMANENT_FAILURE, MessageState.TECHNICAL_FAILURE)


def is_told(verdict: Verdict) -> bool:
    """Tell whether this end is worth an event; what is tried again is not over."""
    return verdict.state is MessageState.SENT or verdict.state in _FAILED


def told(settled: Sequence[tuple[Claim, Verdict]], said_before: Mapping[UUID, int]) -> list[Event[Data]]:
    """Number the facts per recording and put them in envelopes."""
    last = dict(said_before)
    events = []
    for claim, verdict in settled:
        last[claim.recording_id] += 1
        events.append(
            Event.of(
                _fact(claim, verdict),
                source=said.SOURCE,
                key=claim.recording_id,
                office=claim.office,
                sequence=last[claim.recording_id],
                traceparent=claim.traceparent,
            )
        )
    return events


def _fact(claim: Claim, verdict: Verdict) -> Data:
    if verdict.state is MessageState.SENT:
        return said.NotificationSent(
            message_id=claim.id,
            channel=claim.channel,
            situation=claim.situation,
            template=claim.template,
            template_version=claim.template_version,
        )
    return said.NotificationFailed(
        message_id=claim.id,
        channel=claim.channel,
        situation=claim.situation,
        template=claim.template,
        template_version=claim.template_version,
        failure=verdict.reason or "unknown",
    )
