"""The queue of an office: the server chooses, and nobody loses a place."""

import asyncio
from typing import Any

import pytest

from shared.events import intake as said
from shared.events import recording as heard
from shared.events.envelope import Data, Event
from shared.events.vocabulary import Document
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Producer
from shared.postgres.outbox import Outgoing
from tests.support.eventually import eventually
from tests.support.intake import Counter, an_arrival, serving, settings_of
from tests.support.serving import free_port, slug

pytest_plugins = ["tests.support.intake_fixture"]


class Room:
    """One office's waiting room, empty at first."""

    def __init__(self, counter: Counter, office: str) -> None:
        self.counter, self.office = counter, office
        self.path = f"/v1/offices/{office}/queue"

    async def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """Post as this office's officer."""
        return await self.counter.post(path, body, offices=self.office, **more)

    async def arrive(self, **changes: Any) -> dict[str, Any]:
        """Register a made-up person here."""
        answer = await self.post("/v1/arrivals", an_arrival(office=self.office, **changes))
        told: dict[str, Any] = answer.json()
        return told

    async def call(self, counter: int = 1) -> dict[str, Any]:
        """Call who goes next."""
        answer = await self.post(f"{self.path}/call-next", {"counter": counter})
        assert answer.status_code == 200, answer.text
        ticket: dict[str, Any] = answer.json()["ticket"]
        return ticket

    async def step(self, ticket: dict[str, Any], name: str, body: Any = None) -> Any:
        """Press a button on a ticket."""
        return await self.post(f"/v1/tickets/{ticket['id']}/{name}", body)

    async def queue(self) -> dict[str, Any]:
        """Read the queue."""
        shown: dict[str, Any] = (await self.counter.get(self.path, offices=self.office)).json()
        return shown


async def test_the_server_calls_by_the_published_rule(counter: Counter) -> None:
    room = Room(counter, "32.16.01")
    first = await room.arrive()
    day = (await counter.get(f"/v1/arrivals/{first['recording_id']}", offices=room.office)).json()["arrived_at"][:10]
    await room.arrive()
    await room.arrive(leaves_on=day)
    await room.post("/v1/arrivals/return", {"office": room.office, "receipt_code": first["receipt_code"]})

    expected = [item["number"] for item in (await room.queue())["items"]]
    called = [(await room.call(counter=3))["number"] for _ in range(3)]

    assert called == expected == ["A-001", "T-001", "A-002"]
    assert await room.call() is None
    assert [item["counter"] for item in (await room.queue())["called"]] == [3, 3, 3]


async def test_two_counters_never_call_the_same_person(counter: Counter) -> None:
    room = Room(counter, "32.16.02")
    for _ in range(12):
        await room.arrive()

    called = await asyncio.gather(*(room.call(number) for number in range(1, 13)))

    numbers = {ticket["number"] for ticket in called}
    assert numbers == {f"A-{number:03d}" for number in range(1, 13)}


async def test_served_and_taken_back_and_served_is_told_step_by_step(counter: Counter) -> None:
    room = Room(counter, "32.16.03")
    told = await room.arrive()
    ticket = await room.call()

    served = await room.step(ticket, "serve")
    undone = await room.step(ticket, "undo")
    absent = await room.step(ticket, "no-show")
    refused = await room.step(ticket, "serve")

    assert [answer.json()["ticket"]["state"] for answer in (served, undone, absent)] == ["served", "called", "no_show"]
    assert (refused.status_code, slug(refused), refused.json()["state"]) == (409, "wrong-ticket-step", "no_show")
    events = await counter.events(told["recording_id"])
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
    assert [type(event.data) for event in events[1:]] == [
        said.ApplicantCalled,
        said.ApplicantServed,
        said.ApplicantUndone,
        said.ApplicantNoShow,
    ]


async def test_who_is_sent_home_keeps_the_number_and_goes_first_on_return(counter: Counter) -> None:
    room = Room(counter, "32.16.04")
    told = await room.arrive()
    await room.arrive()
    ticket = await room.call()

    home = (await room.step(ticket, "send-home", {"reason_code": "line_down"})).json()["ticket"]
    kept = (await room.queue())["kept"]
    back = await room.post("/v1/arrivals/return", {"office": room.office, "receipt_code": told["receipt_code"]})

    assert (home["state"], home["lane"], home["number"]) == ("kept", "kept", ticket["number"])
    assert home["valid_until"]
    assert [item["number"] for item in kept] == [ticket["number"]]
    assert back.json()["ticket"] == {"id": ticket["id"], "number": ticket["number"], "lane": "kept"}
    assert (await room.queue())["items"][0]["number"] == ticket["number"]
    event = (await counter.events(told["recording_id"]))[2]
    assert isinstance(event.data, said.ApplicantSentHome)
    assert (event.data.reason_code, str(event.data.valid_until)) == ("line_down", home["valid_until"])


