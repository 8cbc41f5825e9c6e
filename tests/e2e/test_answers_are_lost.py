"""The centre registers, and its answer is lost: it is asked before anything is sent a second time."""

from collections import Counter

import pytest

from tests.support.eventually import eventually
from tests.support.office import CARD_PURPOSES, Office
from tests.support.world import World, sends_without_asking


@pytest.mark.timeout(90)
async def test_the_centre_is_asked_before_anything_is_sent_again(world: World, office: Office) -> None:
    await world.centre.goes_wrong("submission", "effect_then_lost")
    await office.records(office.people(20, purposes=CARD_PURPOSES))
    # Answers lost in a row shrink the gate: the centre is not sent what it cannot acknowledge.
    await eventually(lambda: _were_sent(world, office, at_least=3), within=20)
    await world.centre.is_well_again()
    await world.finishes(office, within=60)

    journal = await world.centre.journal(office)
    sent = Counter(call["recording_id"] for call in journal if call["operation"] == "submission")
    assert set(sent.values()) == {1}, "what the centre has registered need not be sent again"
    assert sends_without_asking(journal) == []
    await world.keeps_its_promises(office)


@pytest.mark.timeout(90)
async def test_what_the_centre_does_not_know_is_sent_again_after_it_said_so(world: World, office: Office) -> None:
    await world.centre.goes_wrong("submission", "reset")
    await office.records(office.people(6, purposes=CARD_PURPOSES))
    reset = await eventually(lambda: _were_sent(world, office, at_least=2), within=20)
    await world.centre.is_well_again()
    await world.finishes(office, within=60)

    journal = await world.centre.journal(office)
    sent = Counter(call["recording_id"] for call in journal if call["operation"] == "submission")
    assert all(sent[recording] > 1 for recording in reset)
    assert sends_without_asking(journal) == []
    await world.keeps_its_promises(office)


async def _were_sent(world: World, office: Office, *, at_least: int) -> set[str]:
    sent = {call["recording_id"] for call in await world.centre.journal(office) if call["operation"] == "submission"}
    return sent if len(sent) >= at_least else set()
