"""notification as a process of its own, on real PostgreSQL, Kafka and SMTP."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from aiokafka import AIOKafkaConsumer

from shared.events import intake, notification
from shared.events.envelope import Data, Event
from shared.events.vocabulary import Purpose
from shared.ids import uuid7
from shared.sealing import Label, SealingKey, seal
from tests.support.eventually import eventually
from tests.unit.status.office_day import TRACE, Story, publish
from tools.local import Stack
from tools.token import fetch_token

_RECEIPT = "7K3M-9QPX-R"


@dataclass(frozen=True, slots=True)
class Post:
    """The running service, the mailbox it sends to, and those who ask it."""

    stack: Stack
    client: httpx.AsyncClient

    async def hears(self, *events: Event[Any]) -> None:
        """Publish."""
        await publish(self.stack.endpoints.kafka, events)

    def contact_of(self, story: Story, **reach: str) -> Event[Data]:
        """Seal a contact as intake does."""
        key = SealingKey.from_file(self.stack.keys / "contact_sealing.public.json")
        label = Label(story.id, story.office, 1, "contact")
        plain = orjson.dumps({"email": address(story), "receipt_code": _RECEIPT, **reach})
        sealed = base64.b64encode(seal(key, label, plain)).decode()
        return self._about(story, intake.ContactChanged(sealed=sealed))

    def withdrawal_of(self, story: Story) -> Event[Data]:
        """The person no longer wants messages."""
        return self._about(story, intake.ContactWithdrawn())

    def _about(self, story: Story, said: Data) -> Event[Data]:
        return Event(uuid7(), intake.SOURCE, str(story.id), story.office, 0, datetime.now(UTC), TRACE, said)

    async def mails(self, story: Story) -> list[dict[str, Any]]:
        """What arrived for a person."""
        answer = await self.client.get(f"{self.stack.endpoints.mailbox}/messages", params={"to": address(story)})
        return list(answer.json())

    async def has_mails(self, story: Story, count: int) -> list[dict[str, Any]] | None:
        """The mails once there are so many."""
        mails = await self.mails(story)
        return mails if len(mails) == count else None

    async def messages(self, story: Story) -> list[dict[str, Any]]:
        """The ledger of a recording, oldest first."""
        answer = await self.ask("GET", "/v1/messages", params={"recording_id": str(story.id)})
        return list(reversed(answer.json()["items"]))

    async def states(self, story: Story) -> list[tuple[str, str]]:
        """Situations and states."""
        return [(message["situation"], message["state"]) for message in await self.messages(story)]

    async def mailbox_fails(self, kind: str) -> None:
        """Let the mail server fail in this way."""
        await self.client.put(f"{self.stack.endpoints.mailbox}/faults", json={"kind": kind})

    async def ask(
        self, method: str, path: str, *, role: str = "sre", offices: str = "*", **asked: Any
    ) -> httpx.Response:
        """Ask as somebody."""
        token = await asyncio.to_thread(fetch_token, self.stack.endpoints.issuer, role, offices)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid7())}
        return await self.client.request(method, path, headers=headers, **asked)


def address(story: Story) -> str:
    """An address of nobody."""
    return f"warga-{story.id.hex[-12:]}@contoh.invalid"


@pytest.fixture(scope="module")
async def post(postgres_and_kafka: Stack) -> AsyncIterator[Post]:
    os.environ["REKAM_SEND_RETRY_SECONDS"] = "0.2"
    try:
        for name in ("issuer", "mailbox", "notification"):
            await asyncio.to_thread(postgres_and_kafka.start_service, name)
    finally:
        del os.environ["REKAM_SEND_RETRY_SECONDS"]
    url = postgres_and_kafka.endpoints.notification
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client:
        yield Post(postgres_and_kafka, client)
    await asyncio.to_thread(postgres_and_kafka.stop_service, "notification")


async def test_each_of_the_four_situations_is_told_once(post: Post) -> None:
    story = Story().arrives().is_captured().identity_is_checked().is_submitted().is_unique().card_is_printed()

    await post.hears(post.contact_of(story), *story.of_intake, *story.of_intake)
    await eventually(lambda: post.has_mails(story, 2), within=20)
    await post.hears(*story.events, *story.of_recording)

    mails = await eventually(lambda: post.has_mails(story, 4), within=20)
    assert [mail["subject"].partition(": ")[2] for mail in sorted(mails, key=lambda mail: mail["id"])] == [
        "Anda terdaftar",
        "rekaman Anda tersimpan aman (9QPX-R)",
        "rekaman Anda sudah sampai di pusat (9QPX-R)",
        "kartu Anda sudah jadi (9QPX-R)",
    ]
    assert len({mail["headers"]["Message-ID"] for mail in mails}) == 4
    await eventually(lambda: _all_sent(post, story))
    assert await _numbers_said(post, story) == [1, 2, 3, 4]


async def _all_sent(post: Post, story: Story) -> bool:
    return [state for _, state in await post.states(story)] == ["sent"] * 4


async def _numbers_said(post: Post, story: Story) -> list[int]:
    consumer = AIOKafkaConsumer(
        notification.TOPIC, bootstrap_servers=post.stack.endpoints.kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    said: dict[str, int] = {}
    try:
        while len(said) < 4:
            async with asyncio.timeout(10):
                record = await consumer.getone()
            headers = {name: value.decode() for name, value in record.headers}
            if headers["ce_subject"] == str(story.id):
                said[headers["ce_id"]] = int(headers["ce_sequence"])
    finally:
        await consumer.stop()
    return list(said.values())


async def test_a_message_names_the_number_and_the_code_in_the_persons_language(post: Post) -> None:
    story = Story().arrives()

    await post.hears(post.contact_of(story, language="en"), *story.events)

    (mail,) = await eventually(lambda: post.has_mails(story, 1))
    assert "Number A-031." in mail["text"]
    assert f"Keep code {_RECEIPT}" in mail["text"]
    assert "Expected call" not in mail["text"]


async def test_a_contact_that_comes_after_the_arrival_still_gets_the_news(post: Post) -> None:
    story = Story().arrives()
    await post.hears(*story.events)
    await eventually(lambda: _is(post, story, [("arrived", "suppressed")]))

    await post.hears(post.contact_of(story))

    await eventually(lambda: post.has_mails(story, 1))
    await eventually(lambda: _is(post, story, [("arrived", "sent")]))


async def _is(post: Post, story: Story, expected: list[tuple[str, str]]) -> bool:
    return await post.states(story) == expected


async def test_a_dead_mail_server_delays_a_message_and_stops_nothing(post: Post) -> None:
    story = Story().arrives().is_captured()
    await post.mailbox_fails("down")
    try:
        await post.hears(post.contact_of(story), *story.events)
        await eventually(
            lambda: _is(post, story, [("arrived", "temporary_failure"), ("saved_here", "temporary_failure")])
        )
    finally:
        await post.mailbox_fails("none")

    await eventually(lambda: post.has_mails(story, 2))
    await eventually(lambda: _is(post, story, [("arrived", "sent"), ("saved_here", "sent")]))


async def test_a_refused_address_is_never_tried_again_by_itself_but_by_a_person(post: Post) -> None:
    story = Story().arrives()
    await post.mailbox_fails("reject")
    try:
        await post.hears(post.contact_of(story), *story.events)
        await eventually(lambda: _is(post, story, [("arrived", "permanent_failure")]))
    finally:
        await post.mailbox_fails("none")
    (message,) = await post.messages(story)
    path = f"/v1/messages/{message['id']}/resend"

    foreign = await post.ask("POST", path, role="supervisor", offices="32.16.07", json={"reason_code": "address_fixed"})
    again = await post.ask("POST", path, role="supervisor", offices="32.16.06", json={"reason_code": "address_fixed"})

    assert (message["reason"], foreign.status_code, again.status_code) == ("smtp_550", 404, 202)
    await eventually(lambda: post.has_mails(story, 1))
    await eventually(lambda: _is(post, story, [("arrived", "sent")]))
    twice = await post.ask("POST", path, json={"reason_code": "address_fixed"})
    assert (twice.status_code, twice.json()["type"].rpartition("/")[2]) == (409, "already-sent")


async def test_a_channel_switched_off_keeps_messages_until_it_is_on_again(post: Post) -> None:
    story = Story(purpose=Purpose.SUKET_EXTENSION).arrives()
    order = {"name": "email", "reason_code": "wrong_text"}
    off = await post.ask("PATCH", "/v1/channels", json={**order, "is_enabled": False})
    try:
        await post.hears(post.contact_of(story), *story.events)
        await eventually(lambda: _is(post, story, [("arrived", "created")]))
        assert await post.mails(story) == []
    finally:
        on = await post.ask("PATCH", "/v1/channels", json={**order, "is_enabled": True})

    assert (off.status_code, on.status_code, off.json()["is_enabled"]) == (200, 200, False)
    await eventually(lambda: post.has_mails(story, 1))


async def test_who_withdrew_the_contact_is_not_written_to(post: Post) -> None:
    story = Story().arrives()
    await post.hears(post.contact_of(story), post.withdrawal_of(story))
    await post.hears(*story.events)

    await eventually(lambda: _is(post, story, [("arrived", "suppressed")]))

    assert await post.mails(story) == []


async def test_no_table_and_no_log_holds_an_address_in_clear(post: Post) -> None:
    story = Story().arrives()
    await post.hears(post.contact_of(story, phone="+620000000000"), *story.events)
    await eventually(lambda: post.has_mails(story, 1))

    connection = await asyncpg.connect(post.stack.endpoints.postgres["notification"])
    try:
        for table in ("journey", "contact", "message", "outbox", "quarantine"):
            rows = str([dict(row) for row in await connection.fetch(f"SELECT * FROM {table}")])  # noqa: S608  fixed names
            assert "contoh.invalid" not in rows
            assert _RECEIPT not in rows
    finally:
        await connection.close()
    assert "contoh.invalid" not in post.stack.log("notification").read_text()


async def test_messages_of_foreign_offices_are_not_listed(post: Post) -> None:
    story = Story(office="32.16.06").arrives()
    await post.hears(post.contact_of(story), *story.events)
    await eventually(lambda: post.has_mails(story, 1))

    listed = await post.ask(
        "GET", "/v1/messages", role="regency", offices="32.17.", params={"recording_id": str(story.id)}
    )

    assert listed.json() == {"items": [], "next": None}
    assert (await post.ask("GET", "/v1/messages", role="officer", offices="32.16.06")).status_code == 403
