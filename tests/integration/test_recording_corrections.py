"""An identity typed anew begins its check again, and the journey goes on to its end (ADR 0015)."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.events.folding import CORRECTED, progressed
from shared.events.intake import ApplicantCorrected
from shared.events.progress import NOTHING_HEARD, Progress
from shared.events.recording import RecordingResumed
from shared.events.situation import Facts, Situation, StageFact, situation_of
from shared.events.vocabulary import Cause, Purpose, Stage
from shared.packets import PacketStore, digest_of
from shared.sealing import Label, SealingKey, seal
from tests.support.eventually import eventually
from tests.support.recordings import NOW, OFFICE, Installation

FIRST = Purpose.FIRST_RECORDING
WRONG = "0005"  # the sandbox's serial of a NIK that does not match


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Types from the Family Card what intake then seals and tells."""

    installation: Installation

    async def corrects(self, recording: UUID, version: int = 2, serial: str = "0001", office: str = OFFICE) -> None:
        """Seal a version of the identity whose NIK ends in this serial, and tell of it as intake does."""
        stack = self.installation.stack
        key = SealingKey.from_file(stack.keys / "centre_sealing.public.json")
        identity = {"nik": f"321606010190{serial}", "name": "CONTOH DUA", "birth_date": "1990-01-01", "sex": "male"}
        sealed = seal(key, Label(recording, office, version, "identity"), json.dumps(identity).encode())
        (ref,) = PacketStore(stack.folder / "store").put_many("identities", [sealed])
        fact = ApplicantCorrected(
            dataref=ref, digest=digest_of(sealed), identity_version=version, check_hmac="", reason_code="mistyped"
        )
        await self.installation._say([(recording, fact)], office)  # noqa: SLF001  intake's voice


async def test_a_mismatch_retyped_from_the_family_card_goes_on_to_the_card(installation: Installation) -> None:
    office = "33.30.02"
    recording = await installation.records(FIRST, office=office, serial=WRONG)
    await installation.shows(recording, "come_for_data")

    await Supervisor(installation).corrects(recording, office=office)
    await installation.blanks("33.30", 1)

    shown = await installation.shows(recording, "card_ready")
    assert shown["state"] == "in_progress"
    await eventually(lambda: _tells_resumed(installation, recording, ["identity_check"]))
    checks = [row for row in await installation.attempts(recording) if row["stage"] == "identity_check"]
    assert [(row["number"], row["outcome"]) for row in checks] == [(1, "refused"), (2, "done")]
    keys = [call["key"] for call in await installation.journal(recording) if call["operation"] == "identity_check"]
    assert keys == [f"{recording}:identity_check:1", f"{recording}:identity_check:2"]


async def test_a_second_mismatch_is_parked_again_and_corrected_again(installation: Installation) -> None:
    recording = await installation.records(FIRST, serial=WRONG)
    await installation.shows(recording, "come_for_data")

    await Supervisor(installation).corrects(recording, 2, WRONG)
    await eventually(lambda: _was_refused(installation, recording, 2))
    await Supervisor(installation).corrects(recording, 3)

    await installation.shows(recording, "waiting_for_blank")
    assert (await installation.record(recording))["registrations"] == {"1": 1}


async def test_the_answer_about_the_older_identity_does_not_count(installation: Installation) -> None:
    await installation.goes_wrong("identity_check", "slow", delay=1.5, times=1)
    recording = await installation.records(FIRST, serial=WRONG)
    await eventually(lambda: _in_state(installation, recording, "identity_check", "in_flight"))

    await Supervisor(installation).corrects(recording)

    await installation.shows(recording, "waiting_for_blank")
    await eventually(lambda: _tells_resumed(installation, recording, []))
    checks = [row for row in await installation.attempts(recording) if row["stage"] == "identity_check"]
    assert [(row["outcome"], row["next"] and row["next"]["action"]) for row in checks] == [
        ("refused", "try_again"),
        ("done", None),
    ]


