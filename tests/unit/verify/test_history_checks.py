from dataclasses import replace

import pytest

from tests.support.seen_office import INTAKE, arrived, attempt, captured, told, tried
from tools.verify.checks.history import history_is_legal
from tools.verify.seen import Told

CARD = [
    tried(1, "identity_check"),
    tried(2, "submission"),
    tried(3, "deduplication"),
    told("card.print_ready.v1", 4),
    tried(5, "card_printing"),
    told("card.printed.v1", 6),
    told("card.handed_over.v1", 7),
    told("recording.completed.v1", 8, document="card"),
]
VISIT = [arrived(), captured()]


def failure(sequence: int, attempt_id: str, *, final: bool) -> Told:
    return told("recording.failed.v1", sequence, stage="identity_check", attempt_id=attempt_id, final=final)


def test_a_whole_journey_to_a_card_is_legal() -> None:
    assert history_is_legal([*VISIT, *CARD], []).is_ok


def test_a_journey_that_was_parked_and_resumed_is_legal() -> None:
    events = [
        tried(1, "identity_check", "refused"),
        failure(2, "a1", final=True),
        told("recording.parked.v1", 3, stage="identity_check"),
        told("recording.resumed.v1", 4, stage="identity_check"),
        tried(5, "identity_check"),
    ]

    assert history_is_legal([*VISIT, *events], []).is_ok


def test_an_event_published_twice_is_legal() -> None:
    assert history_is_legal([*VISIT, *CARD, replace(CARD[0], offset=99)], []).is_ok


def test_a_hole_in_the_sequence_is_found() -> None:
    found = history_is_legal([arrived(), told("applicant.served.v1", 3, INTAKE)], [])

    assert found.examples == ("/rekam/intake 0199-contoh: 3 follows 1",)


def test_two_events_of_one_number_are_found() -> None:
    twin = replace(CARD[0], id="another", offset=1000)

    assert not history_is_legal([*VISIT, CARD[0], twin], []).is_ok


@pytest.mark.parametrize(
    "events",
    [
        [tried(1, "submission")],
        [tried(1, "identity_check"), tried(2, "identity_check")],
        [tried(1, "suket_issue")],
        [failure(1, "a1", final=False)],
        [told("recording.parked.v1", 1, stage="identity_check")],
        [told("recording.resumed.v1", 1, stage="identity_check")],
        [told("card.print_ready.v1", 1)],
        [told("card.handed_over.v1", 1)],
        [told("recording.completed.v1", 1, document="card")],
    ],
)
def test_an_illegal_step_is_found(events: list[Told]) -> None:
    assert not history_is_legal([*VISIT, *events], []).is_ok


def test_nothing_follows_the_end() -> None:
    events = [told("recording.cancelled.v1", 1, reason_code="x"), tried(2, "identity_check")]

    assert history_is_legal([*VISIT, *events], []).examples == (
        "recording 0199-contoh: recording.attempted.v1 after recording.cancelled.v1",
    )


def test_a_call_under_way_at_the_end_may_still_tell_how_it_ended() -> None:
    events = [told("recording.cancelled.v1", 2, reason_code="x"), tried(3, "identity_check", attempt_id="late")]
    before = told("recording.attempted.v1", 1, stage="identity_check", outcome="failed", attempt_id="a1")

    assert history_is_legal([*VISIT, before, *events], [attempt("late", 1)]).is_ok


def test_a_newer_packet_starts_submission_anew() -> None:
    events = [tried(1, "identity_check"), tried(2, "submission"), tried(3, "submission")]

    assert not history_is_legal([*VISIT, *events], []).is_ok
    assert history_is_legal([*VISIT, captured(2), *events], []).is_ok


def test_a_journey_of_nobody_is_found() -> None:
    assert not history_is_legal(CARD, []).is_ok
