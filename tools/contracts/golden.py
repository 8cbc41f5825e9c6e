"""Golden events: one record of every event version as it lies in Kafka, kept readable for ever."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.events import intake, notification, recording
from shared.events.catalog import EVENTS
from shared.events.envelope import Data, Event
from tools.contracts.examples import EXAMPLES, MOMENT, TRACE, is_numbered, key_and_office

_SOURCES = {
    intake.TOPIC: intake.SOURCE,
    intake.CONTACTS_TOPIC: intake.SOURCE,
    recording.TOPIC: recording.SOURCE,
    notification.TOPIC: notification.SOURCE,
}


def example(event: type[Data]) -> Event[Data]:
    """Put the example of an event type into its envelope."""
    key, office = key_and_office(event)
    return Event(
        id=UUID("015ca491-a000-7000-8000-0000000000cc"),
        source=_SOURCES[event.topic],
        key=key,
        office=office,
        sequence=7 if is_numbered(event) else 0,
        time=MOMENT,
        traceparent=f"00-{TRACE}-a1b2c3d4e5f60718-01",
        data=EXAMPLES[event],
    )


def record(event: Event[Data]) -> dict[str, Any]:
    """Show an event as the Kafka record it becomes."""
    return {
        "topic": event.data.topic,
        "key": event.key,
        "headers": event.headers(),
        "value": json.loads(event.value()),
    }


def write_missing(folder: Path) -> list[Path]:
    """Write the golden of each event that has none; one that exists is the proof that old events stay readable."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for event in EVENTS:
        file = folder / f"{event.event_type}.json"
        if not file.exists():
            file.write_text(json.dumps(record(example(event)), indent=2) + "\n")
            written.append(file)
    return written
