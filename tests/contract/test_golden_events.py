"""Every event ever published stays readable, by us and by whoever reads CloudEvents."""

import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from shared.events.catalog import CATALOG, EVENTS, TOPICS
from shared.events.envelope import Data, Headers, read_event
from tools.contracts.examples import EXAMPLES, is_numbered
from tools.contracts.golden import example

GOLDEN = sorted((Path(__file__).parents[2] / "docs" / "contracts" / "events").glob("*.json"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_a_golden_event_is_read(file: Path) -> None:
    record = json.loads(file.read_text())

    event = read_event(*_as_kafka_gives(record), CATALOG)

    assert event.type == file.stem
    assert event.data.topic == record["topic"]
    assert event.key == record["key"]
    assert event.headers() == record["headers"]


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_nothing_a_golden_event_says_was_dropped(file: Path) -> None:
    record = json.loads(file.read_text())

    event = read_event(*_as_kafka_gives(record), CATALOG)

    assert record["value"].items() <= json.loads(event.value()).items()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.event_type)
def test_the_official_sdk_reads_our_events(event: type[Data]) -> None:
    said = example(event)
    headers = {name: value.encode() for name, value in said.headers().items()}

    read = from_binary(KafkaMessage(headers, said.key.encode(), said.value()), JSONFormat())

    assert (read.get_id(), read.get_type(), read.get_source()) == (str(said.id), said.type, said.source)
    assert (read.get_subject(), read.get_time()) == (said.key, said.time)
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("office") == said.office
    assert read.get_extension("sequence") == str(said.sequence)
    assert read.get_extension("traceparent") == said.traceparent
    assert read.get_data() == json.loads(said.value())


def test_every_event_has_an_example_and_a_topic() -> None:
    assert set(EXAMPLES) == set(EVENTS)
    assert {event.topic for event in EVENTS} == set(TOPICS)


def test_types_are_facts_with_a_version() -> None:
    for event in EVENTS:
        subject, fact, version = event.event_type.split(".")
        assert subject.islower()
        assert fact.islower()
        assert version.startswith("v")
        assert version[1:].isdigit()


def test_contacts_are_the_only_events_without_a_number() -> None:
    assert {event.topic for event in EVENTS if not is_numbered(event)} == {"intake.contacts"}


def _as_kafka_gives(record: dict[str, Any]) -> tuple[Headers, bytes]:
    headers: Headers = [(name, value.encode()) for name, value in record["headers"].items()]
    return headers, json.dumps(record["value"]).encode()
