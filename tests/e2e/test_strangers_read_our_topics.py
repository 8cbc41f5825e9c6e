"""Others read our topics with their own tools: the official CloudEvents SDK and kcat."""

import asyncio
import shutil
from collections import Counter

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event

from shared.events.catalog import CATALOG, NOT_OF_A_RECORDING, TOPICS
from tests.support.office import Office
from tests.support.topics import all_records
from tests.support.world import World

_KCAT = shutil.which("kcat") or ""


@pytest.mark.timeout(90)
async def test_the_official_cloudevents_sdk_reads_every_event(world: World, office: Office) -> None:
    await office.works_through(office.people(6))
    await world.finishes(office, within=30)

    read: Counter[str] = Counter()
    for record in await all_records(world.endpoints.kafka):
        event = from_binary_event(KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value))
        assert event.get_specversion() == "1.0"
        assert event.get_type() in CATALOG
        assert event.get_subject() == event.get_extension("partitionkey"), "the key is the subject"
        assert event.get_time() is not None
        assert event.get_datacontenttype() == "application/json"
        assert isinstance(event.get_data(), dict)
        tells_of_an_office = not issubclass(CATALOG[event.get_type()], NOT_OF_A_RECORDING)
        assert event.get_extension("office") or not tells_of_an_office
        assert int(event.get_extension("sequence")) >= 0
        read[record.topic] += 1

    assert set(read) >= set(TOPICS) - {"notification.events"}, "every topic has something to be read"
    await world.keeps_its_promises(office)


@pytest.mark.timeout(60)
@pytest.mark.skipif(not _KCAT, reason="kcat is not installed here: apt-get install kcat lets this test run")
async def test_kcat_shows_key_and_headers(world: World, office: Office) -> None:
    (recording_id,) = await office.records(office.people(1))
    await world.finishes(office, within=30)

    asked = ("-b", world.endpoints.kafka, "-C", "-t", "intake.events", "-e", "-q", "-f", "%k %h\n")
    kcat = await asyncio.create_subprocess_exec(_KCAT, *asked, stdout=asyncio.subprocess.PIPE)
    shown, _ = await asyncio.wait_for(kcat.communicate(), 30)

    ours = [line for line in shown.decode().splitlines() if line.startswith(recording_id)]
    assert any("ce_type=applicant.arrived.v1" in line and f"ce_office={office.code}" in line for line in ours)
