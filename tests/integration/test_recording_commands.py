"""What people may decide about a recording, who may, and what happens when they say it twice."""

from uuid import UUID, uuid4

import pytest

from shared.events.vocabulary import Purpose
from tests.support.eventually import eventually
from tests.support.recordings import OFFICE, Installation

EXTENSION, FIRST = Purpose.SUKET_EXTENSION, Purpose.FIRST_RECORDING
CAUSE_GONE = {"reason_code": "cause_gone"}


def retry_of(recording: UUID, stage: str = "identity_check") -> str:
    return f"/recordings/{recording}/stages/{stage}/retry"


async def _parked(installation: Installation) -> UUID:
    recording = await installation.arrives(EXTENSION, serial="0005")
    await installation.becomes(recording, "parked")
    return recording


async def test_a_parked_stage_goes_on_when_a_supervisor_says_so_and_keeps_who_asked(
    installation: Installation,
) -> None:
    recording = await _parked(installation)

    answer = await installation.ask("POST", retry_of(recording), "supervisor", OFFICE, body=CAUSE_GONE)

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/recordings/{recording}"
    await eventually(lambda: _tried(installation, recording, 2))
    last = (await installation.attempts(recording))[-1]
    assert (last["trigger"], last["triggered_by"]) == ("operator", f"supervisor:{OFFICE}")
    await eventually(lambda: _resumed(installation, recording), within=30)


async def test_a_stage_that_is_done_is_not_retried(installation: Installation) -> None:
    recording = await installation.arrives(EXTENSION)
    await installation.becomes(recording, "completed")

    answer = await installation.ask("POST", retry_of(recording), "supervisor", OFFICE, body=CAUSE_GONE)

    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/problems/stage-not-retryable")


async def test_a_stage_whose_time_has_not_come_is_not_there_to_retry(installation: Installation) -> None:
    recording = await _parked(installation)

    answer = await installation.ask("POST", retry_of(recording, "suket_issue"), "supervisor", OFFICE, body=CAUSE_GONE)

    assert answer.status_code == 404


async def test_the_same_key_gets_the_first_answer_and_does_nothing_more(installation: Installation) -> None:
    recording, key = await _parked(installation), str(uuid4())
    first = await installation.ask("POST", retry_of(recording), "supervisor", OFFICE, body=CAUSE_GONE, key=key)
    await eventually(lambda: _tried(installation, recording, 2))

    second = await installation.ask("POST", retry_of(recording), "supervisor", OFFICE, body=CAUSE_GONE, key=key)
    other = await installation.ask(
        "POST", retry_of(recording), "supervisor", OFFICE, body={"reason_code": "test"}, key=key
    )

    assert (second.status_code, second.content) == (202, first.content)
    assert second.headers["idempotent-replayed"] == "true"
    assert other.status_code == 422
    assert len(await installation.attempts(recording)) == 2


@pytest.mark.parametrize(
    ("role", "offices", "status"),
    [("supervisor", "32.16.07", 404), ("officer", OFFICE, 403), ("regency", "32.17.", 404)],
)
async def test_who_may_not_retry_is_refused(installation: Installation, role: str, offices: str, status: int) -> None:
    recording = await _parked(installation)

    answer = await installation.ask("POST", retry_of(recording), role, offices, body=CAUSE_GONE)

    assert answer.status_code == status


async def test_a_foreign_office_learns_nothing(installation: Installation) -> None:
    recording = await installation.arrives(EXTENSION)
    await installation.becomes(recording, "completed")

    for path in (f"/recordings/{recording}", f"/recordings/{recording}/attempts"):
        assert (await installation.ask("GET", path, "officer", "32.16.07")).status_code == 404
        assert (await installation.ask("GET", path, "agency", "32.16.")).status_code == 404
        assert (await installation.ask("GET", path, "officer", OFFICE)).status_code == 200
        assert (await installation.api.get(f"/v1{path}")).status_code == 401
        assert (await installation.ask("GET", path, "auditor", "*")).status_code == 403


async def test_an_agency_sees_what_it_created_without_evidence(installation: Installation) -> None:
    recording = await installation.arrives(EXTENSION, created_by="agency:32.16.")
    await installation.becomes(recording, "completed")

    answer = await installation.ask("GET", f"/recordings/{recording}/attempts", "agency", "32.16.")

    assert [row["outcome"] for row in answer.json()["items"]] == ["done", "done"]
    assert all("evidence" not in row and "triggered_by" not in row for row in answer.json()["items"])


async def test_a_note_with_a_number_that_may_be_a_nik_is_refused_and_not_repeated(installation: Installation) -> None:
    recording = await _parked(installation)
    body = {**CAUSE_GONE, "note": "call 08123456789"}

    answer = await installation.ask("POST", retry_of(recording), "supervisor", OFFICE, body=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/note"
    assert "08123456789" not in answer.text


async def test_a_command_without_a_key_or_with_an_unknown_reason_is_refused(installation: Installation) -> None:
    recording = await _parked(installation)
    await installation.ask("GET", f"/recordings/{recording}", "supervisor", OFFICE)
    bearer = {"Authorization": f"Bearer {installation.tokens['supervisor', OFFICE]}"}

    without = await installation.api.post(f"/v1{retry_of(recording)}", headers=bearer, json=CAUSE_GONE)
    unknown = await installation.ask("POST", retry_of(recording), "supervisor", OFFICE, body={"reason_code": "because"})

    assert (without.status_code, unknown.status_code) == (400, 422)


async def test_a_card_that_is_not_printed_is_not_handed_over(installation: Installation) -> None:
    recording = await installation.arrives(FIRST)
    await eventually(lambda: installation.shown(recording))

    answer = await installation.ask("POST", f"/recordings/{recording}/hand-over", "officer", OFFICE)

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "card-not-printed")


async def test_what_has_ended_does_not_end_again(installation: Installation) -> None:
    recording = await installation.arrives(EXTENSION)
    await installation.becomes(recording, "completed")

    for verb, body in (("cancel", {"reason_code": "withdrawn"}), ("hand-over", None)):
        answer = await installation.ask("POST", f"/recordings/{recording}/{verb}", "officer", OFFICE, body=body)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "recording-ended")


async def test_blanks_are_booked_in_and_out_and_never_below_nothing(installation: Installation) -> None:
    regency = "33.40"
    assert (await installation.blanks(regency, 10)).json() == {"regency": regency, "stock": 10}
    assert (await installation.blanks(regency, 3, "spoiled")).json()["stock"] == 7
    assert (await installation.blanks(regency, 5, "counted")).json()["stock"] == 5

    refused = await installation.blanks(regency, 6, "spoiled")
    foreign = await installation.blanks(regency, 1, offices="33.41.")
    listed = await installation.ask("GET", f"/blank-stocks/{regency}/movements", "regency", f"{regency}.")

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/count")
    assert foreign.status_code == 404
    assert listed.json()["stock"] == 5
    assert [(one["kind"], one["stock_after"]) for one in listed.json()["items"]] == [
        ("delivered", 10),
        ("spoiled", 7),
        ("counted", 5),
    ]


async def test_a_delivery_reported_twice_with_one_key_counts_once(installation: Installation) -> None:
    for _ in range(2):
        assert (await installation.blanks("33.42", 4, key="delivery-1")).json()["stock"] == 4


async def _tried(installation: Installation, recording: UUID, times: int) -> bool:
    return len(await installation.attempts(recording)) == times


async def _resumed(installation: Installation, recording: UUID) -> bool:
    return [event.type for event in await installation.said(recording)].count("recording.resumed.v1") == 1