async def test_what_is_not_yet_sent_waits_until_the_corrected_identity_is_checked(installation: Installation) -> None:
    await installation.goes_wrong("submission", "status", status=503, retry_after=2)
    recording = await installation.records(FIRST)
    await installation.shows(recording, "waiting_for_centre")

    await Supervisor(installation).corrects(recording, serial=WRONG)
    await installation.shows(recording, "come_for_data")
    await installation.goes_wrong("submission", "status", status=503, times=0)
    (await installation.centre.delete("/faults")).raise_for_status()
    held = await installation.stage(recording, "submission")
    by_hand = {"reason_code": "test"}
    refused = await installation.ask("POST", f"/recordings/{recording}/stages/submission/retry", body=by_hand)
    (await installation.ask("GET", "/gates")).raise_for_status()
    await Supervisor(installation).corrects(recording, 3)

    assert (held["state"], held["due_at"], held["waiting_for"]) == ("waiting", None, "centre")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "stage-not-retryable")
    await installation.shows(recording, "waiting_for_blank")
    calls = [call["operation"] for call in await installation.journal(recording)]
    assert calls.index("submission") < calls.index("identity_check", 1)
    assert calls[-1] != "identity_check"
    numbers = [row["number"] for row in await installation.attempts(recording) if row["stage"] == "submission"]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_what_the_centre_has_already_is_left_as_it_is(installation: Installation) -> None:
    recording = await installation.records(FIRST, serial="0006")
    await installation.shows(recording, "regency_review")

    await Supervisor(installation).corrects(recording)
    await eventually(lambda: _was_checked(installation, recording, 2))

    shown = await installation.shows(recording, "regency_review")
    assert shown["state"] == "parked"
    assert (await installation.record(recording))["registrations"] == {"1": 1}
    (await installation.centre.put("/outcomes", json={str(recording): "PRINT_READY_RECORD"})).raise_for_status()
    path = f"/recordings/{recording}/stages/deduplication/retry"
    retried = await installation.ask("POST", path, "supervisor", OFFICE, body={"reason_code": "corrected"})
    assert retried.status_code == 202
    await installation.shows(recording, "waiting_for_blank")
    asks = [row["outcome"] for row in await installation.attempts(recording) if row["stage"] == "deduplication"]
    assert [outcome for outcome in asks if outcome == "refused"] == ["refused"]


async def test_new_prints_that_come_while_the_identity_is_checked_again_are_sent(installation: Installation) -> None:
    recording = await installation.records(FIRST, serial="0002")
    await installation.shows(recording, "come_for_prints")
    await installation.goes_wrong("identity_check", "status", status=503, retry_after=2, times=1)
    (await installation.centre.put("/outcomes", json={str(recording): "PRINT_READY_RECORD"})).raise_for_status()

    await Supervisor(installation).corrects(recording)
    await installation.is_captured(recording, version=2)

    await installation.shows(recording, "waiting_for_blank")
    assert (await installation.record(recording))["registrations"] == {"1": 1, "2": 1}
    await eventually(lambda: _was_checked(installation, recording, 2))


async def test_a_corrected_extension_ends_with_its_suket(installation: Installation) -> None:
    recording = await installation.arrives(serial=WRONG)
    await installation.shows(recording, "come_for_data")

    await Supervisor(installation).corrects(recording)

    await installation.shows(recording, "suket_ready")


async def test_a_correction_that_crossed_the_cancellation_changes_nothing(installation: Installation) -> None:
    recording = await installation.records(FIRST, serial=WRONG)
    await installation.shows(recording, "come_for_data")
    body = {"reason_code": "wrong_person"}
    (await installation.ask("POST", f"/recordings/{recording}/cancel", "officer", OFFICE, body=body)).raise_for_status()

    await Supervisor(installation).corrects(recording)
    other = await installation.records(FIRST)

    await installation.shows(other, "waiting_for_blank")
    assert (await installation.shown(recording))["state"] == "cancelled"


def test_who_only_listens_is_told_the_same_as_is_shown() -> None:
    fact = StageFact(is_parked=True, cause=Cause.DATA, signature="identity_check/data/identity_mismatch")
    before = NOTHING_HEARD.with_stage(Stage.IDENTITY_CHECK, fact)
    assert _situation(before) is Situation.COME_FOR_DATA

    after = progressed(before, RecordingResumed(stage=Stage.IDENTITY_CHECK, reason_code=CORRECTED), NOW)

    assert _situation(after) is Situation.SAVED_HERE


def test_a_check_begun_again_forgets_nothing_of_what_the_centre_has() -> None:
    there = NOTHING_HEARD.with_done(Stage.IDENTITY_CHECK, NOW).with_done(Stage.SUBMISSION, NOW)

    after = progressed(there, RecordingResumed(stage=Stage.IDENTITY_CHECK, reason_code=CORRECTED), NOW)

    assert (_situation(after), after.submitted_at) == (Situation.AT_CENTRE, NOW)


def _situation(progress: Progress) -> Situation:
    return situation_of(Facts(purpose=FIRST, has_capture=True, stages=progress.stages))


async def _tells_resumed(installation: Installation, recording: UUID, stages: list[str]) -> bool:
    said: list[Any] = list(await installation.said(recording))
    resumed = [one.data.stage for one in said if one.type == "recording.resumed.v1"]
    is_over = any(one.data.stage == "submission" for one in said if one.type == "recording.attempted.v1")
    return is_over and resumed == stages


async def _in_state(installation: Installation, recording: UUID, stage: str, state: str) -> bool:
    query = "SELECT state FROM stage WHERE recording_id = $1 AND stage = $2"
    return bool(await installation.database.fetchval(query, recording, stage) == state)


async def _checks(installation: Installation, recording: UUID, outcome: str) -> int:
    rows = await installation.attempts(recording)
    return sum(row["stage"] == "identity_check" and row["outcome"] == outcome for row in rows)


async def _was_refused(installation: Installation, recording: UUID, times: int) -> bool:
    return await _checks(installation, recording, "refused") == times


async def _was_checked(installation: Installation, recording: UUID, times: int) -> bool:
    return await _checks(installation, recording, "done") == times
