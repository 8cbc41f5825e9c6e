from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.status.domain.cursor import Cursor, MalformedCursor
from services.status.domain.line import Advice, Gate, Line, Verdict, advise
from services.status.domain.redaction import shown
from services.status.domain.titles import title_of
from shared.events.catalog import EVENTS
from shared.events.vocabulary import Cause, GateState, Operation, Purpose, Stage

_NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
_PATIENCE = timedelta(minutes=30)
_positions = st.integers(0, 2**63 - 1)


def _line(minutes_ago: int, cause: Cause) -> Line:
    since = _NOW - timedelta(minutes=minutes_ago)
    return Line.of([Gate(Operation.SUBMISSION, GateState.HOLDING, 1, cause, since, since)])


@given(_positions, _positions)
def test_a_cursor_comes_back_as_it_went(epoch: int, position: int) -> None:
    cursor = Cursor(epoch, position)

    assert Cursor.read(cursor.text()) == cursor


@given(st.text(max_size=40))
def test_a_text_that_is_no_cursor_is_told_apart(text: str) -> None:
    try:
        cursor = Cursor.read(text)
    except MalformedCursor:
        return
    assert cursor.text() == text


@pytest.mark.parametrize("purpose", [Purpose.FIRST_RECORDING, Purpose.RE_RECORDING])
@pytest.mark.parametrize("cause", [Cause.NETWORK, Cause.SERVER])
def test_a_dead_line_is_no_reason_to_stop_recording(purpose: Purpose, cause: Cause) -> None:
    assert advise(purpose, _line(300, cause), _NOW, patience=_PATIENCE) is Advice.KEEP_RECORDING


def test_who_needs_the_centre_waits_a_while_and_then_goes_home_with_the_place_kept() -> None:
    extension = Purpose.SUKET_EXTENSION

    assert advise(extension, _line(5, Cause.NETWORK), _NOW, patience=_PATIENCE) is Advice.HOLD
    assert advise(extension, _line(31, Cause.SERVER), _NOW, patience=_PATIENCE) is Advice.SEND_HOME_KEEP_PLACE
    assert advise(extension, Line.of([]), _NOW, patience=_PATIENCE) is Advice.KEEP_RECORDING


def test_an_office_that_cannot_store_stops() -> None:
    advice = advise(Purpose.FIRST_RECORDING, Line.of([]), _NOW, office_can_store=False, patience=_PATIENCE)

    assert advice is Advice.SEND_HOME_KEEP_PLACE


def test_a_gate_held_without_a_known_cause_blames_nobody() -> None:
    assert Gate(Operation.ASK, GateState.HOLDING, 1, Cause.UNKNOWN, _NOW, _NOW).verdict is Verdict.UNDETERMINED


def test_every_title_is_free_of_words_that_frighten() -> None:
    for event in EVENTS:
        for cause in Cause:
            title = title_of(event.event_type, {"stage": Stage.SUBMISSION, "cause": cause})
            assert not {"gagal", "ditolak", "error", "rejected", "failed"} & set(title.id.lower().split())


def test_agencies_never_see_evidence_and_nobody_sees_where_sealed_bytes_lie() -> None:
    said = {"cause": "network", "evidence": {"errno": 110}, "dataref": "x", "check_hmac": "y"}

    assert shown(said, to_agency=True) == {"cause": "network"}
    assert shown(said, to_agency=False) == {"cause": "network", "evidence": {"errno": 110}}
