"""What the centre's answers mean, and what does not pass for one."""

import datetime as dt

import orjson
import pytest

from services.recording.centre.answers import (
    Alive,
    AtCentre,
    IdentityMatch,
    IdentityMismatch,
    NotAtCentre,
    Printed,
    Received,
    Result,
    SuketIssued,
)
from services.recording.centre.evidence import Answered, Trail
from services.recording.centre.reading import Failure, Said, read_answer, read_probe
from shared.events.vocabulary import Cause, Effect, Operation, Phase


def answered(status: int, body: object, content_type: str = "application/json") -> Answered:
    trail = Trail()
    trail.enter(Phase.RECEIVE)
    evidence, duration_ms = trail.evidence(None, 0.0, status=status)
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Answered(status, {"content-type": content_type}, raw, evidence, duration_ms)


@pytest.mark.parametrize(
    ("operation", "status", "body", "meaning"),
    [
        (Operation.IDENTITY_CHECK, 200, {"result": "match", "reference": "ID-1"}, IdentityMatch("ID-1")),
        (
            Operation.IDENTITY_CHECK,
            200,
            {"result": "mismatch", "fields": ["birth_date"]},
            IdentityMismatch("mismatch", ("birth_date",)),
        ),
        (Operation.IDENTITY_CHECK, 200, {"result": "not_found"}, IdentityMismatch("not_found")),
        (Operation.SUBMISSION, 201, {"reference": "RK-1", "state": "RECEIVED_AT_CENTRAL"}, Received("RK-1")),
        (Operation.SUBMISSION, 200, {"reference": "RK-1", "state": "RECEIVED_AT_CENTRAL"}, Received("RK-1")),
        (
            Operation.ASK,
            200,
            {"reference": "RK-1", "state": "PRINT_READY_RECORD", "digest": "sha-256:00"},
            AtCentre("RK-1", "PRINT_READY_RECORD", "sha-256:00"),
        ),
        (Operation.ASK, 404, {"detail": "not registered"}, NotAtCentre()),
        (Operation.CARD_PRINT, 201, {"print_reference": "KTP-1"}, Printed("KTP-1")),
        (
            Operation.SUKET,
            201,
            {"number": "SKT-1", "valid_until": "2017-12-14"},
            SuketIssued("SKT-1", dt.date(2017, 12, 14)),
        ),
    ],
)
def test_the_centre_is_understood(operation: Operation, status: int, body: object, meaning: Result) -> None:
    reading = read_answer(operation, answered(status, body))

    assert isinstance(reading, Said)
    assert reading.result == meaning


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"<html>Sedang dalam pemeliharaan</html>", "text/html", "answer_html"),
        (b'{"state": \x00', "application/json", "answer_not_as_agreed"),
        (b"[]", "application/json", "answer_not_as_agreed"),
        (b'{"state": "RECEIVED_AT_CENTRAL"}', "application/json", "answer_not_as_agreed"),
        (b"", "application/json", "answer_not_as_agreed"),
    ],
)
def test_a_2xx_that_is_no_answer_leaves_the_effect_possible(body: bytes, content_type: str, code: str) -> None:
    reading = read_answer(Operation.SUBMISSION, answered(201, body, content_type))

    assert isinstance(reading, Failure)
    assert (reading.cause, reading.effect, reading.code) == (Cause.SERVER, Effect.POSSIBLE, code)


def test_a_gateways_own_404_does_not_pass_for_the_centres_word() -> None:
    page = answered(404, b"<html>404</html>", "text/html")

    assert isinstance(read_answer(Operation.ASK, page), Failure)
    assert isinstance(read_probe(page), Failure)


def test_a_match_without_a_reference_is_not_as_agreed() -> None:
    reading = read_answer(Operation.IDENTITY_CHECK, answered(200, {"result": "match"}))

    assert isinstance(reading, Failure)


def test_404_means_something_to_an_ask_alone() -> None:
    reading = read_answer(Operation.CARD_PRINT, answered(404, {"detail": "not registered"}))

    assert isinstance(reading, Failure)
    assert (reading.cause, reading.code) == (Cause.LOCAL, "http_404")


def test_a_probe_finds_the_centre_alive_by_its_404() -> None:
    reading = read_probe(answered(404, {"detail": "not registered"}))

    assert isinstance(reading, Said)
    assert reading.result == Alive()
    assert reading.evidence.as_json()["phase_reached"] == "receive"
