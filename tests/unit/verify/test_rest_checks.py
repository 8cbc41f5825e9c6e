from dataclasses import replace
from datetime import timedelta

from tests.support.seen_office import NOW, kept, ledger, quiet, recording, stage
from tools.verify.checks.rest import all_is_finished, no_personal_data, rebuild_is_same
from tools.verify.seen import Found, Ledger, Rebuild, RecordingRow, Search, StageRow

ARRIVALS = kept().arrivals


def at_work(row: RecordingRow, *stages: StageRow, **more: object) -> Ledger:
    return ledger(recordings=(replace(row, state="in_progress"),), stages=stages, **more)


def test_what_has_ended_is_finished() -> None:
    assert all_is_finished(ledger(recordings=(recording(),)), ARRIVALS, quiet()).is_ok


def test_a_stage_that_waits_or_is_under_way_is_unfinished() -> None:
    for state in ("waiting", "in_flight"):
        assert not all_is_finished(at_work(recording(), stage(state=state)), ARRIVALS, quiet()).is_ok


def test_a_stage_that_waits_although_its_journey_was_cancelled_is_found() -> None:
    seen = ledger(recordings=(recording(state="cancelled"),), stages=(stage(state="waiting"),))

    assert not all_is_finished(seen, ARRIVALS, quiet()).is_ok


def test_who_waits_for_a_person_or_a_date_is_excused_and_counted() -> None:
    young = recording(awaits="birthday", card_not_before=NOW.date() + timedelta(days=9))
    for row in (recording(awaits="blank"), young, recording(packet_version=None), recording(is_printed=True)):
        found = all_is_finished(at_work(row), ARRIVALS, quiet())

        assert found.is_ok
        assert "1 wait for" in found.detail


def test_who_waits_for_a_blank_that_lies_there_is_unfinished() -> None:
    assert not all_is_finished(at_work(recording(awaits="blank"), stock={"32.16": 1}), ARRIVALS, quiet()).is_ok


def test_a_centre_that_still_works_on_it_is_asked_later() -> None:
    asked_later = stage("deduplication", "waiting", due_at=NOW + timedelta(hours=1))

    assert all_is_finished(at_work(recording(), asked_later), ARRIVALS, quiet()).is_ok
    assert not all_is_finished(at_work(recording(), replace(asked_later, due_at=NOW)), ARRIVALS, quiet()).is_ok


def test_an_arrival_that_recording_never_opened_is_found() -> None:
    assert not all_is_finished(ledger(), ARRIVALS, quiet()).is_ok


def test_an_outbox_a_quarantine_or_a_lag_is_found() -> None:
    for rest in (
        replace(quiet(), outbox={"intake": 1}),
        replace(quiet(), quarantine={"status": 1}),
        replace(quiet(), lag={"group status, intake.events-0": 1}),
    ):
        assert not all_is_finished(ledger(), (), rest).is_ok


def test_a_rebuild_with_another_hash_is_found() -> None:
    assert rebuild_is_same(Rebuild(live="a", rebuilt="a", events=1, live_events=1)).is_ok
    assert not rebuild_is_same(Rebuild(live="a", rebuilt="b", events=1, live_events=1)).is_ok


def test_a_place_that_knows_a_person_is_named() -> None:
    found = no_personal_data(Search(mode="", places=1, size=9, found=(Found("table x", "marker 1 in clear"),)))

    assert found.examples == ("table x: marker 1 in clear",)
