"""AsyncAPI 3 of all topics, from the catalogue of events: what is in Kafka, under which headers, with which data."""

import inspect
from pathlib import Path
from typing import Any

import msgspec
import yaml

from shared.events import intake, notification, recording
from shared.events.catalog import EVENTS, TOPICS
from shared.events.envelope import Data
from tools.contracts.examples import is_numbered

_ABOUT = {
    intake.TOPIC: "What happens at the offices: visits, tickets, captures. Said by intake, kept for ever.",
    intake.CONTACTS_TOPIC: "How people want to be told, sealed to notification; the newest per recording is kept.",
    recording.TOPIC: "Every call to the centre and what became of a journey. Said by recording, kept for ever.",
    notification.TOPIC: "Messages to people, without the people. Said by notification, kept for ever.",
}
_KEYS = {
    recording.BlankStockChanged: "Code of the regency.",
    recording.GateChanged: "The operation whose gate changed.",
}
_TEXT = {"type": "string"}
_HEADERS: dict[str, dict[str, Any]] = {
    "ce_specversion": {**_TEXT, "const": "1.0"},
    "ce_id": {**_TEXT, "format": "uuid", "description": "UUIDv7; the same id is the same event."},
    "ce_source": {**_TEXT, "description": "Who says it."},
    "ce_type": {**_TEXT, "description": "Name of the fact with its version."},
    "ce_subject": {**_TEXT, "description": "The record's key."},
    "ce_time": {**_TEXT, "format": "date-time"},
    "ce_office": {**_TEXT, "description": "Code of the office, for filters; empty for what concerns none."},
    "ce_sequence": {
        **_TEXT,
        "pattern": "^[0-9]+$",
        "description": "Counts 1, 2, 3 without a hole per source and subject; 0 where events are not numbered.",
    },
    "ce_traceparent": {**_TEXT, "description": "W3C trace context of where the event was made."},
    "traceparent": {**_TEXT, "description": "W3C trace context of this hop."},
    "content-type": {**_TEXT, "const": "application/json"},
}
_OPTIONAL_HEADERS = {"traceparent"}


def write_asyncapi(file: Path) -> Path:
    """Write the document."""
    text = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=120)
    file.write_text("# Written by `make contracts` from shared/events; do not edit.\n" + text)
    return file


def document() -> dict[str, Any]:
    """Make the AsyncAPI document."""
    _, schemas = msgspec.json.schema_components(EVENTS, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rekam events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in Kafka's binary mode: the envelope is headers, the value is JSON.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_id(topic): _channel(topic) for topic in TOPICS},
        "operations": {f"say_{_id(topic)}": _operation(topic) for topic in TOPICS},
        "components": {"messages": {event.event_type: _message(event) for event in EVENTS}, "schemas": schemas},
    }


def _channel(topic: str) -> dict[str, Any]:
    said = [event for event in EVENTS if event.topic == topic]
    config: dict[str, Any] = {"cleanup.policy": [TOPICS[topic]["cleanup.policy"]]}
    if "retention.ms" in TOPICS[topic]:
        config["retention.ms"] = int(TOPICS[topic]["retention.ms"])
    return {
        "address": topic,
        "description": _ABOUT[topic],
        "messages": {event.event_type: {"$ref": f"#/components/messages/{event.event_type}"} for event in said},
        "bindings": {"kafka": {"topic": topic, "topicConfiguration": config, "bindingVersion": "0.5.0"}},
    }


def _operation(topic: str) -> dict[str, Any]:
    return {"action": "send", "channel": {"$ref": f"#/channels/{_id(topic)}"}}


def _message(event: type[Data]) -> dict[str, Any]:
    headers = _HEADERS | {"ce_type": {**_HEADERS["ce_type"], "const": event.event_type}}
    if not is_numbered(event):
        headers |= {"ce_sequence": {**_TEXT, "const": "0"}}
    message = {
        "name": event.event_type,
        "title": event.__name__,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": headers,
            "required": [name for name in headers if name not in _OPTIONAL_HEADERS],
        },
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {"kafka": {"key": _key(event), "bindingVersion": "0.5.0"}},
    }
    summary = inspect.cleandoc(event.__doc__ or "").partition("\n")[0]
    return {**message, "summary": summary} if summary else message


def _key(event: type[Data]) -> dict[str, Any]:
    if event in _KEYS:
        return {**_TEXT, "description": _KEYS[event]}
    return {**_TEXT, "format": "uuid", "description": "Id of the recording."}


def _id(topic: str) -> str:
    return topic.replace(".", "_")
