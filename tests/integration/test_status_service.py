"""status as a process of its own, on real PostgreSQL and Kafka, asked by HTTP."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.status.domain.cursor import Cursor
from shared.events.vocabulary import Cause, GateState, Operation, Purpose, Stage
from tests.support.eventually import eventually
from tests.unit.status.office_day import Story, gate_changes, publish
from tools.local import Stack
from tools.local.places import ROOT
from tools.token import fetch_token


@dataclass(frozen=True, slots=True)
class Status:
    """The running service and those who ask it."""

    stack: Stack
    client: httpx.AsyncClient

    async def hears(self, *stories: Story) -> None:
        """Publish these stories and wait until the last event of each is logged."""
        await publish(self.stack.endpoints.kafka, [event for story in stories for event in story.events])
        for story in stories:
            await eventually(lambda story=story: self.has_all_of(story), within=20)

    async def has_all_of(self, story: Story) -> bool:
        """Tell whether all of a story is on its timeline."""
        timeline = await self.timeline(story, "sre", "*")
        return len(timeline.get("items", [])) == len(story.events)

    async def timeline(self, story: Story, role: str, office: str) -> dict[str, Any]:
        """Read a timeline."""
        return dict((await self.get(f"/v1/recordings/{story.id}/timeline", role, office)).json())

    async def board(self, office: str, role: str = "officer") -> dict[str, Any]:
        """Read a board."""
        answer = await self.get(f"/v1/offices/{office}/board", role, office)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def read_on(
        self, role: str, offices: str, after: str | None = None, /, **asked: Any
    ) -> tuple[list[Any], str | None]:
        """Read events to the end; gives them and the cursor."""
        seen: list[Any] = []
        while True:
            params = {**asked, **({"after": after} if after else {})}
            page = (await self.get("/v1/events", role, offices, **params)).json()
            seen += page["events"]
            if page["next"] == after:
                return seen, after
            after = page["next"]

    async def get(self, path: str, role: str, offices: str, /, **params: Any) -> httpx.Response:
        """Ask as somebody."""
        token = await asyncio.to_thread(fetch_token, self.stack.endpoints.issuer, role, offices)
        return await self.client.get(path, params=params, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
async def status(postgres_and_kafka: Stack) -> AsyncIterator[Status]:
    for name in ("issuer", "status"):
        await asyncio.to_thread(postgres_and_kafka.start_service, name)
    async with httpx.AsyncClient(base_url=postgres_and_kafka.endpoints.status, trust_env=False, timeout=10) as client:
        yield Status(postgres_and_kafka, client)
    await asyncio.to_thread(postgres_and_kafka.stop_service, "status")


async def test_a_timeline_tells_the_story_and_where_it_stands(status: Status) -> None:
    story = Story().arrives().is_captured().identity_is_checked().is_submitted()

    await status.hears(story)

    told = await status.timeline(story, "officer", "32.16.06")
    assert [item["type"] for item in told["items"]] == [event.type for event in story.events]
    assert told["items"][0]["title"] == {"id": "Terdaftar", "en": "Registered"}
    assert (told["situation"], told["whose_turn"], told["dukcapil_status"]) == (
        "at_centre",
        "centre",
        "RECEIVED_AT_CENTRAL",
    )
    assert told["next_news_at"]


async def test_a_foreign_office_sees_nothing(status: Status) -> None:
    story = Story(office="32.16.06").arrives()

    await status.hears(story)

    assert (await status.get(f"/v1/recordings/{story.id}/timeline", "officer", "32.16.07")).status_code == 404
    assert (await status.get("/v1/offices/32.16.06/board", "officer", "32.16.07")).status_code == 404
    events, _ = await status.read_on("officer", "32.16.07", office="32.16.06")
    assert events == []


async def test_an_agency_sees_only_what_it_created_and_no_evidence(status: Status) -> None:
    own = Story(created_by="agency:32.16.").arrives().is_captured().fails(Stage.SUBMISSION, Cause.NETWORK)
    foreign = Story(created_by="agency:other").arrives()

    await status.hears(own, foreign)

    events, _ = await status.read_on("agency", "32.16.", limit=500)
    assert {event["subject"] for event in events} == {str(own.id)}
    assert (await status.get(f"/v1/recordings/{foreign.id}/timeline", "agency", "32.16.")).status_code == 404
    assert "canary-evidence" not in json.dumps([events, await status.timeline(own, "agency", "32.16.")])
    assert "canary-evidence" in json.dumps(await status.timeline(own, "sre", "*"))


async def test_a_cursor_reads_on_without_a_hole_or_a_double(status: Status) -> None:
    first, second = (Story(office="32.16.11").arrives().is_captured() for _ in range(2))
    await status.hears(first)
    before, cursor = await status.read_on("sre", "*", office="32.16.11", limit=2)

    await status.hears(second)

    after, _ = await status.read_on("sre", "*", cursor, office="32.16.11", types="applicant.*,capture.accepted.v1")
    assert [event["subject"] for event in after] == [str(second.id)] * 2
    assert len({event["id"] for event in before + after}) == len(before + after)


@pytest.mark.parametrize(("cursor", "slug"), [("nonsense!", "cursor-malformed"), ("AQ", "cursor-malformed")])
async def test_a_cursor_that_is_none_is_refused_clearly(status: Status, cursor: str, slug: str) -> None:
    answer = await status.get("/v1/events", "sre", "*", after=cursor)

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (400, slug)


async def test_a_cursor_of_another_log_is_told_to_begin_anew(status: Status) -> None:
    answer = await status.get("/v1/events", "sre", "*", after=Cursor(7, 7).text())

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (410, "cursor-reset")


async def test_an_event_heard_twice_counts_once(status: Status) -> None:
    story, marker = Story(office="32.16.12").arrives().is_captured(), Story(office="32.16.12").arrives()

    await publish(status.stack.endpoints.kafka, [*story.events, *story.events])
    await publish(status.stack.endpoints.kafka, story.events)
    await status.hears(marker)

    await eventually(lambda: status.has_all_of(story))
    events, _ = await status.read_on("officer", "32.16.12")
    assert sorted(e["id"] for e in events) == sorted(str(e.id) for e in [*story.events, *marker.events])


async def test_the_board_keeps_recording_while_the_line_is_dead(status: Status) -> None:
    office = "32.16.13"
    saved = Story(office=office).arrives().is_called().is_captured()
    at_centre = Story(office=office).arrives().is_captured().is_submitted()
    waiting = Story(office=office).arrives()
    await status.hears(saved, at_centre, waiting)
    calm = await status.board(office)

    kafka = status.stack.endpoints.kafka
    await publish(kafka, [gate_changes(Operation.SUBMISSION, GateState.HOLDING, Cause.NETWORK, 1)])
    await eventually(lambda: _line_is_down(status, office, says=True))
    dead = await status.board(office)
    await publish(kafka, [gate_changes(Operation.SUBMISSION, GateState.FLOWING, None, 2)])
    await eventually(lambda: _line_is_down(status, office, says=False))

    assert calm["situations"] == {"saved_here": 1, "at_centre": 1, "arrived": 1}
    assert dead["situations"] == {"waiting_for_line": 1, "at_centre": 1, "arrived": 1}
    assert dead["advice"] == {
        Purpose.FIRST_RECORDING: "keep_recording",
        Purpose.RE_RECORDING: "keep_recording",
        Purpose.SUKET_EXTENSION: "hold",
    }
    assert (dead["queue"]["waiting"]["today"], dead["queue"]["called"]) == (2, 1)
    assert dead["queue"]["last_called"][0]["counter"] == 2
    assert dead["ages"]["oldest_unsent_at"]
    assert dead["ages"]["data_seconds"] < 15


async def _line_is_down(status: Status, office: str, *, says: bool) -> bool:
    return bool((await status.board(office))["line_is_down"]) is says


async def test_a_rebuild_from_kafka_gives_the_same_tables(status: Status) -> None:
    moved = Story(office="32.16.14").arrives().is_captured().returns("32.16.15")
    await status.hears(moved.is_submitted().is_unique().card_is_printed())

    check = await asyncio.to_thread(_rebuild_check, status.stack)

    assert check["live"] == check["rebuilt"]
    assert check["events"] == check["live_events"] > 0


def _rebuild_check(stack: Stack) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "services.status", "rebuild-check"],
        env=stack.environment("status"),
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    return dict(json.loads(done.stdout.splitlines()[-1]))


async def test_who_has_no_token_or_no_scope_is_refused(status: Status) -> None:
    assert (await status.client.get("/v1/events")).status_code == 401
    assert (await status.get("/v1/events", "auditor", "*")).status_code == 403
    assert (await status.get("/v1/offices/99.99.99/board", "sre", "*")).status_code == 404
