"""What notification says: one fact per message to a person, without the person."""

from typing import ClassVar
from uuid import UUID

from shared.events.envelope import Data

SOURCE = "/rekam/notification"
TOPIC = "notification.events"


class _Message(Data, frozen=True, kw_only=True):
    topic: ClassVar[str] = TOPIC
    message_id: UUID
    channel: str
    situation: str
    template: str
    template_version: int


class NotificationSent(_Message, frozen=True, kw_only=True):
    """The channel took the message; delivery is another fact."""

    event_type: ClassVar[str] = "notification.sent.v1"


class NotificationFailed(_Message, frozen=True, kw_only=True):
    event_type: ClassVar[str] = "notification.failed.v1"
    failure: str
