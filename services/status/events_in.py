"""Event → use case: status hears all topics but the contacts, and all goes one way."""

from collections.abc import Awaitable, Callable
from typing import Any

from services.status.usecases.record_events import record_events
from shared.events import intake, notification, recording
from shared.events.catalog import EVENTS
from shared.events.envelope import Data, Event
from shared.postgres.pool import Transaction

UseCase = Callable[[Transaction, list[Event[Any]]], Awaitable[None]]
TOPICS = (intake.TOPIC, recording.TOPIC, notification.TOPIC)
HEARS: dict[type[Data], UseCase] = {event: record_events for event in EVENTS if event.topic in TOPICS}
