"""What operators lean on: evidence, traces, counts of failures, gates, and a fair turn for every office."""

from typing import Any
from uuid import UUID

from shared.events.vocabulary import Purpose
from tests.support.eventually import eventually
from tests.support.recordings import Installation

EXTENSION, FIRST = Purpose.SUKET_EXTENSION, Purpose.FIRST_RECORDING
PHASES = {"resolve", "connect", "tls", "send", "wait", "receive"}


async def test_an_attempt_shows_its_evidence_and_what_comes_next(installation: Installation) -> None:
    recording = await _fails_once(installation)

    failed, *_ = [row for row in await installation.attempts(recording) if row["outcome"] == "failed"]

    assert set(failed["phases_ms"]) <= PHASES
    assert failed["phases_ms"]["wait"] >= 0
    assert failed["evidence"]["bytes_sent"] > 0
    assert (failed["cause"], failed["owner"], failed["signature"]) == (
        "server",
        "centre",
        "suket_issue/server/http_503",
    )
    assert failed["next"]["action"] == "try_again"
    assert failed["next"]["at"] > failed["started_at"]
    assert failed["duration_ms"] > 0


async def test_an_attempts_trace_opens_and_links_to_its_cause_and_its_predecessor(installation: Installation) -> None:
    recording = await _fails_once(installation)
    check, failed, done = await installation.attempts(recording)

    first, second, third = [await _root(installation, row) for row in (check, failed, done)]

    assert [root["name"] for root in (first, second, third)] == [
        "attempt identity_check",
        "attempt suket_issue",
        "attempt suket_issue",
    ]
    assert [root["status"] for root in (first, second, third)] == ["ok", "error", "ok"]
    assert [link["trace_id"] for link in first["links"]] == [installation.causes[recording].split("-")[1]]
    assert [link["trace_id"] for link in second["links"]] == [check["trace_id"]]
    assert [link["trace_id"] for link in third["links"]] == [check["trace_id"], failed["trace_id"]]
    attributes = second["attributes"]
    assert attributes["rekam.recording.id"] == str(recording)
    assert (attributes["rekam.attempt"], attributes["rekam.trigger"]) == (1, "arrival")
    assert attributes["error.type"] == attributes["rekam.signature"] == failed["signature"]


async def test_a_trace_has_a_child_for_each_phase(installation: Installation) -> None:
    recording = await installation.arrives(EXTENSION)
    await installation.becomes(recording, "completed")
    row = (await installation.attempts(recording))[0]

    root = await _root(installation, row)

    spans = (await installation.traces.get(f"/traces/{row['trace_id']}", headers={"accept": "application/json"})).json()
    children = {span["name"] for span in spans["spans"] if span["parent_span_id"] == root["span_id"]}
    assert children == set(row["phases_ms"])
    assert (await installation.traces.get(row["trace_url"])).status_code == 200


async def test_failures_are_counted_by_kind_with_examples(installation: Installation) -> None:
    recording = await _fails_once(installation)

    for group_by, name in (("signature", "suket_issue/server/http_503"), ("stage", "suket_issue"), ("cause", "server")):
        answer = await installation.ask("GET", f"/failures?group_by={group_by}")
        counted = next(one for one in answer.json()["items"] if one["group"] == name)
        assert counted["count"] >= 1
        assert str(recording) in counted["examples"]


async def test_attempts_are_listed_newest_first_page_by_page(installation: Installation) -> None:
    office = "33.50.01"
    for recording in await installation.arrive(3, EXTENSION, office=office):
        await installation.becomes(recording, "completed")

    seen: list[str] = []
    after = ""
    while True:
        page = (await installation.ask("GET", f"/attempts?office={office}&limit=4{after}")).json()
        seen += [row["id"] for row in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == len(seen) == 6
    assert (await installation.ask("GET", "/attempts", "regency", "33.51.")).json()["items"] == []


async def test_gates_tell_how_much_waits_behind_them(installation: Installation) -> None:
    await installation.goes_wrong("suket", "status", status=503, retry_after=600)
    recording = await installation.arrives(EXTENSION)
    await installation.shows(recording, "waiting_for_centre")

    gates = {one["operation"]: one for one in (await installation.ask("GET", "/gates")).json()["items"]}

    assert set(gates) == {"identity_check", "submission", "ask", "card_print", "suket"}
    assert gates["suket"]["state"] == "flowing"
    assert gates["suket"]["backlog"]["today"] >= 1
    assert gates["suket"]["limit"] == 2  # of 4, as the centre failed one of its calls
    await installation.ask(
        "POST", f"/recordings/{recording}/cancel", "officer", "32.16.06", body={"reason_code": "withdrawn"}
    )


async def test_a_small_office_does_not_wait_behind_a_large_one(installation: Installation) -> None:
    await installation.goes_wrong("identity_check", "slow", delay=0.1)
    large = await installation.arrive(200, EXTENSION, office="33.60.01")
    await eventually(lambda: _served(installation, large, 8))
    small = await installation.arrive(5, EXTENSION, office="33.60.02")
    already = await _number_served(installation, large)

    await eventually(lambda: _served(installation, small, 5))

    between = await _served_before_the_last_of(installation, large, small) - already
    assert between <= 2 * 5 + 4
    await installation.forgets(large)


async def _fails_once(installation: Installation) -> UUID:
    await installation.goes_wrong("suket", "status", status=503, times=1)
    recording = await installation.arrives(EXTENSION)
    await installation.becomes(recording, "completed")
    return recording


async def _root(installation: Installation, row: dict[str, Any]) -> dict[str, Any]:
    async def opened() -> Any:
        url = f"/traces/{row['trace_id']}"
        answer = await installation.traces.get(url, headers={"accept": "application/json"})
        return next(span for span in answer.raise_for_status().json()["spans"] if span["parent_span_id"] is None)

    return dict(await eventually(opened))


async def _number_served(installation: Installation, people: list[UUID]) -> int:
    return int(
        await installation.database.fetchval(
            "SELECT count(*) FROM attempt WHERE recording_id = ANY($1) AND stage = 'identity_check'", people
        )
    )


async def _served(installation: Installation, people: list[UUID], at_least: int) -> bool:
    return await _number_served(installation, people) >= at_least


async def _served_before_the_last_of(installation: Installation, large: list[UUID], small: list[UUID]) -> int:
    return int(
        await installation.database.fetchval(
            """
            SELECT count(*)
            FROM attempt
            WHERE recording_id = ANY($1) AND stage = 'identity_check' AND started_at <= (
                SELECT max(started_at) FROM attempt WHERE recording_id = ANY($2) AND stage = 'identity_check')""",
            large,
            small,
        )
    )
