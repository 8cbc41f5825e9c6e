"""Event → use case: status hears all topics but the contacts, and all goes one way."""

from services.status.usecases.record_events import record_events
from shared.events import intake, notification, recording
from shared.events.catalog import EVENTS
from shared.events.envelope import Data
from shared.kafka.ears import UseCase

TOPICS = (intake.TOPIC, recording.TOPIC, notification.TOPIC)
HEARS: dict[type[Data], UseCase] = {event: record_events for event in EVENTS if event.topic in TOPICS}