async def test_a_whole_room_is_sent_home_after_a_look_and_each_keeps_the_place(counter: Counter) -> None:
    room = Room(counter, "32.16.05")
    for purpose in ("first_recording", "first_recording", "suket_extension"):
        await room.arrive(purpose=purpose)
    asked = {"purposes": ["first_recording"], "reason_code": "centre_down"}

    look = (await room.post(f"{room.path}/send-home", {**asked, "dry_run": True})).json()
    waiting = len((await room.queue())["items"])
    done = (await room.post(f"{room.path}/send-home", asked, key="home")).json()
    again = await room.post(f"{room.path}/send-home", asked, key="home")

    assert (look["count"], look["dry_run"], waiting) == (2, True, 3)
    assert sorted(done["tickets"]) == sorted(look["tickets"]) == ["A-001", "A-002"]
    assert again.json() == done
    queue = await room.queue()
    assert [item["number"] for item in queue["items"]] == ["A-003"]
    assert sorted(item["number"] for item in queue["kept"]) == ["A-001", "A-002"]


@pytest.mark.parametrize(
    "body", [{}, {"counter": "1"}, {"counter": 0}, {"counter": True}, {"counter": 1, "number": "A-001"}]
)
async def test_a_malformed_call_is_refused(counter: Counter, body: dict[str, Any]) -> None:
    assert (await counter.post("/v1/offices/32.16.06/queue/call-next", body)).status_code == 422


async def test_a_foreign_queue_or_ticket_does_not_exist(counter: Counter) -> None:
    room = Room(counter, "32.16.08")
    told = await room.arrive()

    assert (await counter.get(room.path)).status_code == 404
    assert (await counter.post(f"{room.path}/call-next", {"counter": 1})).status_code == 404
    assert (await counter.post(f"/v1/tickets/{told['ticket']['id']}/serve")).status_code == 404


async def test_at_closing_time_open_tickets_become_kept(counter: Counter) -> None:
    room = Room(counter, "32.16.09")
    early = await room.arrive(arrived_at="2017-06-14T01:00:00Z")
    await room.arrive()

    settings = settings_of(counter.stack, free_port(), counter.store)
    async with serving(settings, parts={"postgresql", "http", "closing time"}):
        await eventually(lambda: _is_kept(room, early["ticket"]["number"]))

    assert len((await room.queue())["items"]) == 1
    event = (await counter.events(early["recording_id"]))[-1]
    assert isinstance(event.data, said.ApplicantSentHome)
    assert event.data.reason_code == "closing_time"


async def _is_kept(room: Room, number: str) -> bool:
    return number in [item["number"] for item in (await room.queue())["kept"]]


async def test_when_the_recording_has_ended_a_new_arrival_begins_a_new_one(counter: Counter) -> None:
    person = an_arrival()
    told = (await counter.post("/v1/arrivals", person)).json()
    await hear(counter, told, heard.RecordingCompleted(document=Document.CARD))
    path = f"/v1/arrivals/{told['recording_id']}"
    await eventually(lambda: _has_ended(counter, path))

    packet = await counter.capture(told["recording_id"], b"x" * 100)
    back = await counter.post("/v1/arrivals/return", {"office": "32.16.06", "receipt_code": told["receipt_code"]})
    new = await counter.post("/v1/arrivals", person)

    assert (await counter.get(path)).json()["situation"] == "completed"
    assert (packet.status_code, slug(packet)) == (409, "recording-closed")
    assert (back.status_code, slug(back)) == (409, "recording-closed")
    assert new.status_code == 201
    assert new.json()["recording_id"] != told["recording_id"]


async def test_whose_suket_is_ready_is_still_called_and_who_cancelled_is_not(counter: Counter) -> None:
    room = Room(counter, "32.16.21")
    ready = await room.arrive(purpose="suket_extension")
    gone = await room.arrive(purpose="suket_extension")

    await hear(counter, ready, heard.RecordingCompleted(document=Document.SUKET))
    await hear(counter, gone, heard.RecordingCancelled(reason_code="withdrawn"))
    for told in (ready, gone):
        path = f"/v1/arrivals/{told['recording_id']}"
        await eventually(lambda path=path: _has_ended(counter, path, offices=room.office))

    assert (await room.call())["recording_id"] == ready["recording_id"]
    assert await room.call() is None


async def _has_ended(counter: Counter, path: str, **more: Any) -> bool:
    return (await counter.get(path, **more)).json()["is_open"] is False


async def hear(counter: Counter, told: dict[str, Any], data: Data) -> None:
    """Say something in the recording service's name."""
    event = Event.of(
        data, source=heard.SOURCE, key=told["recording_id"], office=told["office"], sequence=1, traceparent=""
    )
    producer = Producer(counter.stack.endpoints.kafka)
    outgoing = Outgoing(1, partition_of(event.key, 6), heard.TOPIC, event.key.encode(), event.headers(), event.value())
    try:
        await producer.publish([outgoing], "")
    finally:
        await producer.stop()
