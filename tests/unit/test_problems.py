"""Refusals: every one says what is wrong, none says a personal value back."""

from typing import Annotated, Literal
from uuid import UUID

import orjson
import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from shared.auth import Caller
from shared.postgres.idempotency import Answer, fingerprint
from shared.postgres.pool import DatabaseAway
from shared.problems import (
    BadRequest,
    Conflict,
    Invalid,
    KeyInUse,
    NotFound,
    Problem,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
    explanation,
    problem_of,
    problem_response,
)

MARKER = "9999990101900001"


class OpenSomewhere(Conflict):
    """An open recording exists at another office."""

    slug = "open-somewhere"


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Visit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    nik: Annotated[str, Field(max_length=4)]
    identifier: UUID
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


def refusal_of(given: dict[str, object]) -> Problem:
    with pytest.raises(ValidationError) as caught:
        Visit.model_validate(given)
    faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in caught.value.errors()]
    return problem_of(RequestValidationError(faults))


def test_a_refusal_is_an_rfc_9457_document() -> None:
    problem = OpenSomewhere("Return there.", extra={"office": "32.16.06"})

    response = problem_response(problem, "ab" * 16, base_url="http://intake.invalid/")

    assert response.headers["content-type"] == "application/problem+json"
    assert orjson.loads(response.body) == {
        "type": "http://intake.invalid/problems/open-somewhere",
        "title": "An open recording exists at another office",
        "status": 409,
        "detail": "Return there.",
        "retryable": False,
        "trace_id": "ab" * 16,
        "office": "32.16.06",
    }


def test_a_field_that_does_not_fit_is_pointed_at_and_never_quoted() -> None:
    given = {"nik": MARKER, "identifier": MARKER, "pet": {"kind": MARKER}, "unknown": MARKER, MARKER: 1}

    problem = refusal_of(given)

    assert isinstance(problem, Invalid)
    assert {error["pointer"] for error in problem.errors} == {"#/nik", "#/identifier", "#/pet", "#/unknown", "#/*"}
    assert MARKER not in str(problem.errors)


def test_the_first_character_of_a_bad_id_is_not_told() -> None:
    problem = refusal_of({"nik": "1", "identifier": "#secret", "pet": {"kind": "cat"}})

    assert problem.errors == [{"pointer": "#/identifier", "detail": "Input should be a valid UUID"}]


def test_a_fault_outside_the_body_says_where_it_is() -> None:
    fault = {"type": "int_parsing", "loc": ("query", "limit"), "msg": "Input should be a valid integer", "input": "x"}

    problem = problem_of(RequestValidationError([fault]))

    assert problem.errors == [{"in": "query", "pointer": "#/limit", "detail": "Input should be a valid integer"}]


def test_a_body_left_unread_means_a_wrong_content_type() -> None:
    fault = {"type": "model_attributes_type", "loc": ("body",), "msg": "Input should be an object", "input": b"x"}

    assert isinstance(problem_of(RequestValidationError([fault], body=b"x")), UnsupportedMedia)


@pytest.mark.parametrize("error", [DatabaseAway(), TimeoutError(), ConnectionResetError()])
def test_a_database_that_is_away_means_ask_again(error: Exception) -> None:
    problem = problem_of(error)

    assert isinstance(problem, Unavailable)
    assert problem.retryable
    assert problem.headers() == {"retry-after": "2"}


def test_the_unexpected_keeps_its_message_to_itself() -> None:
    response = problem_response(problem_of(ValueError(MARKER)), "0" * 32, base_url="http://x.invalid")

    assert response.status_code == 500
    assert MARKER.encode() not in response.body


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (400, BadRequest), (418, BadRequest), (500, Problem)])
def test_what_the_framework_refuses_becomes_a_problem(status: int, kind: type[Problem]) -> None:
    assert type(problem_of(HTTPException(status))) is kind


def test_a_refusal_tells_the_client_what_to_do_next() -> None:
    assert KeyInUse().headers() == {"retry-after": "1"}
    assert Unauthorized().headers() == {"www-authenticate": "Bearer"}


def test_every_type_has_a_page_that_explains_it() -> None:
    assert b"An open recording exists at another office" in explanation("open-somewhere").body

    with pytest.raises(NotFound):
        explanation("no-such-problem")


@pytest.mark.parametrize(
    ("offices", "office", "is_seen"),
    [
        (("32.16.06",), "32.16.06", True),
        (("32.16.06",), "32.16.0", False),
        (("32.16.06",), "32.16.061", False),
        (("32.16.",), "32.16.06", True),
        (("32.16.",), "32.160.6", False),
        (("32.16.06",), "32.16.", False),
        (("*",), "11.01.01", True),
        ((), "11.01.01", False),
    ],
)
def test_an_office_is_seen_by_its_code_or_a_prefix_that_ends_at_a_dot(
    offices: tuple[str, ...], office: str, *, is_seen: bool
) -> None:
    assert Caller("s", "c", "officer", frozenset(), offices).may_see(office) is is_seen


def test_offices_become_patterns_that_cannot_be_widened() -> None:
    caller = Caller("s", "c", "regency", frozenset(), ("32.16.", "32.17.01", "*", "1%"))

    assert caller.office_patterns() == ["32.16.%", "32.17.01", "%", r"1\%"]


def test_a_fingerprint_depends_on_all_of_the_request_and_on_the_key() -> None:
    prints = {
        fingerprint(b"k", "POST", "/v1/a", b"body"),
        fingerprint(b"k", "POST", "/v1/b", b"body"),
        fingerprint(b"k", "POST", "/v1/a", b"other"),
        fingerprint(b"other", "POST", "/v1/a", b"body"),
    }

    assert len(prints) == 4


@pytest.mark.parametrize(("status", "is_kept"), [(201, True), (409, True), (422, False), (400, False), (503, False)])
def test_answers_that_may_differ_next_time_are_not_kept(status: int, *, is_kept: bool) -> None:
    assert Answer(status, b"").is_worth_storing is is_kept
